"""What rules make of every query of a scene, in closed form: attempts, tokens, seconds of work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.cost.line import Attempts, Rules
from tailqa.cost.outcomes import Counted, outcomes_over
from tailqa.cost.population import token_means
from tailqa.cost.scene import Scene, side_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """Expectations per query in closed form, each of shape (rows, strata + 1).

    The last column is all traffic. Tokens are those of the model and of the second one;
    `own_s` and `second_s` the seconds of work of their attempts, None where speeds are unknown.
    """

    counts: Mapping[Counted, "Floats"]
    prompt_tokens: "Floats"
    completion_tokens: "Floats"
    second_prompt_tokens: "Floats"
    second_completion_tokens: "Floats"
    own_s: "Floats | None"
    second_s: "Floats | None"

    @property
    def attempts(self) -> "Floats":
        """Attempts of both models per query."""
        return self.own_attempts + self.second_attempts

    @property
    def own_attempts(self) -> "Floats":
        """Attempts of the model alone."""
        return self.counts["right"] + self.counts["wrong"]

    @property
    def second_attempts(self) -> "Floats":
        """Attempts of the second model alone."""
        return self.counts["second_right"] + self.counts["second_wrong"]


def expect(scene: Scene, option: Option, rules: Rules) -> Expected:
    """What `rules` make of `option`, row by row, without simulating anything.

    Timeouts and hedges are left out, as in `expected_outcomes`.
    """
    main = side_of(option)
    counts = _counts(scene, main, rules)
    means = _Means(scene)

    def tokens(attempts: Attempts, right: "Floats", wrong: "Floats", which: int) -> "Floats":
        of_query = token_means(attempts)
        return means.of(right, of_query[which]) + means.of(wrong, of_query[which + 2])

    own = scene.people.of(main)
    teacher = scene.people.teacher
    plain = {name: means.of(values) for name, values in counts.items()}
    prompt, completion = (tokens(own, counts["right"], counts["wrong"], which) for which in (0, 1))
    prompt = prompt + rules.added_prompt_tokens * plain["retries"]
    second_prompt, second_completion = (
        tokens(teacher, counts["second_right"], counts["second_wrong"], which) for which in (0, 1)
    )
    second_prompt = second_prompt + rules.added_prompt_tokens * plain["second_retries"]
    return Expected(
        counts=plain,
        prompt_tokens=prompt,
        completion_tokens=completion,
        second_prompt_tokens=second_prompt,
        second_completion_tokens=second_completion,
        own_s=_work(scene, main, plain["right"] + plain["wrong"], prompt, completion),
        second_s=_work(
            scene,
            "teacher",
            plain["second_right"] + plain["second_wrong"],
            second_prompt,
            second_completion,
        ),
    )


class _Means:
    """Means over queries by stratum and over all traffic, in every row."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._total = self._by_stratum(scene.by_kind(None))

    def of(self, values: "Floats", times: "Floats | None" = None) -> "Floats":
        """Of values (rows, kinds), each query's multiplied by its own `times` (q,)."""
        import numpy as np

        strata = self._by_stratum(values * self._scene.by_kind(times)) / self._total
        return np.concatenate([strata, (strata @ self._scene.people.weights)[:, None]], axis=1)

    def _by_stratum(self, values: "Floats") -> "Floats":
        import numpy as np

        kinds = self._scene.kinds.stratum
        return np.stack(
            [values[:, kinds == s].sum(axis=1) for s in range(len(self._scene.people.strata))],
            axis=1,
        )


def _counts(scene: Scene, main: Side, rules: Rules) -> dict[Counted, "Floats"]:
    """By row and kind of query, (rows, kinds)."""
    import numpy as np

    if rules.escalate_to != "teacher":
        p, weights = scene.values(main, slice(None)), scene.alone[main]
        return outcomes_over(rules, p, p[..., :1], weights[..., None])
    parts: dict[Counted, list[Floats]] = {}
    for rows in scene.blocks():
        for name, values in outcomes_over(rules, *scene.chances(main, rows)).items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(found) for name, found in parts.items()}


def _work(
    scene: Scene, side: Side, attempts: "Floats", prompt: "Floats", completion: "Floats"
) -> "Floats | None":
    import numpy as np

    speeds = scene.speeds[side]
    if speeds is None:
        return None
    base, per_prompt, per_completion = (
        np.array([[getattr(speed, name)] for speed in speeds])
        for name in ("base_s", "prompt_token_s", "completion_token_s")
    )
    work: Floats = base * attempts + per_prompt * prompt + per_completion * completion
    return work
