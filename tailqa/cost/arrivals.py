"""When requests come, as a pipeline file writes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from tailqa.cost.times import Constant, Part, SomeSeconds, Text, Time

if TYPE_CHECKING:
    from tailqa.cost.line import Floats

Rate = Annotated[float, Field(gt=0, le=1e6)]
_FEWEST = 0.1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Requests:
    """The rows of a trace: seconds since the first, not falling, and tokens where it has them."""

    arrival_s: "Floats"
    context_tokens: "Floats | None"
    generated_tokens: "Floats | None"


class Poisson(Part):
    """Independent requests at a steady rate."""

    kind: Literal["poisson"] = Field(description="poisson: independent, at a steady rate")
    rate: Rate = Field(description="requests per second")


class Closed(Part):
    """A fixed number of clients, each waiting for its answer before it asks again."""

    kind: Literal["closed"] = Field(description="closed: each client waits for its answer")
    clients: int = Field(ge=1, le=1_000_000, description="clients at the same time")
    think: Time = Field(
        default=Constant(kind="constant", s=0.0),
        description="time between an answer and the client's next request",
    )


class Bursty(Part):
    """Calm and bursts in turn: a Markov-modulated Poisson process with two states."""

    kind: Literal["bursty"] = Field(description="bursty: calm and bursts in turn")
    rate: Rate = Field(description="requests per second while calm")
    burst_rate: Rate = Field(description="requests per second in a burst")
    calm_s: SomeSeconds = Field(description="mean length of a calm, seconds")
    burst_s: SomeSeconds = Field(description="mean length of a burst, seconds")

    @model_validator(mode="after")
    def _are_bursts(self) -> "Bursty":
        if self.burst_rate < self.rate:
            raise ValueError("burst_rate must be at least rate, that of the calm")
        # With so few requests per turn this is a Poisson process, and takes endless turns.
        if self.rate * self.calm_s + self.burst_rate * self.burst_s < _FEWEST:
            raise ValueError(
                f"a calm and a burst bring fewer than {_FEWEST} requests: use kind: poisson"
            )
        return self

    @property
    def mean_rate(self) -> float:
        """Requests per second over calm and burst.

        >>> Bursty(kind="bursty", rate=1, burst_rate=4, calm_s=20, burst_s=10).mean_rate
        2.0
        """
        requests = self.rate * self.calm_s + self.burst_rate * self.burst_s
        return requests / (self.calm_s + self.burst_s)


class Trace(Part):
    """Requests as they were recorded. Their rows come with `load_pipeline`."""

    kind: Literal["trace"] = Field(description="trace: as recorded in a file")
    file: Text = Field(description="CSV, JSONL or Parquet file, one request a row, in order")
    timestamp: Text = Field(description="its column of ISO 8601 date-times, or of seconds")
    context_tokens: Text | None = Field(
        default=None, description="its column of prompt tokens; null: as in the run"
    )
    generated_tokens: Text | None = Field(
        default=None, description="its column of completion tokens; null: as in the run"
    )
    speed_up: float = Field(
        default=1.0, gt=0, le=1e6, description="2 makes them come twice as fast"
    )
    _rows: Requests | None = PrivateAttr(default=None)
    _digest: str | None = PrivateAttr(default=None)

    def remember(self, rows: Requests, digest: str) -> None:
        """Keeps what the file holds, and its SHA-256."""
        self._rows, self._digest = rows, digest

    @property
    def source(self) -> Path:
        """The file, as it was written."""
        return Path(self.file)

    @property
    def digest(self) -> str | None:
        """SHA-256 of the file; None before it was read."""
        return self._digest

    @property
    def rows(self) -> Requests:
        """The rows as recorded, before `speed_up`. Raises ValueError before the file was read."""
        if self._rows is None:
            raise ValueError(f"{self.file} was not read: load the pipeline with load_pipeline")
        return self._rows


Arrivals = Annotated[Poisson | Closed | Bursty | Trace, Field(discriminator="kind")]
KINDS: dict[str, type[Part]] = {
    "poisson": Poisson,
    "closed": Closed,
    "bursty": Bursty,
    "trace": Trace,
}
