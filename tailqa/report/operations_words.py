"""What an operations report says in words: the trap by name, break-evens, Amdahl, agreement."""

from collections.abc import Mapping, Sequence
from typing import Literal

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import (
    ALL_TRAFFIC,
    UNDECIDED,
    UNTIMED,
    BreakEven,
    Figure,
    Operations,
    Option,
    SpeedBasis,
    TrapFinding,
)
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report import operations_unknown as unknown
from tailqa.report.escape import one_line
from tailqa.report.operations_format import (
    FIGURE_NAMES,
    OPTION_NAMES,
    checked_name,
    difference,
    ratio_words,
)

Occurs = Literal["yes", "no", "unclear"]

_LEADS: dict[Occurs, str] = {
    "yes": "The trap",
    "unclear": "Unclear whether the trap occurs",
    "no": "No trap",
}
_RESOLVED: dict[Figure, tuple[str, str, str]] = {
    "seconds_per_resolved": ("slower", "faster", "time"),
    "tokens_per_resolved": ("more tokens", "fewer tokens", "tokens"),
    "usd_per_resolved": ("dearer", "cheaper", "cost"),
}
ICC = "All traffic, if attempts on one query were that correlated: assumed, so without intervals."
_SHARES = ("tail share", "student accuracy")


def trap_lines(operations: Operations) -> list[tuple[Occurs, str]]:
    """Whether the trap occurs, and the sentence: all traffic, strata where it does, the others."""
    whole = [item for item in operations.traps if item.scope == ALL_TRAFFIC]
    whole.sort(key=lambda item: list(_LEADS).index(item.occurs))
    strata = [item for item in operations.traps if item.scope != ALL_TRAFFIC]
    lines: list[tuple[Occurs, str]] = [(item.occurs, trap_words(item)) for item in whole]
    lines += [(item.occurs, trap_words(item)) for item in strata if item.occurs == "yes"]
    groups: dict[tuple[Occurs, Option, Figure], list[str]] = {}
    for item in strata:
        if item.occurs != "yes":
            key = (item.occurs, item.option, item.figure)
            groups.setdefault(key, []).append(one_line(item.scope))
    alike: dict[tuple[Occurs, Figure, str], list[str]] = {}
    for (occurs, option, figure), names in groups.items():
        alike.setdefault((occurs, figure, ", ".join(names)), []).append(OPTION_NAMES[option])
    lines += [
        (occurs, f"{_LEADS[occurs]} ({'; '.join(who)}; by {_thing(figure)}): {scopes}.")
        for (occurs, figure, scopes), who in alike.items()
    ]
    return lines


def trap_words(trap: TrapFinding) -> str:
    """One finding in one sentence.

    >>> fast, slow = (Estimate(value=v, low=v - .1, high=v + .1, level=.95, method="", n=9)
    ...               for v in (.34, 1.21))
    >>> trap_words(TrapFinding(scope="tail/a", option="student", figure="seconds_per_resolved",
    ...                        occurs="yes", per_token=fast, per_resolved=slow))
    "The trap (student, tail/a; by time): faster per token (0.34 [0.24, 0.44] of the teacher's \
time), slower per resolved query (1.21 [1.11, 1.31] of its time)."
    """
    worse, better, thing = _RESOLVED.get(trap.figure, ("more", "less", FIGURE_NAMES[trap.figure]))
    token = _compared(trap.per_token, ("slower", "faster"), "per token", "of the teacher's time")
    resolved = _compared(
        trap.per_resolved, (worse, better), "per resolved query", f"of its {thing}"
    )
    where = f"{OPTION_NAMES[trap.option]}, {one_line(trap.scope)}; by {thing}"
    return f"{_LEADS[trap.occurs]} ({where}): {token}, {resolved}."


def _compared(ratio: Measured, words: tuple[str, str], per: str, of: str) -> str:
    if not isinstance(ratio, Estimate):
        return f"{per} not known ({one_line(ratio.reason)})"
    worse, better = words
    if ratio.low <= 1 <= ratio.high:
        said = f"no difference {per} shown"
    else:
        said = f"{worse if ratio.low > 1 else better} {per}"
    return f"{said} ({ratio_words(ratio)} {of})"


def _thing(figure: Figure) -> str:
    return _RESOLVED[figure][2] if figure in _RESOLVED else FIGURE_NAMES[figure]


def break_even_words(found: BreakEven) -> str:
    """Where the option and the teacher cost the same, or why nowhere."""
    unit = shown.PERCENT if found.variable in _SHARES else _whole(found)
    sign = f" {unit.symbol}" if unit.symbol else ""
    current = f"today {unit.number(found.current)}{sign}"
    by = f"{FIGURE_NAMES[found.figure]}, {OPTION_NAMES[found.option]}"
    meaning = f" {_sentence(found.meaning)}" if found.meaning else ""
    if not isinstance(found.value, Estimate):
        why = one_line(found.value.reason)
        if UNDECIDED in why:
            return f"Break-even in {found.variable} ({by}; {current}): {why}.{meaning}"
        return f"No break-even in {found.variable} ({by}; {current}): {why}.{meaning}"
    at = f"{unit.number(found.value.value)}{sign} {shown.interval(found.value, unit)}"
    return f"Break-even in {found.variable} ({by}): {at}, {current}.{meaning}"


def _whole(found: BreakEven) -> shown.Unit:
    known = found.value
    ends = (known.value, known.low, known.high) if isinstance(known, Estimate) else ()
    whole = all(value == int(value) for value in (found.current, *ends))
    return shown.Unit(symbol="", decimals=0 if whole else 1)


def amdahl_words(operations: Operations) -> str:
    """Generation's share and speed-up, and what is left of it end to end, or why it is not known.

    Empty where time decides on attempts: then there is no such law, as the assumptions say.
    """
    view = operations.amdahl
    if view is None:
        untimed = unknown.untimed_sides(operations)
        return f"Amdahl's view is not known: {UNTIMED}." if untimed else ""
    return (
        f"Amdahl: generation is {_percent(view.share)} of the teacher's time without load and "
        f"{_times(view.generation)} as fast with the student; end to end that makes "
        f"{_times(view.by_law)} as fast by the law, {_times(view.unloaded)} simulated without "
        f"load, {_times(view.loaded)} under load. The next bottleneck is "
        f"{one_line(view.next_bottleneck)}."
    )


def _percent(measured: Measured) -> str:
    if not isinstance(measured, Estimate):
        return f"an unknown share ({one_line(measured.reason)})"
    return f"{shown.value(measured, shown.PERCENT)} % {shown.interval(measured, shown.PERCENT)}"


def _times(measured: Measured) -> str:
    if not isinstance(measured, Estimate):
        return f"an unknown number of times ({one_line(measured.reason)})"
    return f"{ratio_words(measured)} times"


def agreement_words(operations: Operations) -> str:
    """How closed forms and simulation agree; empty where nothing has both."""
    n = len(operations.checks)
    if not n:
        return ""
    agreeing = [check for check in operations.checks if check.agrees]
    apart = [(found, check) for check in operations.checks if (found := difference(check))]
    most = ""
    if apart:
        largest, check = max(apart, key=lambda item: item[0])
        names = (OPTION_NAMES[check.option], check.scope, checked_name(check.figure))
        where = ", ".join(map(one_line, names))
        most = f"; the largest difference is {shown.PERCENT.number(largest)} % ({where})"
    if len(agreeing) == n:
        figures = "1 figure" if n == 1 else f"{n:,} figures"
        return f"Formula and simulation agree wherever there are both ({figures}){most}."
    return f"Formula and simulation agree in {len(agreeing):,} of {n:,} figures{most}."


def speed_lines(operations: Operations) -> list[str]:
    """Where the models' speeds come from, or that they are not known."""
    untimed = unknown.untimed_words(operations)
    return [*map(speed_words, operations.speeds), *([untimed] if untimed else [])]


def speed_words(speed: SpeedBasis) -> str:
    """Where a model's speed comes from, and its numbers."""
    ms = shown.MILLISECONDS
    most = ""
    if len(speed.slowdown) > 1:
        n = len(speed.slowdown)
        most = (
            f"; {n:,} requests at once take {shown.RATIO.number(speed.slowdown[-1])} times as long"
        )
    return (
        f"Speed of the {speed.side}: {one_line(speed.source)} ({shown.count(speed.n_timed)} timed):"
        f" {ms.number(speed.base_s)} ms, {ms.number(speed.prompt_token_s)} ms per token in and"
        f" {ms.number(speed.completion_token_s)} ms per token out{most}."
    )


def basis_words(operations: Operations) -> str:
    """On what the intervals and what was simulated rest."""
    n = f"{shown.count(operations.n_requests)} simulated requests"
    times = f"times from {n}"
    if not unknown.knows_a_time(operations):
        visits = any(isinstance(at.visits_per_query, Estimate) for at in operations.stages)
        times = "no time is known" + (f"; visits of stages from {n}" if visits else "")
    return (
        f"{operations.level * 100:g} % intervals from {shown.count(operations.n_resamples)} "
        f"resamples of the queries, both models' answers together; {times}; "
        f"seed {operations.seed}; pipeline {operations.digest[:12]}."
    )


def run_words(operations: Operations) -> Sequence[str]:
    """What was costed, and what was set against the pipeline's file."""
    changes = [f"--set {one_line(change)}" for change in operations.changes]
    run = operations.run
    if run is None:
        return changes
    queries = count_of(run.n_queries, "query", "queries")
    return [f"Run of {one_line(run.created)}", f"suite {one_line(run.suite)}", queries, *changes]


def notes(operations: Operations) -> Sequence[str]:
    """What was assumed and not measured."""
    return [*_verifier(operations), *(_sentence(item) for item in operations.assumptions)]


def _verifier(operations: Operations) -> list[str]:
    """What the pipeline says of the verifier, which decides on every retry."""
    policy = operations.pipeline.get("policy")
    verifier = policy.get("verifier") if isinstance(policy, Mapping) else None
    if not isinstance(verifier, Mapping):
        return []
    right, wrong = (
        shown.PERCENT.number(float(verifier[name])) for name in ("sensitivity", "false_accepts")
    )
    return [
        f"A verifier decides which answers are asked again: it accepts {right} % of the right and "
        f"{wrong} % of the wrong ones, which the pipeline says (policy.verifier) and nobody "
        "measured."
    ]


def _sentence(text: str) -> str:
    text = one_line(text).strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
