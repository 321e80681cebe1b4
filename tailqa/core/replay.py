"""A pipeline really lived through, set against what was predicted of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Option, SpeedBasis

REPLAY_FORMAT_VERSION = 1
ReplayedFigureName = Literal[
    "attempts",
    "tokens",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "mean_s",
    "p50_s",
    "p95_s",
    "p99_s",
]
FIGURES: tuple[ReplayedFigureName, ...] = (
    "attempts",
    "tokens",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "mean_s",
    "p50_s",
    "p95_s",
    "p99_s",
)
Ending = Literal["resolved", "uncaught", "given_up"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LivedRequest:
    """One finished request: a line of replay.jsonl. Seconds since its round began.

    `attempts` and tokens are summed over both models; `failed` attempts had no answer, or one
    that could not be graded, and count as refused.
    """

    option: Option
    request: int
    query_id: str
    start_s: float
    finish_s: float
    outcome: Ending
    escalated: bool
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    timeouts: int = 0
    hedges: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LivedStage:
    """What a stage did: seconds that its servers worked, and that requests waited for one."""

    name: str
    servers: int
    busy_s: float
    waited_s: float
    visits: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedFigure:
    """One figure of one option. `error` is (observed − predicted) / predicted.

    The interval of `predicted` is where the figure of such a replay lies: it holds the error of
    the fit half and the chance of a finite number of requests. `inside` says whether the observed
    value lies in it. The interval of `observed` is about these requests alone. `hindsight` is what
    the run's own answers to the queries that were asked would have predicted: what is still off
    then is not due to the halves.
    """

    option: Option
    figure: ReplayedFigureName
    predicted: Measured
    observed: Measured
    error: float | None
    inside: bool | None
    hindsight: float

    @property
    def hindsight_error(self) -> float | None:
        """(observed − hindsight) / hindsight."""
        if self.error is None or self.hindsight <= 0 or not isinstance(self.observed, Estimate):
            return None
        return self.observed.value / self.hindsight - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedStage:
    """How busy one stage was, share of its servers' time, and the mean wait for it per visit.

    None where its servers are without limit.
    """

    option: Option
    stage: str
    predicted: Measured | None
    observed: float | None
    predicted_wait_s: Measured
    observed_wait_s: float
    inside: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedOption:
    """One option as it went: requests done of those asked for, and seconds it took in all."""

    option: Option
    n_requests: int
    n_asked: int
    wall_s: float
    failed_attempts: int
    timeouts: int
    hedges: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerSpeed:
    """How long a model's answers took in one option's rehearsals, by their tokens.

    `rounds` holds each round of rehearsals over all of them, for answers of the same tokens, and
    `live` the replay itself; 1 is as fast. `live` is None where the model was not asked.
    """

    option: Option
    basis: SpeedBasis
    rounds: tuple[float, ...]
    live: float | None
    n_live: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """A replay: prediction from the fit half of the queries, observation on the held-out half.

    `pipeline` is the file's content with every default and `--set` written out, `digest` its
    SHA-256. `notes` say in sentences how the replay differs from the pipeline.
    """

    name: str
    digest: str
    pipeline: Mapping[str, object]
    teacher: str
    student: str
    suite: str
    n_fit: int
    n_held_out: int
    clients: int
    options: tuple[ReplayedOption, ...]
    figures: tuple[ReplayedFigure, ...]
    stages: tuple[ReplayedStage, ...]
    rounds: int
    speeds: tuple[AnswerSpeed, ...]
    lift: Measured | None
    notes: tuple[str, ...]
    level: float
    n_replications: int
    seed: int
    interrupted: bool
    created: str
    format_version: int = REPLAY_FORMAT_VERSION
