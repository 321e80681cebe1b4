"""A run that stopped when the policy was decided: what it asked and saved, and the evidence."""

from dataclasses import dataclass

from tailqa.core.estimate import Estimate
from tailqa.core.report import Report, StoppingResult
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report.escape import one_line, visible

WIDTH, HEIGHT = 300, 170
LEFT, RIGHT, TOP, BOTTOM = 8.0, 292.0, 26.0, 146.0
_HIGHEST, _LOWEST = 1.3, -1.0
"""Evidence over what is needed; what lies beyond is drawn at the edge."""

_AFTER = {"pass": "passed", "fail": "failed", "inconclusive": "undecided"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """The evidence of one stratum as it grew; `inside` and `outside` are SVG paths."""

    name: str
    outcome: str
    decided: str
    needed: float
    zero: float
    inside: str
    outside: str
    last: str
    description: str


def stopping_sentences(report: Report) -> tuple[str, ...]:
    """How many queries and tokens were saved, and where each stratum stands; none without."""
    found = report.stopping
    if found is None:
        return ()
    spared = found.n_available - found.n_asked
    tokens = ""
    if isinstance(found.saved_tokens, Estimate):
        tokens = f", about {shown.figure(found.saved_tokens, shown.TOKENS)} of both models together"
    strata = ", ".join(
        f"{one_line(item.name)} {_decided(item)}" for item in found.strata if item.path
    )
    return (
        f"Asked until decided: {shown.count(found.n_asked)} of "
        f"{shown.count(found.n_available)} queries per model, in random order within strata; "
        f"{shown.count(spared)} were saved{tokens}.",
        f"By stratum: {strata}.",
    )


def stopping_panels(report: Report) -> tuple[Panel, ...]:
    """One panel per stratum that was tested, in the order of the suite."""
    strata = report.stopping.strata if report.stopping else ()
    return tuple(_panel(item) for item in strata if item.path and item.threshold)


def _panel(item: StoppingResult) -> Panel:
    needed = item.threshold or 1.0
    last = max(1, item.path[-1][0])

    def x(n: int) -> float:
        return round(LEFT + (RIGHT - LEFT) * n / last, 2)

    def y(evidence: float) -> float:
        share = min(_HIGHEST, max(_LOWEST, evidence / needed))
        return round(BOTTOM - (BOTTOM - TOP) * (share - _LOWEST) / (_HIGHEST - _LOWEST), 2)

    def line(side: int) -> str:
        points = [(0, 0.0), *((point[0], point[side]) for point in item.path)]
        return "M" + "L".join(f"{x(n)} {y(evidence)}" for n, evidence in points)

    return Panel(
        name=visible(item.name),
        outcome=item.outcome,
        decided=_decided(item),
        needed=y(needed),
        zero=y(0.0),
        inside=line(1),
        outside=line(2),
        last=shown.count(last),
        description=(
            f"Evidence over {count_of(last, 'graded pair', 'graded pairs')}: "
            f"{_decided(item)}; at the end "
            f"{item.path[-1][1] / needed:.2f} of what a pass takes and "
            f"{item.path[-1][2] / needed:.2f} of what a fail takes."
        ),
    )


def _decided(item: StoppingResult) -> str:
    asked, of = shown.count(item.n_asked), shown.count(item.n_available)
    return f"{_AFTER[item.outcome]} after {asked} of {of}"
