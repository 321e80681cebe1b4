"""What one bench found: the speed of two models over batch sizes and prompt lengths."""

from dataclasses import dataclass
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured
from tailqa.core.ports import Footprint
from tailqa.core.report import Fingerprint, ModelInfo

BENCH_FORMAT_VERSION = 1

Metric = Literal["first_token", "per_token", "answer"]
Speed = Literal["slower", "faster", "unclear", "unmeasured"]
Padding = Literal["context", "longest", "file order", "sorted", "none"]

_TICK_S = 1e-9
SIDES: tuple[Side, Side] = ("teacher", "student")
METRICS: tuple[Metric, ...] = ("first_token", "per_token", "answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """The raw times of one model at one batch size and prompt length.

    `token_s` holds, per repeat, the seconds from the start to each new token of the batch; it is
    empty where the cell failed, and `failure` says why. `peak_bytes` is the memory taken above
    what was held before, None where the system does not tell.
    """

    side: Side
    batch_size: int
    prompt_tokens: int
    token_s: tuple[tuple[float, ...], ...]
    peak_bytes: int | None = None
    failure: str | None = None

    def of(self, metric: Metric) -> tuple[float, ...]:
        """Seconds per repeat: to the first token, between tokens (mean), or of the answer.

        Never below a nanosecond, the clock's own tick, so that rates stay finite.

        >>> times = Times(side="student", batch_size=4, prompt_tokens=9, token_s=((2.0, 3.0, 5.0),))
        >>> times.of("first_token"), times.of("per_token"), times.of("answer")
        ((2.0,), (1.5,), (5.0,))
        """
        return tuple(max(_TICK_S, _seconds(marks, metric)) for marks in self.token_s)

    @property
    def prefill_tokens_per_s(self) -> tuple[float, ...]:
        """Prompt tokens of the whole batch over the time to the first token, per repeat."""
        return tuple(self.batch_size * self.prompt_tokens / s for s in self.of("first_token"))

    @property
    def decode_tokens_per_s(self) -> tuple[float, ...]:
        """New tokens of the whole batch over the time between tokens, per repeat."""
        return tuple(self.batch_size / s for s in self.of("per_token"))


def _seconds(marks: tuple[float, ...], metric: Metric) -> float:
    if metric == "first_token":
        return marks[0]
    return marks[-1] if metric == "answer" else (marks[-1] - marks[0]) / (len(marks) - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One model at one batch size and prompt length: medians over the repeats.

    A roofline share is the time that the machine's measured rate would take over the time taken.
    """

    times: Times
    first_token_s: Measured
    per_token_s: Measured
    answer_s: Measured
    prefill_tokens_per_s: Measured
    decode_tokens_per_s: Measured
    prefill_roofline: Measured
    decode_roofline: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """Student's time over the teacher's: the median over the repeats; above 1 it is slower."""

    metric: Metric
    batch_size: int
    prompt_tokens: int
    ratio: Measured
    speed: Speed


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedRun:
    """Neighbouring batch sizes, from `first` to `last`, at which the student is equally judged."""

    speed: Speed
    first: int
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossover:
    """How the student compares as the batch grows, at one prompt length and in one metric."""

    metric: Metric
    prompt_tokens: int
    runs: tuple[SpeedRun, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Roof:
    """The best rates that this machine reached: bytes read and operations per second.

    `bandwidth_of` and `rate_of` name the work that reached them.
    """

    device: str
    dtype: str
    n_threads: int | None
    bandwidth_bytes_per_s: float
    bandwidth_of: str
    operations_per_s: float
    rate_of: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchModel:
    """A model, what its passes take, and what the machine could give."""

    info: ModelInfo
    footprint: Footprint
    roof: Roof


@dataclass(frozen=True, kw_only=True, slots=True)
class PaddingCount:
    """Tokens that a way of padding computes; `batch_size` is None where it does not matter."""

    padding: Padding
    batch_size: int | None
    computed_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PaddingAudit:
    """What padding would add to the prompts of a suite; a count over all of them, no estimate."""

    suite: str
    sides: tuple[Side, ...]
    n_rows: int
    needed_tokens: int
    longest_tokens: int
    context_tokens: int | None
    counts: tuple[PaddingCount, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """Everything that one bench found; saved as bench.json."""

    teacher: BenchModel
    student: BenchModel
    new_tokens: int
    repeats: int
    cells: tuple[Cell, ...]
    ratios: tuple[Ratio, ...]
    crossovers: tuple[Crossover, ...]
    padding: tuple[PaddingAudit, ...]
    findings: tuple[str, ...]
    fingerprint: Fingerprint
    seed: int
    created: str
    format_version: int = BENCH_FORMAT_VERSION

    def model(self, side: Side) -> BenchModel:
        """The model of one side."""
        return self.teacher if side == "teacher" else self.student
