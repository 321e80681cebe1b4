"""What a pipeline makes of two models: attempts, tokens, seconds, money, and where it pays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured

Option = Literal["teacher", "student", "escalated"]
"""Who answers: the teacher alone, the student alone, the student with what it cannot escalated."""

Figure = Literal[
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "mean_s",
    "p50_s",
    "p95_s",
    "p99_s",
    "tokens_per_resolved",
    "seconds_per_resolved",
    "usd_per_query",
    "usd_per_resolved",
]
OPTIONS: tuple[Option, ...] = ("teacher", "student", "escalated")
ALL_TRAFFIC = "all traffic"
UNDECIDED = "as measured, but none in"
"""In the reason of a break-even that some resamples do not have."""

UNTIMED = "no speed was measured"
"""Begins the reason why what depends on a model's seconds is not known."""

NO_LIMIT = "it has no limit of servers"
"""Why a stage has no utilisation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionCost:
    """One option on one stratum, or on `all traffic` by the strata's weights.

    Per query: attempts, tokens of all attempts of both models, and end-to-end seconds. Shares of
    queries: `resolved` (a right answer accepted), `uncaught` (a wrong one accepted), `given_up`
    (none accepted), `escalated`. A figure per resolved query is the total over what was resolved.
    `draws` holds the bootstrap's values behind each figure, in the same order of resamples for
    all options, so that ratios can be derived; only those of all traffic are kept. None stands
    for a resample without a finite value.
    """

    option: Option
    scope: str
    figures: Mapping[Figure, Measured]
    draws: Mapping[Figure, tuple[float | None, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionRatio:
    """A figure of an option over the teacher's, all traffic, resample by resample."""

    option: Option
    figure: Figure
    ratio: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class StageLoad:
    """How busy a stage is: share of its capacity in use, mean seconds of waiting and of service.

    Per visit. `closed_wait_s` is the wait by Erlang C and Allen–Cunneen, None where no closed
    form holds. The `bottleneck` is the stage with the highest utilisation.
    """

    option: Option
    stage: str
    visits_per_query: Measured
    utilisation: Measured
    wait_s: Measured
    service_s: Measured
    closed_wait_s: float | None
    bottleneck: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedForm:
    """A figure by its formula and by simulation of the same model; `tolerance` is relative."""

    option: Option
    scope: str
    figure: str
    closed: float
    simulated: Measured
    agrees: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TrapFinding:
    """Is the student faster per token and yet worse per resolved query? Ratios student/teacher.

    `occurs` is yes where both intervals say so, no where one excludes it, else unclear.
    """

    scope: str
    option: Option
    figure: Figure
    occurs: Literal["yes", "no", "unclear"]
    per_token: Measured
    per_resolved: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakEven:
    """Where student and teacher cost the same: the value of `variable` (a share, an accuracy, a
    number of attempts) at which `figure` is equal, or why there is none. `current` is today's.
    """

    variable: Literal["tail share", "student accuracy", "max attempts"]
    option: Option
    figure: Figure
    current: float
    value: Measured
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AmdahlView:
    """Speed-up of the generation stage against the speed-up end to end, student over teacher.

    `share` is generation's share of the teacher's end-to-end time without load. `by_law` follows
    from Amdahl's law, `unloaded` and `loaded` were simulated without and with waiting.
    """

    share: Measured
    generation: Measured
    by_law: Measured
    unloaded: Measured
    loaded: Measured
    next_bottleneck: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IccEffect:
    """What an assumed correlation of attempts on one query does to an option, all traffic."""

    icc: float
    option: Option
    figures: Mapping[Figure, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPoint:
    """One value of what is swept; where an option is saturated, `saturated` names the stage.

    `bottleneck` is the stage that is used most, with its `utilisation`, both None where that is
    not known. Of the resamples `n_saturated` are saturated.
    """

    value: float
    option: Option
    figures: Mapping[Figure, Measured]
    saturated: str | None = None
    bottleneck: str | None = None
    utilisation: Measured | None = None
    n_saturated: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """Figures over the values of one key of the pipeline, each from `n_resamples` resamples.

    `saturated_from` is the value from which a stage of the option is in use by `full` and more,
    so that it counts as saturated, with its interval; `saturation` the value alone. Of options
    for which it does not follow from one value there is none.
    """

    key: str
    points: tuple[SweepPoint, ...]
    saturation: Mapping[Option, float] = field(default_factory=dict)
    saturated_from: Mapping[Option, Measured] = field(default_factory=dict)
    full: float = 1.0
    n_resamples: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedBasis:
    """Where a model's speed comes from: seconds of a request alone, by its tokens.

    `slowdown[n − 1]` is how many times longer work takes with n requests in one server.
    """

    side: Side
    source: str
    base_s: float
    prompt_token_s: float
    completion_token_s: float
    slowdown: tuple[float, ...]
    n_timed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CostedRun:
    """The run that was costed: when it was made, its suite, and the queries that it tells of."""

    created: str
    suite: str
    n_queries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """Everything that one pipeline makes of one run.

    `pipeline` is the file's content with every default and `--set` written out, `digest` its
    SHA-256, `changes` what was set against the file, as KEY=VALUE. `assumptions` say in sentences
    what was not measured.
    """

    name: str
    digest: str
    pipeline: Mapping[str, object]
    options: tuple[OptionCost, ...]
    stages: tuple[StageLoad, ...]
    checks: tuple[ClosedForm, ...]
    traps: tuple[TrapFinding, ...]
    break_evens: tuple[BreakEven, ...]
    amdahl: AmdahlView | None
    icc_effects: tuple[IccEffect, ...]
    speeds: tuple[SpeedBasis, ...]
    assumptions: tuple[str, ...]
    level: float
    n_resamples: int
    n_requests: int
    seed: int
    sweep: Sweep | None = None
    ratios: tuple[OptionRatio, ...] = ()
    run: CostedRun | None = None
    changes: tuple[str, ...] = ()

    def option(self, option: Option, scope: str = ALL_TRAFFIC) -> OptionCost | None:
        """The figures of one option, where it was asked for."""
        found = (row for row in self.options if (row.option, row.scope) == (option, scope))
        return next(found, None)
