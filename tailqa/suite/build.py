"""Checked items become queries with ids, and a suite with its digest."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from tailqa.core.digest import digest
from tailqa.core.query import Generation, GraderSpec, Message, Query, Stratum, Suite
from tailqa.files.faults import Faults
from tailqa.suite.plan import Item
from tailqa.suite.schema import SuiteFile
from tailqa.suite.shots import Shots, render

ID_LENGTH = 16
"""Hex digits of an id that is made from the query: 64 bits, enough for billions of queries."""


def unique(suite: SuiteFile, items: Sequence[Item], file: str, faults: Faults) -> list[Item]:
    """The items with distinct ids; an item without an id gets one from what it asks.

    Examples do not count towards that id, so it is the same whatever their number.
    """
    lines: dict[str, int] = {}
    kept = []
    for item in items:
        asks_nothing = item.question is None or not item.references
        made = f"line {item.line}" if asks_nothing else _content_id(item)
        query_id = item.id or made
        if query_id not in lines:
            lines[query_id] = item.line
            kept.append(replace(item, id=query_id))
        elif suite.duplicates == "refuse":
            kind = "duplicate id" if item.id else "duplicate prompt and references"
            rule = f"{kind}, first on line {lines[query_id]}"
            faults.add(file, rule, line=item.line, key=suite.id, value=item.id, kind=kind)
    return kept


def grader_spec(suite: SuiteFile) -> GraderSpec:
    """The suite's grader with its options; `choice` where it names none."""
    grader = suite.grader
    return GraderSpec(
        name=grader.name if grader else "choice", options=grader.options if grader else {}
    )


def make_suite(
    suite: SuiteFile,
    items: Sequence[Item],
    assigned: Sequence[int | None],
    weights: Sequence[float],
    *,
    shots: Shots | None,
    source: str,
) -> Suite:
    """The suite of items that have no fault left."""
    strata = tuple(
        Stratum(
            name=stratum.name,
            kind=stratum.kind,
            weight=weight,
            tier=stratum.tier or ("critical" if stratum.kind == "tail" else "supporting"),
        )
        for stratum, weight in zip(suite.strata, weights, strict=True)
    )
    queries = tuple(
        make_query(suite, item, strata[index].name, shots)
        for item, index in zip(items, assigned, strict=True)
        if index is not None
    )
    drawing = suite.generation
    made = Suite(
        name=suite.name,
        version=suite.version,
        digest="",
        source=source,
        task=suite.task,
        generation=Generation(
            max_tokens=drawing.max_tokens,
            stop=tuple(drawing.stop),
            temperature=drawing.temperature,
            top_p=drawing.top_p,
            samples=drawing.samples,
            truncate=drawing.truncate,
        ),
        grader=grader_spec(suite),
        strata=strata,
        queries=queries,
    )
    return replace(made, digest=suite_digest(made))


def suite_digest(suite: Suite) -> str:
    """SHA-256 over all that changes a prompt or a grade, whatever the order of the queries.

    Names, versions, paths and ids are left out: they change neither.
    """
    queries = sorted(
        digest(
            [
                _plain(query.prompt),
                query.references,
                query.choices,
                query.stratum,
                query.cluster,
            ]
        )
        for query in suite.queries
    )
    return digest(
        {
            "task": suite.task,
            "generation": _set(asdict(suite.generation)),
            "grader": [suite.grader.name, dict(suite.grader.options)],
            "strata": [asdict(stratum) for stratum in sorted(suite.strata, key=lambda s: s.name)],
            "queries": queries,
        }
    )


def _set(settings: dict[str, object]) -> dict[str, object]:
    """Without what is not set: a setting that is new must not change the digest of old suites."""
    return {key: value for key, value in settings.items() if value is not None}


def _plain(prompt: str | tuple[Message, ...]) -> object:
    if isinstance(prompt, str):
        return prompt
    return [[message.role, message.content] for message in prompt]


def make_query(
    suite: SuiteFile, item: Item, stratum: str = "", shots: Shots | None = None
) -> Query:
    """The query of an item that has an id, a question and references."""
    question, query_id = item.question or "", item.id or ""
    examples = shots.draw(question, query_id) if shots and isinstance(question, str) else []
    return Query(
        id=query_id,
        stratum=stratum,
        prompt=render(suite.prompt, question, examples),
        references=item.references,
        choices=item.choices,
        cluster=item.cluster,
    )


def _content_id(item: Item) -> str:
    return digest([_plain(item.question or ""), item.references])[:ID_LENGTH]
