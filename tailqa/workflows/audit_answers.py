"""Answers that never end, never keep to the format, or are far shorter than the other side's.

These are judged in every stratum on its own, as a format that breaks in the tail alone is a small
share of everything.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tailqa.core.answer import Pair, Scored, Side, Ungraded
from tailqa.core.query import Suite
from tailqa.core.report import AuditFinding
from tailqa.engine import Look
from tailqa.records.recording import NOT_RECORDED
from tailqa.workflows.audit_examples import example, finding
from tailqa.workflows.prompt_texts import OTHER, both_answered, first

LEAST_ANSWERS = 20
"""Of a stratum. A side that stops in half of its answers has 18 of 20 cut by chance once in 5,000
strata."""

NEVER_STOPS = 0.9
"""Share of answers at the limit; the few that end may have met a stop string by chance."""

MOSTLY_STOPS = 0.5
"""The other side is at the limit at most this often: the limit is not too small for the task."""

MISSES_FORMAT, KEEPS_FORMAT = 0.5, 0.8
"""One side fails more often than not, where the other shows that the format can be kept."""

COLLAPSE = 4
"""Ratio of median lengths. Between two models' ways of putting the same answer it is up to 2 or 3;
from 4 on something is missing (the reasoning, the answer) or was added."""

LONG_ENOUGH = 80
"""Characters of the longer median: below, `4` against `The answer is 4.` is no collapse."""

PARSING = ("numeric", "regex")
"""Graders that leave `extracted` empty when they find nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answers:
    """The pairs of generated answers of one stratum."""

    stratum: str
    pairs: tuple[Pair, ...]

    def share(self, holds: Callable[[Pair], bool]) -> float:
        return sum(map(holds, self.pairs)) / len(self.pairs)


def answer_findings(
    suite: Suite, pairs: Sequence[Pair], looks: Mapping[Side, Look]
) -> Iterator[AuditFinding]:
    """The findings on generated answers; choices have none."""
    made: dict[str, list[Pair]] = {stratum.name: [] for stratum in suite.strata}
    for pair in both_answered(pairs):
        if not pair.query.choices:
            made[pair.query.stratum].append(pair)
    strata = [_Answers(stratum=name, pairs=tuple(found)) for name, found in made.items()]
    enough = [answers for answers in strata if len(answers.pairs) >= LEAST_ANSWERS]
    endless = {side: [one for one in enough if _never_stops(one, side)] for side in OTHER}
    for side in OTHER:
        yield from _stops(side, endless[side], strata, suite, looks.get(side, Look()))
    for side in OTHER:
        yield from _limits(side, [one for one in strata if one not in endless[side]])
    for side in OTHER:
        yield from _formats(side, enough, strata, suite.grader.name)
    ending = [one for one in enough if not any(one in found for found in endless.values())]
    for side in OTHER:
        yield from _lengths(side, ending, strata)


def _never_stops(answers: _Answers, side: Side) -> bool:
    return (
        answers.share(lambda pair: _at_limit(pair, side)) >= NEVER_STOPS
        and answers.share(lambda pair: _at_limit(pair, OTHER[side])) <= MOSTLY_STOPS
    )


def _at_limit(pair: Pair, side: Side) -> bool:
    return first(pair, side).finish_reason == "length"


def _stops(
    side: Side, found: Sequence[_Answers], strata: Sequence[_Answers], suite: Suite, own: Look
) -> Iterator[AuditFinding]:
    awaited = [*suite.generation.stop, *own.ends]
    nothing = "it has no end token, the suite no stop" if own.prompts else NOT_RECORDED
    what = ", ".join(map(repr, awaited)) or nothing
    yield from finding(
        "stop",
        side,
        [
            example(pair.query.id, first(pair, side).text)
            for answers in found
            for pair in answers.pairs
            if _at_limit(pair, side)
        ],
        _n(found),
        f"The {side} hardly ever stops{_where(found, strata)}, while the {OTHER[side]} mostly does "
        f"(what would end it: {what}): give the suite a stop string that ends its answers, or "
        "check its chat template and end token.",
    )


def _limits(side: Side, strata: Sequence[_Answers]) -> Iterator[AuditFinding]:
    known = [
        pair for one in strata for pair in one.pairs if first(pair, side).finish_reason is not None
    ]
    cut = [pair for pair in known if _at_limit(pair, side)]
    alone = not any(_at_limit(pair, OTHER[side]) for pair in known)
    yield from finding(
        "truncation",
        side,
        [example(pair.query.id, first(pair, side).text) for pair in cut],
        len(known),
        f"The {side} ran into the limit of generated tokens"
        f"{f', the {OTHER[side]} never' if alone else ''}: where its answer was still to come, a "
        "larger max_tokens would show it.",
    )


def _formats(
    side: Side, enough: Sequence[_Answers], strata: Sequence[_Answers], grader: str
) -> Iterator[AuditFinding]:
    def missed(pair: Pair, of: Side) -> bool:
        grade = pair.teacher_grade if of == "teacher" else pair.student_grade
        if isinstance(grade, Ungraded):
            return True
        nothing = isinstance(grade, Scored) and grade.extracted is None
        return grader in PARSING and nothing

    found = [
        answers
        for answers in enough
        if answers.share(lambda pair: missed(pair, side)) >= MISSES_FORMAT
        and answers.share(lambda pair: not missed(pair, OTHER[side])) >= KEEPS_FORMAT
    ]
    yield from finding(
        "format",
        side,
        [
            example(pair.query.id, first(pair, side).text)
            for answers in found
            for pair in answers.pairs
            if missed(pair, side)
        ],
        _n(found),
        f"The grader {grader} finds nothing to grade in most of the {side}'s answers"
        f"{_where(found, strata)}, and does in the {OTHER[side]}'s: the gap there is one of format "
        "before it is one of knowledge. Show the format in the prompt or in shots, or say so.",
    )


def _lengths(
    side: Side, enough: Sequence[_Answers], strata: Sequence[_Answers]
) -> Iterator[AuditFinding]:
    def length(pair: Pair, of: Side) -> int:
        # Characters: tokens of two vocabularies do not compare, and imported runs have none.
        return len(_text(pair, of))

    def collapsed(answers: _Answers) -> bool:
        short, long = (
            statistics.median(length(pair, of) for pair in answers.pairs)
            for of in (side, OTHER[side])
        )
        return long >= COLLAPSE * short and (long >= LONG_ENOUGH or 0 == short < long)

    found = [answers for answers in enough if collapsed(answers)]
    shorter = [
        pair
        for answers in found
        for pair in answers.pairs
        if length(pair, OTHER[side]) >= max(1, COLLAPSE * length(pair, side))
    ]
    yield from finding(
        "length",
        side,
        [
            example(
                pair.query.id,
                *(f"{of}: {_text(pair, of) or '(empty)'}" for of in OTHER),
            )
            for pair in shorter
        ],
        _n(found),
        f"The {side}'s answers{_where(found, strata)} are at most a quarter as long as the "
        f"{OTHER[side]}'s: something of them is missing, or the two were asked for different "
        "things. Read the examples before believing the gap or the costs.",
    )


def _text(pair: Pair, side: Side) -> str:
    return first(pair, side).text.strip()


def _n(found: Sequence[_Answers]) -> int:
    return sum(len(answers.pairs) for answers in found)


def _where(found: Sequence[_Answers], strata: Sequence[_Answers]) -> str:
    if len(found) == sum(bool(answers.pairs) for answers in strata):
        return ""
    names = [answers.stratum for answers in found]
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f" in {', '.join(names[:3])}{more}"
