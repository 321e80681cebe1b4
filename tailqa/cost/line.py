"""A pipeline and two models as the simulation takes them: numbers and arrays, nothing to parse."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

TimesKind = Literal["constant", "lognormal", "gamma", "empirical"]
Role = Literal["stage", "generation", "teacher", "person"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """A distribution of seconds.

    constant: `first` seconds; lognormal: mean `first` and standard deviation `second` of the
    logarithm; gamma: shape `first`, scale `second`; empirical: one of `values`.
    """

    kind: TimesKind
    first: float = 0.0
    second: float = 0.0
    values: tuple[float, ...] = ()

    @property
    def mean_s(self) -> float:
        """The mean, seconds.

        >>> Times(kind="gamma", first=2.0, second=0.5).mean_s
        1.0
        """
        match self.kind:
            case "constant":
                return self.first
            case "lognormal":
                return math.exp(self.first + self.second**2 / 2)
            case "gamma":
                return self.first * self.second
        return math.fsum(self.values) / len(self.values)

    @property
    def squared_cv(self) -> float:
        """The squared coefficient of variation, as Allen and Cunneen's formula takes it.

        >>> Times(kind="gamma", first=2.0, second=0.5).squared_cv
        0.5
        """
        match self.kind:
            case "constant":
                return 0.0
            case "lognormal":
                return math.expm1(self.second**2)
            case "gamma":
                return 1 / self.first
        mean = self.mean_s
        if mean == 0:
            return 0.0
        return math.fsum((v - mean) ** 2 for v in self.values) / len(self.values) / mean**2


@dataclass(frozen=True, kw_only=True, slots=True)
class Station:
    """One stage: first come, first served. `servers` 0 stands for no limit, so nothing waits.

    `time` is None for the models' own work (roles generation and teacher). A server of those
    works on up to `concurrency` requests at a time, sharing its speed by the model's slowdown; a
    request goes to the server that holds fewest, and waits where all are full. With no limit of
    servers each request has its own. A request passes with `probability`, else it skips the
    stage in no time. `after` holds the indices of the stages that must be over before; an attempt
    is over when all stages are over that nothing comes after. Stages with `repeats`, and the
    generation stage always, are passed again by every retry and every further call of a chain,
    the others only until they are over once. Stations of role teacher and person stand outside
    the graph: only what is escalated goes there. There is at most one of each role but stage;
    without a generation stage an attempt takes tokens and no time. A station that `shares` has
    no servers of its own, whatever its `servers` and `concurrency`: it waits in the line of the
    station of that index, for a server of its; where those take several requests at a time, only
    the models' stations may share them.
    """

    name: str
    servers: int
    time: Times | None
    role: Role = "stage"
    concurrency: int = 1
    probability: float = 1.0
    after: tuple[int, ...] = ()
    repeats: bool = False
    shares: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempts:
    """What one model did on each query: its measured attempts, the right ones first.

    Query q owns the attempts `first[q]` to `first[q + 1] − 1`, of which the first `n_right[q]`
    were right; tokens are per attempt. A simulated right attempt takes the tokens of one of the
    query's right ones, drawn evenly; where none was right, those of any of its attempts, the
    completion tokens times the query's `unseen_length`. Likewise a wrong one.
    """

    first: "Ints"
    n_right: "Ints"
    prompt_tokens: "Floats"
    completion_tokens: "Floats"
    unseen_length: "Floats"


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Seconds of an attempt alone on a server: (base + prompt · p + completion · c) · noise.

    `noise` holds ratios with mean 1 of which one is drawn per attempt. With n requests in one
    server each of them progresses `slowdown[n − 1]` times slower; never below 1, not falling.
    """

    base_s: float
    prompt_token_s: float
    completion_token_s: float
    noise: "Floats"
    slowdown: "Floats"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model as a station uses it."""

    attempts: Attempts
    speed: Speed


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What happens to an attempt that is not accepted.

    The verifier accepts a right answer with chance `sensitivity`, a wrong one with
    `false_accepts`, in no time. Every attempt of a model at a call after its first there has
    `added_prompt_tokens` more in its prompt, and turns a share `lift` of what would be wrong into
    right: p' = p + lift · (1 − p). Before retry j (from 1) `back_off_s · back_off_factor^(j − 1)`
    pass. An attempt of either model that takes longer than `timeout_s`, waiting and all stages
    included, counts as refused and is taken off its queues and servers. Where the generation
    stage takes longer than `hedge_after_s`, waiting included, a second copy is sent, with an
    answer, tokens and noise of its own; the first to finish counts, the other is taken off. After
    `max_attempts`, up to `second_attempts` of the teacher, each shown to the same verifier and
    without back-off, or one of a person who is right with `person_right`, whose answer is always
    accepted and never timed out; without escalation it is given up. A request is `calls` such
    calls in a row on the same query; one accepted wrong answer makes the whole uncaught, one
    given up ends it as given up.
    """

    max_attempts: int = 1
    sensitivity: float = 1.0
    false_accepts: float = 0.0
    lift: float = 0.0
    added_prompt_tokens: float = 0.0
    back_off_s: float = 0.0
    back_off_factor: float = 1.0
    timeout_s: float = math.inf
    hedge_after_s: float = math.inf
    calls: int = 1
    escalate_to: Literal["teacher", "person"] | None = None
    second_attempts: int = 1
    person_right: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """A pipeline with its models: `model` at the generation stage, `second` at the teacher's."""

    stations: tuple[Station, ...]
    model: Model
    rules: Rules
    second: Model | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """The requests, one entry each: which query, and the chances that an attempt at it is right.

    Open arrivals: `arrival_s`, not falling, and `clients` is 0. Closed: `arrival_s` is None;
    `clients` all send a request at 0, and each its next `think` after the last was answered or
    given up; who sends takes the next entry. The factors scale an attempt's measured tokens (a
    trace has its own lengths), not the added ones; 1 where a request is as long as measured.
    """

    query: "Ints"
    chance: "Floats"
    second_chance: "Floats"
    prompt_factor: "Floats"
    completion_factor: "Floats"
    arrival_s: "Floats | None" = None
    clients: int = 0
    think: Times = field(default_factory=lambda: Times(kind="constant"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """What became of every request, and of every station.

    `arrival_s` is when it was sent. `outcome` is 0 resolved, 1 uncaught, 2 given up. `attempts`
    counts those of both models, without copies and without a person's. Tokens are summed over
    all attempts of the model and of the second one: in full from the moment that a server begins
    on them, so also where a copy or a late attempt is taken off, and not where it only waited.
    `busy_s` is the time that servers worked for the station, summed over servers (for one that
    works on several at a time: that it held any request, all counted at the station that owns
    it), `work_s` the seconds of work alone that they finished, `lost_s` those that they did on
    what was then taken off, `waited_s` the time in the queue, summed over `visits`; copies are
    visits, skipped stages are none. `end_s` is when the last request ended, counted from time 0.
    """

    arrival_s: "Floats"
    finish_s: "Floats"
    attempts: "Ints"
    outcome: "Ints"
    escalated: "npt.NDArray[np.bool_]"
    prompt_tokens: "Floats"
    completion_tokens: "Floats"
    second_prompt_tokens: "Floats"
    second_completion_tokens: "Floats"
    timeouts: "Ints"
    hedges: "Ints"
    busy_s: "Floats"
    work_s: "Floats"
    lost_s: "Floats"
    waited_s: "Floats"
    visits: "Ints"
    end_s: float
