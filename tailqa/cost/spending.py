"""What an option spends per query in seconds, tokens or money, as the break-evens take it."""

from typing import TYPE_CHECKING

from tailqa.core.operations import Figure, Option
from tailqa.cost.break_even import PerAttempt, Spent
from tailqa.cost.expectations import Expected
from tailqa.cost.money import expected_usd, hourly_usd, tokens_usd
from tailqa.cost.prediction import Predicted
from tailqa.cost.scene import Scene, side_of
from tailqa.cost.schema import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def spent(rows: "Mapping[Figure, Floats]", figure: Figure) -> Spent:
    """What one option spends and resolves per query in every stratum."""
    totals: Mapping[Figure, Floats] = {
        "seconds_per_resolved": rows["mean_s"],
        "tokens_per_resolved": rows["prompt_tokens"] + rows["completion_tokens"],
        "usd_per_resolved": rows["usd_per_query"],
    }
    return Spent(total=totals[figure][:, :-1], resolved=rows["resolved"][:, :-1])


def outside_s(predicted: Predicted) -> "Floats":
    """Seconds of an attempt outside generation, waits included, (rows, strata + 1).

    What the mean time end to end has beyond the models' work, spread evenly over attempts.
    """
    expected = predicted.expected
    assert expected.own_s is not None  # noqa: S101 - asked for only where speeds are known
    work = expected.own_s + (0.0 if expected.second_s is None else expected.second_s)
    beyond: Floats = (predicted.lasting["mean_s"] - work) / expected.attempts
    return beyond


def spender(
    figure: Figure, predicted: "Mapping[Option, Predicted]", pipeline: Pipeline
) -> "Callable[[Option, Expected], Floats]":
    """What an option spends per query of all traffic, (rows,), from its expectations."""

    def usd(option: Option, expected: Expected) -> "Floats":
        return expected_usd(pipeline, predicted[option].setting, expected)[:, -1]

    def tokens(_: Option, expected: Expected) -> "Floats":
        total = expected.prompt_tokens + expected.completion_tokens
        total = total + expected.second_prompt_tokens + expected.second_completion_tokens
        return total[:, -1]

    def seconds(option: Option, expected: Expected) -> "Floats":
        assert expected.own_s is not None  # noqa: S101 - asked for only where speeds are known
        total = expected.own_s + outside_s(predicted[option]) * expected.attempts
        return (total + (0.0 if expected.second_s is None else expected.second_s))[:, -1]

    if figure == "usd_per_resolved":
        return usd
    return seconds if figure == "seconds_per_resolved" else tokens


def per_attempt(
    scene: Scene, predicted: Predicted, figure: Figure, pipeline: Pipeline
) -> PerAttempt:
    """What an attempt of the student, who does not escalate, spends by stratum and outcome."""
    import numpy as np

    setting = predicted.setting
    kinds = [_attempt_tokens(scene, predicted, right=right) for right in (True, False)]
    added = np.full_like(kinds[0][0], setting.rules.added_prompt_tokens)
    if figure == "usd_per_resolved":
        price = pipeline.prices.student
        right, wrong = (tokens_usd(price, *tokens) for tokens in kinds)
        return PerAttempt(
            right=right,
            wrong=wrong,
            retry=tokens_usd(price, added, 0 * added),
            uncaught=pipeline.policy.uncaught_error_usd,
            query=hourly_usd(pipeline, setting) / 3600 / (setting.rate or 1.0),
        )
    if figure == "tokens_per_resolved":
        right, wrong = (prompt + completion for prompt, completion in kinds)
        return PerAttempt(right=right, wrong=wrong, retry=added)
    speeds = scene.speeds[side_of(setting.option)]
    assert speeds is not None  # noqa: S101 - asked for only where speeds are known
    base, per_prompt, per_completion = (
        np.array([[getattr(speed, name)] for speed in speeds])
        for name in ("base_s", "prompt_token_s", "completion_token_s")
    )
    outside = outside_s(predicted)[:, :-1]
    right, wrong = (
        outside + base + per_prompt * prompt + per_completion * completion
        for prompt, completion in kinds
    )
    return PerAttempt(right=right, wrong=wrong, retry=per_prompt * added)


def _attempt_tokens(
    scene: Scene, predicted: Predicted, *, right: bool
) -> tuple["Floats", "Floats"]:
    """Mean tokens of right or wrong attempts, (rows, strata); of all where there is none.

    A resample without any takes the mean of those that were measured.
    """
    import numpy as np

    people = scene.people
    attempts = people.of(side_of(predicted.setting.option))
    query = np.repeat(np.arange(people.n), np.diff(attempts.first))
    place = np.arange(len(query)) - attempts.first[query]
    chosen = (place < attempts.n_right[query]) == right
    found = []
    for tokens in (attempts.prompt_tokens, attempts.completion_tokens):
        columns = []
        for stratum in range(len(people.strata)):
            inside = people.stratum[query] == stratum
            use = inside & chosen if (inside & chosen).any() else inside
            weights = scene.weights[:, query[use]]
            total = weights.sum(axis=1)
            mean = np.full(len(weights), tokens[use].mean())
            columns.append(np.divide(weights @ tokens[use], total, out=mean, where=total > 0))
        found.append(np.stack(columns, axis=1))
    return found[0], found[1]
