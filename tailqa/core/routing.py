"""Which queries go to the teacher: the frontier of quality against cost, and the point chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.query import Kind

RouteBy = Literal["stratum", "confidence"]
Aim = Literal["target quality", "max teacher share"]
ROUTING_FORMAT_VERSION = 1
_OLDER = TooFew(reason="the run is older than this figure", n=0)
RECOVERED = (0.5, 0.8, 0.95)
"""The shares of the performance gap for which the least share of teacher calls is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars per million tokens."""

    prompt_usd: float
    completion_usd: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutePoint:
    """`quality` (the share of right answers, in [0, 1]) at a share of calls to the teacher."""

    teacher_share: float
    quality: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteCurve:
    """A way of routing, from the student everywhere (share 0) to the teacher everywhere (1).

    `apgr` is the mean over the shares of the performance gap recovered, .5 for a router that
    draws at random; `calls` the least share of teacher calls that recovers .5, .8 and .95 of it.
    """

    by: RouteBy
    points: tuple[RoutePoint, ...]
    apgr: Measured
    calls: tuple[tuple[float, Measured], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteFigures:
    """What one way of answering gives per query of the traffic.

    `quality` is the share of right answers, `retained` that over the teacher's, `teacher_share`
    the share of queries that the teacher answers. Tokens are prompt and completion of every model
    that was asked, seconds those of answers one at a time.
    """

    quality: Measured
    retained: Measured
    teacher_share: Measured
    tokens: Measured
    seconds: Measured
    usd: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteChoice:
    """The rule that was chosen, and what to expect of it.

    By stratum, `teacher_strata` go to the teacher; by confidence, every answer of the student
    below `threshold` (in [0, 1]; above 1 all). The rule is the choice of all queries, of which
    it sends `rule_share` there. Its figures are cross-fitted: of either half of the queries under
    the rule that the other half chose. `over_random` is their quality less that of as many calls
    drawn at random. `reached` says whether the aim is met by some rule of the kind.
    """

    by: RouteBy
    teacher_strata: tuple[str, ...]
    threshold: float | None
    figures: RouteFigures
    over_random: Measured
    reached: bool
    rule_share: Measured = _OLDER


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedStratum:
    """One stratum in the order in which strata go to the teacher: what that gains and costs.

    `benefit` is teacher less student accuracy, `extra_usd` and `extra_tokens` what the teacher
    costs more per query. `model` answers under the chosen rule by stratum.
    """

    name: str
    kind: Kind
    weight: float
    n: int
    student_accuracy: Measured
    teacher_accuracy: Measured
    benefit: Measured
    extra_tokens: Measured
    extra_usd: Measured
    model: Side


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Everything that `tailqa route` finds in one run; saved as route.json.

    `aim` and `limit` are what was asked for: the share of the teacher's quality to keep, or the
    largest share of calls to it. `chosen` is the way that is exported. `confidence` says what the
    student's confidence is, None where there is none and `without_confidence` says why.
    """

    teacher: str
    student: str
    suite: str
    suite_digest: str
    aim: Aim
    limit: float
    chosen: RouteBy
    student_only: RouteFigures
    teacher_only: RouteFigures
    strata: tuple[RoutedStratum, ...]
    curves: tuple[RouteCurve, ...]
    choices: tuple[RouteChoice, ...]
    confidence: str | None
    without_confidence: str | None
    notes: tuple[str, ...]
    n: int
    level: float
    n_resamples: int
    seed: int
    created: str
    prices: Mapping[Side, Price] = field(default_factory=dict)
    format_version: int = ROUTING_FORMAT_VERSION

    @property
    def choice(self) -> RouteChoice:
        """The rule that is exported."""
        return next(choice for choice in self.choices if choice.by == self.chosen)
