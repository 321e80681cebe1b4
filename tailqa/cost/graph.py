"""The stages of a pipeline as a graph: what comes after what, and what is wrong with it."""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailqa.cost.schema import Stage

Broken = tuple[tuple[str | int, ...], str, object]
"""Place, rule and value of a fault."""


def resolved_after(stages: "Sequence[Stage]") -> tuple[tuple[str, ...], ...]:
    """For each stage the names of those that must be over before it starts."""
    return tuple(
        tuple(stage.after)
        if stage.after is not None
        else tuple(before.name for before in stages[max(index - 1, 0) : index])
        for index, stage in enumerate(stages)
    )


def in_order(stages: "Sequence[Stage]") -> tuple[int, ...]:
    """The indices of the stages so that each comes after all it waits for, else as written.

    Raises ValueError for stages that wait for each other, or for one that is not there.
    """
    after = resolved_after(stages)
    order: list[int] = []
    over: set[str] = set()
    while len(order) < len(stages):
        ready = (i for i, stage in enumerate(stages) if stage.name not in over)
        found = next((i for i in ready if over.issuperset(after[i])), None)
        if found is None:
            raise ValueError("stages wait for each other, or for one that is not there")
        order.append(found)
        over.add(stages[found].name)
    return tuple(order)


def repeated(stages: "Sequence[Stage]", first: str) -> frozenset[str]:
    """The names of the stages that are passed again: `first`, and all that wait for it."""
    after = resolved_after(stages)
    again = {first}
    for index in in_order(stages):
        if not again.isdisjoint(after[index]):
            again.add(stages[index].name)
    return frozenset(again)


def graph_faults(stages: "Sequence[Stage]", repeat_from: str | None) -> Iterator[Broken]:
    """What is wrong with the stages, one by one and as a graph."""
    for index, stage in enumerate(stages):
        for key, rule, value in _stage_faults(stage):
            yield ("stages", index, key), rule, value
    models = [stage.name for stage in stages if stage.model]
    if len(models) != 1:
        have = f"{len(models)} have: {', '.join(models)}" if models else "none has"
        yield ("stages",), f"exactly one stage must have model: true, {have}", None
    unsound = [*_name_faults(stages)] or [*_cycle(stages)]
    yield from unsound
    names = [stage.name for stage in stages]
    if repeat_from is None or (repeat_from in names and (unsound or len(models) != 1)):
        return
    if repeat_from not in names:
        yield ("policy", "repeat_from"), _unknown(names), repeat_from
    elif models[0] not in repeated(stages, repeat_from):
        rule = f"{models[0]} does not come after it, so a retry would not ask the model again"
        yield ("policy", "repeat_from"), rule, repeat_from


def _stage_faults(stage: "Stage") -> Iterator[tuple[str, str, object]]:
    if not stage.model:
        if stage.time is None:
            yield "time", "is required, save at the stage with model: true", None
        if stage.concurrency != 1:
            rule = "is for the model's stage alone: another stage takes more servers"
            yield "concurrency", rule, stage.concurrency
        return
    if stage.time is not None:
        yield "time", "must be left out: the model's own time was measured", None
    if stage.probability != 1:
        yield "probability", "must be 1: without the model there is no answer", stage.probability
    if stage.usd_per_server_hour:
        rule = "must be left out: what the models cost stands in prices"
        yield "usd_per_server_hour", rule, stage.usd_per_server_hour


def _name_faults(stages: "Sequence[Stage]") -> Iterator[Broken]:
    names = [stage.name for stage in stages]
    for index, name in enumerate(names):
        if names.index(name) != index:
            rule = f"is already the name of stages[{names.index(name)}]"
            yield ("stages", index, "name"), rule, name
    for index, stage in enumerate(stages):
        for name in stage.after or ():
            if name not in names:
                yield ("stages", index, "after"), _unknown(names), name


def _cycle(stages: "Sequence[Stage]") -> Iterator[Broken]:
    names = [stage.name for stage in stages]
    graph = dict(zip(names, resolved_after(stages), strict=True))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        rule = f"stages must not wait for each other: {' -> '.join(circle)}"
        yield ("stages", names.index(circle[-1]), "after"), rule, None


def _unknown(names: Sequence[str]) -> str:
    return f"is not a stage; there are {', '.join(names)}"
