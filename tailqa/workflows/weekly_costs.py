"""What the last week means at the given traffic: wrong answers, tokens and money, in sentences."""

from collections.abc import Iterator

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.history import HistoryFigure
from tailqa.core.weekly import EVERYTHING, Change, Comparison, Week, Weekly
from tailqa.report import format as shown
from tailqa.report.weekly_changes import change_words, pipelines_of
from tailqa.report.weekly_scopes import why_missing
from tailqa.report.weekly_words import unmoved_words
from tailqa.workflows.weekly_losses import scaled

_MILLION = 1e6
_WHOLE = shown.Unit(symbol="", decimals=0)
_USD = shown.Unit(symbol="", decimals=2)
_WAYS = (
    ("student", "the student alone"),
    ("escalated", "the student and escalation"),
    ("teacher", "the teacher alone"),
)


def cost_sentences(weekly: Weekly) -> tuple[str, ...]:
    """At `weekly.traffic` queries a week; without it, what to give."""
    if weekly.traffic is None:
        return ("Give --traffic QUERIES, a week's, to see what this costs in a week.",)
    return (*_wrong_answers(weekly, weekly.traffic), *_spent(weekly, weekly.traffic))


def queries(traffic: float) -> str:
    """The traffic in words.

    >>> queries(100000)
    '100,000 queries a week'
    """
    return f"{_WHOLE.number(traffic)} queries a week"


def wrong_answers(change: Estimate, traffic: float) -> str:
    """A change of accuracy as wrong answers a week.

    >>> change = Estimate(value=-.04, low=-.07, high=-.01, level=.95, method="t", n=300)
    >>> wrong_answers(change, 10_000)
    '400 more wrong answers [100, 700]'
    """
    fewer = change.value > 0
    wrong = scaled(change, traffic if fewer else -traffic)
    value, low, high = (_rounded(end) for end in (wrong.value, wrong.low, wrong.high))
    return f"{value} {'fewer' if fewer else 'more'} wrong answers [{low}, {high}]"


def _rounded(number: float) -> str:
    """Three significant digits, but no part of an answer."""
    return _WHOLE.number(float(f"{round(number):.3g}"))


def _wrong_answers(weekly: Weekly, traffic: float) -> Iterator[str]:
    for comparison in weekly.comparisons:
        change, against = comparison.overall.change, _against(comparison)
        if not isinstance(change, Estimate):
            yield (
                f"Wrong answers a week over all traffic against {against.removeprefix('in ')} are "
                f"not known: {change.reason}."
            )
            continue
        unmoved = unmoved_words(comparison)
        if unmoved.startswith("the same"):
            yield f"Against {against.removeprefix('in ')}: {unmoved}."
            continue
        unclear = change.low <= 0 <= change.high
        yield (
            f"Over all traffic ({queries(traffic)}) {wrong_answers(change, traffic)} a week than "
            f"{against}{', which may be chance' if unclear else ''} (n = {shown.count(change.n)})."
        )


def _spent(weekly: Weekly, traffic: float) -> Iterator[str]:
    """Of the last week whose whole counts: what failed or is missing would not be paid for."""
    with_run = [week for week in weekly.weeks if week.run is not None]
    counted = [week for week in with_run if why_missing(week, EVERYTHING) is None]
    if not counted:
        if with_run[-1].figures:
            reason = why_missing(with_run[-1], EVERYTHING)
            yield f"What a week takes over all traffic is not known: {reason}."
        return
    now = counted[-1]
    of = "" if now is with_run[-1] else f" in the week of {now.monday}, the last that counts"
    then = {week.monday: week for week in with_run if week.monday < now.monday}
    earlier = {
        comparison.then_monday: (_against(comparison), then[comparison.then_monday])
        for comparison in weekly.comparisons
        if comparison.then_monday in then
    }
    tokens = _figure(now, "student", "tokens_per_query")
    if isinstance(tokens, Estimate):
        before = [
            f"{name} {_tokens(_figure(week, 'student', 'tokens_per_query'), traffic)}"
            for name, week in earlier.values()
        ]
        spent = _joined([f"{_tokens(tokens, traffic)} a week{of}", *before])
        yield f"Over all traffic the student {'took' if of else 'takes'} {spent}."
    pipelines = pipelines_of(weekly.weeks)
    others = {
        monday: change_words(Change(facet="pipeline", before=pipelines[monday], after=own))
        for monday in earlier
        if (own := pipelines[now.monday]) != pipelines[monday]
    }
    for who, way in _WAYS:
        usd = _figure(now, who, "usd_per_resolved")
        if isinstance(usd, Estimate):
            before = [
                f"{name} not comparable ({others[monday]})"
                if monday in others
                else f"{name} {_usd(_figure(week, who, 'usd_per_resolved'), traffic)}"
                for monday, (name, week) in earlier.items()
            ]
            yield (
                f"To resolve {queries(traffic)} with {way} {'took' if of else 'takes'} "
                f"{_joined([f'{_usd(usd, traffic)} a week{of}', *before])}."
            )


def _figure(week: Week, who: str, figure: HistoryFigure) -> Measured | None:
    """A figure of all traffic; None where the week does not count as a whole."""
    if why_missing(week, EVERYTHING) is not None:
        return None
    found = (
        item.measured
        for item in week.figures
        if (item.scope, item.who, item.figure) == (EVERYTHING, who, figure)
    )
    return next(found, None)


def _tokens(tokens: Measured | None, traffic: float) -> str:
    if not isinstance(tokens, Estimate):
        return "an unknown number of tokens"
    whole = scaled(tokens, traffic)
    if tokens.value * traffic < _MILLION:
        return f"{shown.bracketed(whole, _WHOLE)} tokens"
    return f"{shown.bracketed(scaled(whole, 1 / _MILLION), shown.Unit(symbol=''))} million tokens"


def _usd(usd: Measured | None, traffic: float) -> str:
    if not isinstance(usd, Estimate):
        return "an unknown sum"
    return f"{shown.bracketed(scaled(usd, traffic), _USD)} USD"


def _joined(parts: list[str]) -> str:
    return "; ".join(parts)


def _against(comparison: Comparison) -> str:
    if comparison.against == "last week":
        return f"in the week of {comparison.then_monday}"
    return f"in the {comparison.against} ({comparison.then_monday})"
