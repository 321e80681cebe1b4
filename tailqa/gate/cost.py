"""The part of a policy file that limits what a pipeline costs."""

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from tailqa.core.operations import Figure
from tailqa.core.query import Tier
from tailqa.gate.section import Section


class Limits(Section):
    """Between what a figure of an option must lie, in its unit, or its ratio to the teacher's."""

    max: float | None = Field(default=None, gt=0)
    max_ratio: float | None = Field(default=None, gt=0)
    min: float | None = Field(default=None, gt=0)
    min_ratio: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _leave_room(self) -> "Limits":
        said = self.model_dump(exclude_none=True)
        if not said:
            raise ValueError(f"needs at least one of {', '.join(Limits.model_fields)}")
        for low, high in (("min", "max"), ("min_ratio", "max_ratio")):
            if low in said and high in said and said[low] >= said[high]:
                raise ValueError(f"{high} must be above {low}: nothing lies between them")
        return self


class ShareLimits(Limits):
    """The same on a share of queries, in (0, 1): on 0 or 1 a limit would decide nothing."""

    max: float | None = Field(default=None, gt=0, lt=1)
    min: float | None = Field(default=None, gt=0, lt=1)


def _limits(description: str) -> Any:
    return Field(default=None, description=description)


class Cost(Section):
    """Limits on what the pipeline of a run makes of the student, over all traffic."""

    tier: Tier = Field(default="supporting", description="critical, supporting or advisory")
    option: Literal["student", "escalated"] = Field(
        default="student", description="the student alone, or with what it cannot escalated"
    )
    attempts: Limits | None = _limits("per query")
    prompt_tokens: Limits | None = _limits("per query, all attempts of both models")
    completion_tokens: Limits | None = _limits("per query, all attempts of both models")
    resolved: ShareLimits | None = _limits("share of queries with a right answer accepted")
    uncaught: ShareLimits | None = _limits("share with a wrong answer accepted")
    given_up: ShareLimits | None = _limits("share without any answer accepted")
    escalated: ShareLimits | None = _limits("share that was escalated")
    mean_s: Limits | None = _limits("seconds end to end")
    p50_s: Limits | None = _limits("seconds end to end")
    p95_s: Limits | None = _limits("seconds end to end")
    p99_s: Limits | None = _limits("seconds end to end")
    tokens_per_resolved: Limits | None = _limits("all tokens over the queries resolved")
    seconds_per_resolved: Limits | None = _limits("all seconds over the queries resolved")
    usd_per_query: Limits | None = _limits("USD, by the prices of the pipeline")
    usd_per_resolved: Limits | None = _limits("USD, by the prices of the pipeline")

    @property
    def limits(self) -> dict[Figure, Limits]:
        """What each figure must keep to."""
        said: dict[Figure, Limits | None] = {
            figure: getattr(self, figure) for figure in get_args(Figure)
        }
        return {figure: held for figure, held in said.items() if held is not None}

    @model_validator(mode="after")
    def _says_which(self) -> "Cost":
        if not self.limits:
            raise ValueError(f"needs a limit on at least one of {', '.join(get_args(Figure))}")
        return self
