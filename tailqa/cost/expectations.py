"""What rules make of every query of a scene, in closed form: attempts, tokens, seconds of work."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.cost.lengths import Length
from tailqa.cost.line import Rules
from tailqa.cost.outcomes import COUNTED, Counted, capped_outcomes, counted
from tailqa.cost.population import Population
from tailqa.cost.scene import Alone, Scene, side_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

_OWN: tuple[Counted, Counted] = ("right", "wrong")
_SECOND: tuple[Counted, Counted] = ("second_right", "second_wrong")
_PROMPT: tuple[Length, Length] = ("prompt_right", "prompt_wrong")
_COMPLETION: tuple[Length, Length] = ("completion_right", "completion_wrong")


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
    return expect_capped(scene, option, rules, [rules.max_attempts])[0]


def expect_capped(
    scene: Scene, option: Option, rules: Rules, caps: Sequence[int]
) -> tuple[Expected, ...]:
    """The same with each of `caps` in the place of the most attempts."""
    main = side_of(option)
    known = (_paired if rules.escalate_to == "teacher" else _lone)(scene, main, rules, caps)
    return tuple(_expected(scene, main, rules, means) for means in known)


def _expected(scene: Scene, main: Side, rules: Rules, means: "_Lone | _Paired") -> Expected:
    counts = {name: means.of(name) for name in COUNTED}

    def tokens(attempts: tuple[Counted, Counted], lengths: tuple[Length, Length]) -> "Floats":
        (right, wrong), (of_right, of_wrong) = attempts, lengths
        return means.of(right, of_right) + means.of(wrong, of_wrong)

    prompt, completion = (tokens(_OWN, lengths) for lengths in (_PROMPT, _COMPLETION))
    prompt = prompt + rules.added_prompt_tokens * counts["retries"]
    second_prompt, second_completion = (
        tokens(_SECOND, lengths) for lengths in (_PROMPT, _COMPLETION)
    )
    second_prompt = second_prompt + rules.added_prompt_tokens * counts["second_retries"]
    return Expected(
        counts=counts,
        prompt_tokens=prompt,
        completion_tokens=completion,
        second_prompt_tokens=second_prompt,
        second_completion_tokens=second_completion,
        own_s=_work(scene, main, counts["right"] + counts["wrong"], prompt, completion),
        second_s=_work(
            scene,
            "teacher",
            counts["second_right"] + counts["second_wrong"],
            second_prompt,
            second_completion,
        ),
    )


def _lone(scene: Scene, main: Side, rules: Rules, caps: Sequence[int]) -> "Iterator[_Lone]":
    alone = scene.alone[main]
    for cap in caps:
        values = counted(replace(rules, max_attempts=cap), alone.p)
        yield _Lone(people=scene.people, alone=alone, values=values)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lone:
    """Means over queries, by stratum and over all traffic, of what hangs on one model's chance."""

    people: Population
    alone: Alone
    values: "Mapping[Counted, Floats]"

    def of(self, name: Counted, length: Length | None = None) -> "Floats":
        """Of a count, each one times the tokens of an attempt where `length` says which."""
        import numpy as np

        queries, stratum = self.alone.queries, self.alone.stratum
        values = np.einsum("rkn,rkn->rk", self.values[name], queries[length])
        return _means(self.people, values, queries[None].sum(axis=2), stratum)


def _paired(scene: Scene, main: Side, rules: Rules, caps: Sequence[int]) -> "Iterator[_Paired]":
    import numpy as np

    parts = [capped_outcomes(rules, caps, *scene.chances(main, rows)) for rows in scene.blocks()]
    for of_cap in zip(*parts, strict=True):
        values = {name: np.concatenate([part[name] for part in of_cap]) for name in COUNTED}
        yield _Paired(scene=scene, main=main, values=values)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Paired:
    """The same of what hangs on both models' chances."""

    scene: Scene
    main: Side
    values: "Mapping[Counted, Floats]"

    def of(self, name: Counted, length: Length | None = None) -> "Floats":
        """As `_Lone.of`; attempts of the second model are the teacher's."""
        scene = self.scene
        queries = scene.lengths["teacher" if name.startswith("second") else self.main]
        values = self.values[name] * queries[length]
        return _means(scene.people, values, queries[None], scene.kinds.stratum)


def _means(people: Population, values: "Floats", queries: "Floats", stratum: "Ints") -> "Floats":
    """(rows, strata + 1) from sums over the queries of each kind, by stratum, and their number."""
    import numpy as np

    starts = np.searchsorted(stratum, np.arange(len(people.strata)))
    summed, number = (np.add.reduceat(part, starts, axis=1) for part in (values, queries))
    strata = summed / number
    return np.concatenate([strata, (strata @ people.weights)[:, None]], axis=1)


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
