"""What an operations report does not know, and why."""

from collections.abc import Iterator

from tailqa.core.answer import Side
from tailqa.core.estimate import TooFew
from tailqa.core.operations import UNTIMED, Operations, Option, StageLoad
from tailqa.report.escape import one_line
from tailqa.report.operations_format import (
    FIGURE_NAMES,
    NO_PRICES,
    OPTION_NAMES,
    has_prices,
    is_time,
    options_of,
    tells,
)

_SIDES: tuple[Side, ...] = ("teacher", "student")


def unknown_lines(operations: Operations) -> list[str]:
    """Which figures are not known, and why, a sentence each."""
    return [
        *(f"Not known: {why}." for why in unmeasured(operations)),
        *([] if has_prices(operations) else [NO_PRICES]),
    ]


def untimed_sides(operations: Operations) -> list[Side]:
    """The models that were asked for and whose speed is not known."""
    known = {speed.side for speed in operations.speeds}
    return [side for side in _SIDES if side not in known and operations.option(side)]


def untimed_words(operations: Operations) -> str:
    """Whose speed is not known, and what follows; empty where both are."""
    sides = untimed_sides(operations)
    if not sides:
        return ""
    return (
        f"Speed of the {' and of the '.join(sides)}: {UNTIMED}, so nothing is told that depends "
        "on it."
    )


def knows_a_time(operations: Operations) -> bool:
    """Whether any end-to-end time is known."""
    return any(
        is_time(figure) and tells(measured)
        for row in operations.options
        for figure, measured in row.figures.items()
    )


def unmeasured(operations: Operations) -> list[str]:
    """Which figures there are not, and why; what is so everywhere does not say where."""
    scopes: dict[tuple[str, str, Option], list[str]] = {}
    for row in operations.options:
        reasons: dict[str, list[str]] = {}
        for figure, name in FIGURE_NAMES.items():
            measured = row.figures.get(figure)
            if isinstance(measured, TooFew) and (has_prices(operations) or "USD" not in name):
                reasons.setdefault(measured.reason, []).append(name)
        for reason, names in reasons.items():
            key = (reason, ", ".join(names), row.option)
            scopes.setdefault(key, []).append(one_line(row.scope))
    everywhere = len({row.scope for row in operations.options})
    options: dict[tuple[str, str, str], list[str]] = {}
    for (reason, said, option), found in scopes.items():
        where = "" if len(found) == everywhere else f" in {', '.join(found)}"
        options.setdefault((said, reason, where), []).append(OPTION_NAMES[option])
    every = len(options_of(operations))
    return [
        said
        + ("" if len(who) == every else f" ({'; '.join(who)})")
        + f"{where}: {one_line(reason)}"
        for (said, reason, where), who in options.items()
    ]


def unknown_bottleneck(operations: Operations) -> list[str]:
    """That it is not known which stage is the bottleneck; empty where it is."""
    of = _by_option(operations)
    who = [OPTION_NAMES[option] for option, loads in of.items() if _unknown_bottleneck(loads)]
    where = "" if len(who) == len(of) else f" ({'; '.join(who)})"
    return [f"Not known: which stage is the bottleneck{where}: {UNTIMED}."] if who else []


def unknown_stage_lines(operations: Operations) -> list[str]:
    """Which cells of the table of stages are empty, and why; and whose bottleneck is not known."""
    of = _by_option(operations)
    stages: dict[tuple[str, str, Option], list[str]] = {}
    for option, loads in of.items():
        for load in loads:
            for reason, names in _empty(load):
                stages.setdefault((reason, names, option), []).append(one_line(load.stage))
    options: dict[tuple[str, str, str], list[Option]] = {}
    for (reason, names, option), places in stages.items():
        where = f" of {', '.join(places)}"
        options.setdefault((reason, names, where), []).append(option)
    return [
        *(
            f"Not known: {names}{where}"
            + ("" if len(who) == len(of) else f" ({'; '.join(OPTION_NAMES[o] for o in who)})")
            + f": {one_line(reason)}."
            for (reason, names, where), who in options.items()
        ),
        *unknown_bottleneck(operations),
    ]


def _by_option(operations: Operations) -> dict[Option, list[StageLoad]]:
    of: dict[Option, list[StageLoad]] = {}
    for stage in operations.stages:
        of.setdefault(stage.option, []).append(stage)
    return of


def _empty(load: StageLoad) -> Iterator[tuple[str, str]]:
    """Reasons, and the names of the cells that are empty for each."""
    cells = {
        "visits": load.visits_per_query,
        "share in use": load.utilisation,
        "wait": load.wait_s,
        "service": load.service_s,
    }
    reasons: dict[str, list[str]] = {}
    for name, cell in cells.items():
        if isinstance(cell, TooFew):
            reasons.setdefault(cell.reason, []).append(name)
    return ((reason, ", ".join(names)) for reason, names in reasons.items())


def _unknown_bottleneck(loads: list[StageLoad]) -> bool:
    return not any(load.bottleneck for load in loads) and any(
        isinstance(load.utilisation, TooFew) and load.utilisation.reason == UNTIMED
        for load in loads
    )
