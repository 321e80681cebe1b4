"""Distributions of seconds as a pipeline file writes them; `docs/pipelines.md` is the reference."""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)

from tailqa.cost.line import Times

LONGEST_S = 1e7
"""Four months: no stage of a pipeline takes longer, and sums of such times stay finite."""
_WIDEST = 1e6
_Z99 = NormalDist().inv_cdf(0.99)

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
SomeSeconds = Annotated[float, Field(gt=0, le=LONGEST_S)]


class Part(BaseModel):
    """What every part of a pipeline file obeys: no unknown keys, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Constant(Part):
    """Always the same.

    >>> Constant(kind="constant", s=0.5).times().mean_s
    0.5
    """

    kind: Literal["constant"] = Field(description="constant: always the same")
    s: Seconds = Field(description="seconds")

    def times(self) -> Times:
        """As the simulation takes it."""
        return Times(kind="constant", first=self.s)


class Lognormal(Part):
    """Half of the times lie below `p50_s`, 99 % below `p99_s`.

    >>> times = Lognormal(kind="lognormal", p50_s=0.01, p99_s=0.01).times()
    >>> round(times.mean_s, 9), times.squared_cv
    (0.01, 0.0)
    """

    kind: Literal["lognormal"] = Field(description="lognormal: a long tail on the right")
    p50_s: SomeSeconds = Field(description="median, seconds")
    p99_s: SomeSeconds = Field(description="99 % of the times are shorter, seconds")

    @model_validator(mode="after")
    def _in_order(self) -> "Lognormal":
        if self.p99_s < self.p50_s:
            raise ValueError(f"p99_s must be at least p50_s, got {self.p99_s!r} < {self.p50_s!r}")
        if self.p99_s > _WIDEST * self.p50_s:
            raise ValueError(f"p99_s must be at most {_WIDEST:,.0f} times p50_s")
        return self

    def times(self) -> Times:
        """As the simulation takes it: ln p50 is the mean of the logarithm."""
        spread = (math.log(self.p99_s) - math.log(self.p50_s)) / _Z99
        return Times(kind="lognormal", first=math.log(self.p50_s), second=spread)


class Gamma(Part):
    """By mean and coefficient of variation; a `cv` of 1 is exponential.

    >>> times = Gamma(kind="gamma", mean_s=0.02, cv=0.5).times()
    >>> times.mean_s, times.squared_cv
    (0.02, 0.25)
    """

    kind: Literal["gamma"] = Field(description="gamma: exponential with a cv of 1")
    mean_s: SomeSeconds = Field(description="mean, seconds")
    cv: float = Field(ge=0.01, le=100, description="standard deviation / mean")

    def times(self) -> Times:
        """As the simulation takes it: shape 1 / cv², scale mean · cv²."""
        return Times(kind="gamma", first=1 / self.cv**2, second=self.mean_s * self.cv**2)


class Empirical(Part):
    """Times that were measured, each as likely as the other.

    Their values come with `load_pipeline`, which reads the file.
    """

    kind: Literal["empirical"] = Field(description="empirical: times that were measured")
    file: Text | None = Field(default=None, description="CSV, JSONL or Parquet file")
    column: Text | None = Field(default=None, description="its column of seconds")
    otel: Text | None = Field(default=None, description="OpenTelemetry export, OTLP JSON")
    span: Text | None = Field(default=None, description="name of the spans whose durations count")
    _seconds: tuple[float, ...] = PrivateAttr(default=())
    _digest: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _one_source(self) -> "Empirical":
        table = self.file is not None and self.column is not None
        export = self.otel is not None and self.span is not None
        if [table, export].count(True) != 1 or len(self.model_fields_set - {"kind"}) != 2:
            raise ValueError("needs either file and column, or otel and span")
        return self

    def remember(self, seconds: tuple[float, ...], digest: str) -> None:
        """Keeps what the file holds, and its SHA-256."""
        self._seconds, self._digest = seconds, digest

    @property
    def source(self) -> Path:
        """The file, as it was written."""
        return Path(self.file or self.otel or "")

    @property
    def digest(self) -> str | None:
        """SHA-256 of the file; None before it was read."""
        return self._digest

    def times(self) -> Times:
        """As the simulation takes it. Raises ValueError before the file was read."""
        if not self._seconds:
            raise ValueError(f"{self.source} was not read: load the pipeline with load_pipeline")
        return Times(kind="empirical", values=self._seconds)


Time = Annotated[Constant | Lognormal | Gamma | Empirical, Field(discriminator="kind")]
