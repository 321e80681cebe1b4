"""What an option costs in money per query: tokens, servers by the hour, people, uncaught errors."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailqa.cost.expectations import Expected
from tailqa.cost.offered import Setting
from tailqa.cost.prediction import Predicted
from tailqa.cost.schema import Pipeline, Price, ToPerson

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def expected_usd(pipeline: Pipeline, setting: Setting, expected: Expected) -> "Floats":
    """Money per query by formula, (rows, strata + 1).

    Raises ValueError unless `usd_has_formula`.
    """
    import numpy as np

    if not usd_has_formula(pipeline, setting):
        raise ValueError("what a query has of an hour's price depends on how many are answered")
    per_s = np.array([setting.rate or 1.0])
    asked = expected.counts["escalations"]
    return usd_of(pipeline, setting, _expected_counts(expected), asked=asked, per_s=per_s)


def usd_has_formula(pipeline: Pipeline, setting: Setting) -> bool:
    """Whether money follows from attempts and tokens: not so where hours are paid in a closed loop,
    nor where time decides on attempts.
    """
    return not setting.timed and (setting.rate is not None or not hourly_usd(pipeline, setting))


def counts_of(predicted: Predicted) -> Mapping[str, "Floats"]:
    """What is counted per query: by formula, where time decides on attempts as simulated."""
    timed = predicted.setting.timed
    return predicted.counted if timed else _expected_counts(predicted.expected)


def _expected_counts(expected: Expected) -> Mapping[str, "Floats"]:
    names = ("resolved", "uncaught", "given_up", "escalated")
    return {
        "attempts": expected.attempts,
        "prompt_tokens": expected.prompt_tokens,
        "completion_tokens": expected.completion_tokens,
        "second_prompt_tokens": expected.second_prompt_tokens,
        "second_completion_tokens": expected.second_completion_tokens,
        **{name: expected.counts[name] for name in names},  # type: ignore[index]
    }


def usd_of(
    pipeline: Pipeline,
    setting: Setting,
    counts: Mapping[str, "Floats"],
    *,
    asked: "Floats",
    per_s: "Floats",
) -> "Floats":
    """Per query; `asked` counts answers of people, and `per_s` queries per second, by row."""
    prices, escalate = pipeline.prices, pipeline.policy.escalate
    own = prices.teacher if setting.option == "teacher" else prices.student
    usd = (
        tokens_usd(own, counts["prompt_tokens"], counts["completion_tokens"])
        + tokens_usd(
            prices.teacher, counts["second_prompt_tokens"], counts["second_completion_tokens"]
        )
        + pipeline.policy.uncaught_error_usd * counts["uncaught"]
    )
    if setting.option == "escalated" and isinstance(escalate, ToPerson):
        usd = usd + escalate.usd * asked
    hourly = hourly_usd(pipeline, setting)
    return usd + (hourly / 3600 / per_s)[:, None] if hourly else usd


def tokens_usd(price: Price, prompt: "Floats", completion: "Floats") -> "Floats":
    """What tokens cost by their prices."""
    usd: Floats = (
        price.usd_per_million_prompt_tokens * prompt
        + price.usd_per_million_completion_tokens * completion
    ) / 1e6
    return usd


def asked_people(predicted: Predicted, counts: Mapping[str, "Floats"]) -> "Floats":
    """Answers of people per query; a chain may ask for several."""
    import numpy as np

    escalated = counts["escalated"]
    if not predicted.setting.timed:
        return predicted.expected.counts["escalations"]
    roles = [at.role for at in predicted.setting.stations]
    if "person" not in roles:
        return np.zeros_like(escalated)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = predicted.visits[:, roles.index("person")] / escalated[:, -1]
    return escalated * np.where(np.isfinite(each), each, 0.0)[:, None]


def hourly_usd(pipeline: Pipeline, setting: Setting) -> float:
    """What all servers together cost an hour, busy or not."""
    prices = pipeline.prices
    own = prices.teacher if setting.option == "teacher" else prices.student
    by_stage = {stage.name: stage.usd_per_server_hour for stage in pipeline.stages}
    total = 0.0
    for station in setting.stations:
        if station.role in {"generation", "teacher"}:
            price = own if station.role == "generation" else prices.teacher
            total += station.servers * price.usd_per_gpu_hour * price.gpus_per_server
        else:
            total += station.servers * by_stage.get(station.name, 0.0)
    return total
