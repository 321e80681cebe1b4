"""One pipeline around two measured models, resampled: what every prediction starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.cost.line import Attempts, Rules, Speed
from tailqa.cost.outcomes import Chances, Counted, expected_outcomes
from tailqa.cost.population import Population, right_share, token_means

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A population in `weights` of shape (rows, q): row 0 as measured, the others resamples.

    `fits` holds Beta(a, b) by side, (rows, strata, 2); `speeds` one per row by side, None where
    no speed is known.
    """

    people: Population
    weights: "Floats"
    fits: Mapping[Side, "Floats"]
    speeds: Mapping[Side, Sequence[Speed] | None]

    @property
    def n_rows(self) -> int:
        """One for the data as measured, and one per resample."""
        return len(self.weights)

    def fits_of(self, side: Side, rows: "Ints", queries: "Ints") -> tuple["Floats", "Floats"]:
        """The posterior's parameters for pairs of a row and a query; NaN where p is known."""
        attempts = self.people.of(side)
        fit = self.fits[side][rows, self.people.stratum[queries]]
        right = attempts.n_right[queries]
        wrong = attempts.first[queries + 1] - attempts.first[queries] - right
        return fit[..., 0] + right, fit[..., 1] + wrong

    @cached_property
    def kinds(self) -> "_Kinds":
        """Queries that the fits cannot tell apart: one stratum, equal counts on both models."""
        import numpy as np

        people = self.people
        table = [people.stratum]
        for attempts in (people.teacher, people.student):
            table += [attempts.n_right, np.diff(attempts.first)]
        _, of_kind, place = np.unique(
            np.stack(table, axis=1), axis=0, return_index=True, return_inverse=True
        )
        order = np.argsort(place.ravel(), kind="stable")
        sizes = np.bincount(place.ravel())
        return _Kinds(
            example=of_kind,
            order=order,
            starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]),
            stratum=people.stratum[of_kind],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kinds:
    """`example`: a query of each kind; `order` sorts queries by kind, each begins at `starts`."""

    example: "Ints"
    order: "Ints"
    starts: "Ints"
    stratum: "Ints"


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


def side_of(option: Option) -> Side:
    """Who answers first."""
    return "teacher" if option == "teacher" else "student"


def expect(scene: Scene, option: Option, rules: Rules) -> Expected:
    """What `rules` make of `option`, row by row, without simulating anything.

    Timeouts and hedges are left out, as in `expected_outcomes`.
    """
    main = side_of(option)
    second = _chances(scene, "teacher") if rules.escalate_to == "teacher" else None
    counts = expected_outcomes(rules, _chances(scene, main), second)
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
        self._total = self._by_stratum(self._by_kind(None))

    def of(self, values: "Floats", times: "Floats | None" = None) -> "Floats":
        """Of values (rows, kinds), each query's multiplied by its own `times` (q,)."""
        import numpy as np

        strata = self._by_stratum(values * self._by_kind(times)) / self._total
        return np.concatenate([strata, (strata @ self._scene.people.weights)[:, None]], axis=1)

    def _by_kind(self, times: "Floats | None") -> "Floats":
        import numpy as np

        kinds, weights = self._scene.kinds, self._scene.weights[:, self._scene.kinds.order]
        if times is not None:
            weights = weights * times[kinds.order]
        return np.add.reduceat(weights, kinds.starts, axis=1)

    def _by_stratum(self, values: "Floats") -> "Floats":
        import numpy as np

        kinds = self._scene.kinds.stratum
        return np.stack(
            [values[:, kinds == s].sum(axis=1) for s in range(len(self._scene.people.strata))],
            axis=1,
        )


def _chances(scene: Scene, side: Side) -> Chances:
    import numpy as np

    example = scene.kinds.example
    rows = np.arange(scene.n_rows)[:, None]
    a, b = scene.fits_of(side, rows, example[None, :])
    return Chances(a=a, b=b, share=right_share(scene.people, side)[example])


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
