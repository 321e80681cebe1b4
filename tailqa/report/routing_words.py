"""What a routing says in words."""

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.routing import RouteBy, RouteChoice, RouteFigures, Routing
from tailqa.core.words import count_of
from tailqa.report import format as shown

BY_NAMES: dict[RouteBy, str] = {"stratum": "by stratum", "confidence": "by confidence"}
MORE_TOKENS = shown.Unit(symbol="tokens", decimals=1, signed=True)
_CHOSEN = " (chosen)"
_FAR = 0.05
"""Shares of calls that differ by more are those of another rule."""

_APART = 0.01
"""The same where chance does not explain it."""

_ROUNDING = 1e-9

FIGURES: tuple[tuple[str, str, shown.Unit], ...] = (
    ("quality", "quality,\n%", shown.PERCENT),
    ("retained", "of the\nteacher's, %", shown.PERCENT),
    ("teacher_share", "teacher\ncalls, %", shown.PERCENT),
    ("tokens", "tokens\nper query", shown.TOKENS),
    ("seconds", "seconds\nper query", shown.SECONDS),
    ("usd", "$ per 1,000\nqueries", shown.Unit(symbol="$", scale=1000)),
)
"""The figures of a way of answering: name, heading and unit."""


def known_figures(routing: Routing) -> list[tuple[str, str, shown.Unit]]:
    """The figures that this run can tell."""
    return [
        figure
        for figure in FIGURES
        if any(
            isinstance(getattr(figures, figure[0]), Estimate) for _, figures in way_rows(routing)
        )
    ]


def unknown_figures(routing: Routing) -> list[str]:
    """Which costs are not told, and why."""
    known = {name for name, _, _ in known_figures(routing)}
    return [
        f"{' '.join(heading.split())}: {getattr(routing.student_only, name).reason}"
        for name, heading, _ in FIGURES
        if name not in known and name != "usd"
    ]


def way_rows(routing: Routing) -> list[tuple[str, RouteFigures]]:
    """Every way of answering, from the student everywhere to the teacher everywhere."""
    return [
        ("student everywhere", routing.student_only),
        *((_way_name(routing, choice), choice.figures) for choice in routing.choices),
        ("teacher everywhere", routing.teacher_only),
    ]


def _way_name(routing: Routing, choice: RouteChoice) -> str:
    chosen = _CHOSEN if choice.by == routing.chosen else ""
    return f"{BY_NAMES[choice.by]}{chosen}"


def is_chosen(name: str) -> bool:
    """Whether a way of answering is the rule that was chosen."""
    return name.endswith(_CHOSEN)


def cell(measured: Measured, unit: shown.Unit, between: str = " ") -> str:
    """A figure with its interval; without where it is so by definition."""
    if isinstance(measured, Estimate) and measured.low == measured.high:
        return shown.value(measured, unit)
    return f"{shown.value(measured, unit)}{between}{shown.interval(measured, unit)}".strip()


def aim_words(routing: Routing) -> str:
    """What was asked for."""
    limit = f"{shown.PERCENT.number(routing.limit)} %"
    if routing.aim == "max teacher share":
        return f"the best quality with at most {limit} of calls to the teacher"
    return f"{limit} of the teacher's quality with the fewest calls to the teacher"


def rule_words(choice: RouteChoice) -> str:
    """The rule itself, in one sentence.

    >>> from tailqa.core.estimate import TooFew
    >>> none = TooFew(reason="", n=0)
    >>> figures = RouteFigures(quality=none, retained=none, teacher_share=none, tokens=none,
    ...                        seconds=none, usd=none)
    >>> rule_words(RouteChoice(by="confidence", teacher_strata=(), threshold=.8125,
    ...                        rule_share=none, figures=figures, over_random=none, reached=True))
    'The student answers first; below a confidence of 0.8125 the teacher answers again.'
    """
    if choice.threshold is not None:
        if choice.threshold > 1:
            return "Every answer of the student goes on to the teacher."
        return (
            f"The student answers first; below a confidence of {choice.threshold:.4g} the teacher "
            "answers again."
        )
    if not choice.teacher_strata:
        return "No stratum goes to the teacher."
    return f"To the teacher: {', '.join(choice.teacher_strata)}."


def expected_words(routing: Routing, choice: RouteChoice) -> str:
    """What to expect of a rule, and how that compares with the aim and with chance."""
    figures = choice.figures
    sentences = [
        f"Expected: {shown.figure(figures.quality, shown.PERCENT)} right, "
        f"{_percent(figures.retained)} of the teacher's quality, with "
        f"{_percent(figures.teacher_share)} of calls to the teacher; "
        f"{shown.bracketed(choice.over_random, shown.POINTS)} points against as many calls drawn "
        "at random."
    ]
    if not choice.reached:
        sentences.append("No rule of this kind reaches the aim; this one comes nearest.")
    elif _falls_short(routing, figures):
        sentences.append(
            "On the queries that chose it the rule reaches the aim, on the others it falls short"
            f"{_by(routing, figures)}: aim higher, or measure more queries."
        )
    sentences += halves_words(choice)
    share = choice.rule_share
    if isinstance(share, Estimate) and share.value > 1 - _ROUNDING:
        sentences.append("It sends every query to the teacher, so it saves nothing.")
    if choice.by == routing.chosen:
        sentences += _cheaper(routing, choice)
    return " ".join(sentences)


def halves_words(choice: RouteChoice) -> list[str]:
    """A warning where the exported rule is not what its figures were told of."""
    if not _far(choice.rule_share, choice.figures.teacher_share):
        return []
    return [
        "The two halves chose differently: the rule of all queries sends "
        f"{_percent(choice.rule_share)} of calls to the teacher. Measure more queries before you "
        "rely on it."
    ]


def _by(routing: Routing, figures: RouteFigures) -> str:
    """How far short, where it would be rounded to the aim itself."""
    found = figures.retained if routing.aim == "target quality" else figures.teacher_share
    if not isinstance(found, Estimate):
        return ""
    unit = shown.PERCENT
    if unit.number(found.value) != unit.number(routing.limit):
        return ""
    return f", by {abs(found.value - routing.limit) * 100:.1g} points"


def _cheaper(routing: Routing, choice: RouteChoice) -> list[str]:
    """Other ways that reach the aim by quality with fewer calls, beyond what chance explains."""
    calls = choice.figures.teacher_share
    if routing.aim != "target quality" or not isinstance(calls, Estimate):
        return []
    return [
        f"{BY_NAMES[other.by].capitalize()} the aim takes {_percent(fewer)} of calls: "
        f"--by {other.by}."
        for other in routing.choices
        if other.reached
        and not _falls_short(routing, other.figures)
        and isinstance(fewer := other.figures.teacher_share, Estimate)
        and fewer.high < calls.low
    ]


def frontier_words(routing: Routing) -> list[str]:
    """How good each way of routing is over the whole frontier."""
    return [
        f"{BY_NAMES[curve.by].capitalize()}: APGR {shown.bracketed(curve.apgr, shown.RATIO)} "
        "(at random 0.50); "
        + ", ".join(
            f"CPT({wanted:.0%}) {shown.bracketed(calls, shown.PERCENT)} %"
            for wanted, calls in curve.calls
        )
        + " of calls."
        for curve in routing.curves
    ]


def basis_words(routing: Routing) -> str:
    """Where the numbers come from."""
    queries = count_of(routing.n, "query", "queries")
    return (
        f"{queries}, weighted by traffic; {routing.level * 100:g} % "
        f"intervals from {shown.count(routing.n_resamples)} joint resamples. Rules and the order "
        "of strata are chosen on one half of the queries and judged on the other, both ways "
        "round; the rule that is exported is the choice of all queries."
    )


def _percent(measured: Measured) -> str:
    """A share with its interval, without where it is so by definition, or why it is not known."""
    if not isinstance(measured, Estimate):
        return f"an unknown share ({measured.reason})"
    found = f"{shown.value(measured, shown.PERCENT)} %"
    if measured.low == measured.high:
        return found
    return f"{found} {shown.interval(measured, shown.PERCENT)}"


def _far(share: Measured, expected: Measured) -> bool:
    """Whether the rule's own share is not what the halves tell of it."""
    if isinstance(share, Estimate) and isinstance(expected, Estimate):
        outside = not expected.low <= share.value <= expected.high
        return abs(share.value - expected.value) > (_APART if outside else _FAR)
    return False


def _falls_short(routing: Routing, figures: RouteFigures) -> bool:
    if routing.aim == "target quality":
        retained = figures.retained
        return isinstance(retained, Estimate) and retained.value < routing.limit
    share = figures.teacher_share
    return isinstance(share, Estimate) and share.value > routing.limit
