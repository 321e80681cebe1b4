"""Tokens, seconds and money over the weeks: per right answer, and of a pipeline's options."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tailqa.core.estimate import Estimate
from tailqa.core.history import HistoryFigure
from tailqa.core.weekly import EVERYTHING, Week, Weekly
from tailqa.report import format as shown
from tailqa.report.axis import Axis, ticks_of
from tailqa.report.escape import visible
from tailqa.report.weekly_chart import Panel, gaps_of, hits_of
from tailqa.report.weekly_frame import Frame, Span, Who, frame_of, trace, y_axis
from tailqa.report.weekly_scopes import Scope, older_words, why_missing
from tailqa.report.weekly_words import week_words

_USD = shown.Unit(symbol="USD", scale=1000)
_COUNT = shown.Unit(symbol="")
_LOG_FROM = 20.0
"""Spans of this ratio and more are drawn on a logarithmic axis."""

TITLES: dict[HistoryFigure, str] = {
    "tokens_per_correct": "tokens per right answer",
    "seconds_per_correct": "time per right answer",
    "tokens_per_query": "tokens per query",
    "answer_s": "time of an answer, p50",
    "answer_p95_s": "time of an answer, p95",
    "tokens_per_resolved": "tokens per resolved query",
    "seconds_per_resolved": "time per resolved query",
    "usd_per_resolved": "money per 1,000 resolved queries",
    "resolved": "resolved queries",
    "p95_s": "end to end, p95",
    "attempts": "attempts per query",
}
_BY_STRATUM: tuple[HistoryFigure, ...] = (
    "tokens_per_resolved",
    "seconds_per_resolved",
    "usd_per_resolved",
    "tokens_per_correct",
    "seconds_per_correct",
)
_OF_PIPELINE: frozenset[HistoryFigure] = frozenset(
    {
        "tokens_per_resolved",
        "seconds_per_resolved",
        "usd_per_resolved",
        "resolved",
        "p95_s",
        "attempts",
    }
)
_ORDER: tuple[Who, ...] = ("student", "teacher", "escalated")
_DRAWN: tuple[Who, ...] = ("teacher", "escalated", "student")
"""What is drawn later lies above."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CostGroup:
    """One figure in all its scopes, on one scale; `log` where that is logarithmic."""

    title: str
    unit: str
    log: bool
    panels: tuple[Panel, ...]


_Found = dict[tuple[HistoryFigure, str], dict[Who, dict[int, Estimate]]]


def cost_groups(
    weekly: Weekly, frame: Frame, scopes: Sequence[Scope]
) -> tuple[tuple[Panel, ...], tuple[CostGroup, ...]]:
    """All traffic, a panel per figure each on its scale; then what is known by stratum."""
    found = _found(weekly.weeks)
    own = _pipeline_frame(weekly.weeks)
    frames = {figure: own if own and figure in _OF_PIPELINE else frame for figure in TITLES}
    whole = tuple(
        _panel(figure, EVERYTHING, frames[figure], found[figure, EVERYTHING], title=title)
        for figure, title in TITLES.items()
        if (figure, EVERYTHING) in found
    )
    names = [scope.name for scope in scopes if scope.name != EVERYTHING]
    groups = []
    for figure in _BY_STRATUM:
        here = [name for name in names if (figure, name) in found]
        if here:
            groups.append(_group(figure, here, frames[figure], found))
    return whole, tuple(groups)


def unit_of(figure: HistoryFigure, known: Sequence[Estimate]) -> shown.Unit:
    """What a figure is shown in, the same for all that is `known`."""
    if figure.endswith("_s") or figure.startswith("seconds"):
        return shown.time_unit(*known)
    if figure.startswith("tokens"):
        return shown.TOKENS
    if figure.startswith("usd"):
        return _USD
    return shown.PERCENT if figure == "resolved" else _COUNT


def _pipeline_frame(weeks: Sequence[Week]) -> Frame | None:
    """With a break where the pipeline changed; None where it never did."""
    found: list[Week] = []
    n_changed = 0
    for week in weeks:
        cause = week.cause
        if any(change.facet == "pipeline" for change in week.changes):
            n_changed += 1
            cause = "both" if cause in {"model", "both"} else "harness"
        found.append(replace(week, series=week.series + n_changed, cause=cause))
    return frame_of(found) if n_changed else None


def _found(weeks: Sequence[Week]) -> _Found:
    """What is known, without the scopes that do not count in a week."""
    found: _Found = {}
    for column, week in enumerate(weeks):
        scopes = {item.scope for item in week.figures}
        counted = {scope for scope in scopes if why_missing(week, scope) is None}
        for item in week.figures:
            if item.scope not in counted or item.figure not in TITLES:
                continue
            if isinstance(item.measured, Estimate):
                by_who = found.setdefault((item.figure, item.scope), {})
                by_who.setdefault(item.who, {})[column] = item.measured
    return found


def _group(figure: HistoryFigure, names: Sequence[str], frame: Frame, found: _Found) -> CostGroup:
    known = [item for name in names for item in _all(found[figure, name])]
    y, unit = _axis(frame, known), unit_of(figure, known)
    return CostGroup(
        title=TITLES[figure],
        unit=unit.symbol,
        log=y.log,
        panels=tuple(
            _panel(figure, name, frame, found[figure, name], scale=(y, unit)) for name in names
        ),
    )


def _panel(
    figure: HistoryFigure,
    scope: str,
    frame: Frame,
    by_who: Mapping[Who, Mapping[int, Estimate]],
    *,
    title: str | None = None,
    scale: tuple[Axis, shown.Unit] | None = None,
) -> Panel:
    """One figure of one scope, on a scale of its own where none is given."""
    known = list(_all(by_who))
    y, unit = scale or (_axis(frame, known), unit_of(figure, known))
    sides = [who for who in _ORDER if who in by_who]
    last = max(column for who in sides for column in by_who[who])
    columns = {week.monday: column for column, week in enumerate(frame.weeks)}

    def spans(who: Who) -> dict[int, Span]:
        return {i: (item.value, item.low, item.high) for i, item in by_who[who].items()}

    def say(week: Week) -> str | None:
        there = [(who, by_who[who].get(columns[week.monday])) for who in sides]
        return "; ".join(f"{who} {words(item, unit)}" for who, item in there if item) or None

    now = [(who, by_who[who][last]) for who in sides if last in by_who[who]]
    older = older_words(frame.weeks, frame.weeks[last])
    own_log = y.log and scale is None
    said = (
        unit.symbol,
        "logarithmic scale" if own_log else "",
        _counted([item for _, item in now]),
        older,
    )
    return Panel(
        name=title or visible(scope),
        kind=", ".join(part for part in said if part),
        now=tuple((who, shown.bracketed(item, unit)) for who, item in now),
        said=(),
        traces=tuple(trace(who, frame, y, spans(who)) for who in _DRAWN if who in by_who),
        limit="",
        alarms=(),
        gaps=gaps_of(frame, lambda week: why_missing(week, scope)),
        hits=hits_of(frame, say),
        y_ticks=tuple((y.place(tick), plain(tick * unit.scale)) for tick in ticks_of(y)),
        label=f"{visible(scope)}: {TITLES[figure]}, {unit.symbol or 'a number'}, by week",
        description=f"Last, {week_words(frame.weeks[last])}: "
        + "; ".join(f"{who} {words(item, unit)}" for who, item in now)
        + ".",
        frame=frame,
    )


def _counted(items: Sequence[Estimate]) -> str:
    """The n that figures share, or the range of it."""
    least, most = min(item.n for item in items), max(item.n for item in items)
    same = shown.count(least)
    return f"n = {same}" if least == most else f"n = {same} to {shown.count(most)}"


def words(item: Estimate, unit: shown.Unit) -> str:
    """A figure with its interval, unit and n."""
    n = shown.count(item.n)
    return f"{shown.bracketed(item, unit)} {unit.symbol}".rstrip() + f", n = {n}"


def plain(number: float) -> str:
    """A number on an axis.

    >>> plain(12000), plain(0.25), plain(0.00005)
    ('12k', '0.25', '5e-05')
    """
    return f"{number / 1000:g}k" if number >= 10_000 else f"{number:g}"


def _axis(frame: Frame, known: Sequence[Estimate]) -> Axis:
    low, high = min(item.low for item in known), max(item.high for item in known)
    if low > 0 and high / low >= _LOG_FROM:
        return y_axis(frame, low / 1.1, high * 1.1, log=True)
    return y_axis(frame, 0.0, max(high * 1.05, 1e-12))


def _all(by_who: Mapping[Who, Mapping[int, Estimate]]) -> Iterator[Estimate]:
    for columns in by_who.values():
        yield from columns.values()
