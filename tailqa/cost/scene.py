"""One pipeline around two measured models, resampled: what every prediction starts from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.cost.joint import Nodes, correlations, nodes, together
from tailqa.cost.lengths import LENGTHS, Length, token_means
from tailqa.cost.line import Speed
from tailqa.cost.outcomes import MOST_NODES
from tailqa.cost.population import SIDES, Population

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

_BLOCK = 500_000
"""Numbers that are worked on at a time."""

_MOST_HELD = 25_000_000
"""Numbers that are kept: 200 MB."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A population in `weights` of shape (rows, q): row 0 as measured, the others resamples.

    `fits` holds Beta(a, b) by side, (rows, strata, 2); `speeds` one per row by side, None where
    no speed is known; `speed_advice` says how it gets known.
    """

    people: Population
    weights: "Floats"
    fits: Mapping[Side, "Floats"]
    speeds: Mapping[Side, Sequence[Speed] | None]
    speed_advice: str = ""

    @property
    def n_rows(self) -> int:
        """One for the data as measured, and one per resample."""
        return len(self.weights)

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
            of_query=place.ravel(),
        )

    @cached_property
    def correlations(self) -> "Floats":
        """Of both models' chances on one query, (rows, strata), by the fits of row 0."""
        import numpy as np

        counts, first = self.by_kind(None), slice(0, 1)
        found = []
        for inside, (teacher, row), (student, column) in self._pairs():
            pairs = np.zeros((self.n_rows, row.stop - row.start, column.stop - column.start))
            pairs[:, teacher - row.start, student - column.start] = counts[:, inside]
            one = self._known["teacher"][0].of(first, row)
            two = self._known["student"][0].of(first, column)
            found.append(correlations(one, two, pairs))
        return np.stack(found, axis=1)

    def by_kind(self, times: "Floats | None") -> "Floats":
        """The queries of each kind, (rows, kinds); each counts as often as its `times` (q,)."""
        import numpy as np

        weights = self.weights[:, self.kinds.order]
        if times is not None:
            weights = weights * times[self.kinds.order]
        return np.add.reduceat(weights, self.kinds.starts, axis=1)

    def chances(self, main: Side, rows: slice) -> tuple["Floats", "Floats", "Floats"]:
        """Chances of `main` and of the other model by row and kind, and weights of their pairs.

        Shapes (rows, kinds, n) twice and (rows, kinds, n, n).
        """
        p, p2 = (self.values(side, rows) for side in SIDES)
        weights = self._together(rows) if self._held is None else self._held[rows]
        return (p, p2, weights) if main == "teacher" else (p2, p, weights.swapaxes(2, 3))

    @cached_property
    def _held(self) -> "Floats | None":
        """The weights of all pairs, the teacher's value first; None where these are too many."""
        import numpy as np

        if self.n_rows * len(self.kinds.example) * MOST_NODES**2 > _MOST_HELD:
            return None
        return np.concatenate([self._together(rows) for rows in self.blocks()])

    def _together(self, rows: slice) -> "Floats":
        import numpy as np

        n_rows = len(range(*rows.indices(self.n_rows)))
        weights = np.empty((n_rows, len(self.kinds.example), MOST_NODES, MOST_NODES))
        for stratum, (inside, (teacher, row), (student, column)) in enumerate(self._pairs()):
            one = self._known["teacher"][0].of(rows, row)
            two = self._known["student"][0].of(rows, column)
            pairs = together(one, two, self.correlations[rows, stratum])
            weights[:, inside] = pairs[:, teacher - row.start, student - column.start]
        return weights

    def values(self, side: Side, rows: slice) -> "Floats":
        """Values of one model's chance, (rows, kinds, n)."""
        known, place = self._known[side]
        return known.p[rows][:, place]

    def _pairs(self) -> Iterator[tuple["Ints", tuple["Ints", slice], tuple["Ints", slice]]]:
        """By stratum its kinds, and what these are by the attempts of either model alone.

        Those of a stratum lie next to each other.
        """
        import numpy as np

        for stratum in range(len(self.people.strata)):
            inside = np.flatnonzero(self.kinds.stratum == stratum)
            own = [self._known[side][1][inside] for side in SIDES]
            teacher, student = ((place, slice(place.min(), place.max() + 1)) for place in own)
            yield inside, teacher, student

    @cached_property
    def alone(self) -> dict[Side, "Alone"]:
        """One model's chances, for what hangs on these alone."""
        import numpy as np

        parts = [self.chances("teacher", rows)[2] for rows in self.blocks()]
        found: dict[Side, Alone] = {}
        for axis, side in enumerate(SIDES):
            weights = np.concatenate([pairs.sum(axis=3 - axis) for pairs in parts])
            known, place = self._known[side]
            order = np.argsort(place, kind="stable")
            starts = np.searchsorted(place[order], np.arange(known.p.shape[1]))
            found[side] = Alone(
                p=known.p,
                stratum=self.kinds.stratum[order[starts]],
                queries={
                    length: np.add.reduceat(
                        (counts[:, :, None] * weights)[:, order], starts, axis=1
                    )
                    for length, counts in self.lengths[side].items()
                },
            )
        return found

    @cached_property
    def lengths(self) -> dict[Side, dict[Length | None, "Floats"]]:
        """Queries of each kind, (rows, kinds), and the tokens of one attempt at each of them."""
        queries = self.by_kind(None)
        found: dict[Side, dict[Length | None, Floats]] = {}
        for side in SIDES:
            tokens = zip(LENGTHS, token_means(self.people.of(side)), strict=True)
            found[side] = {None: queries} | {name: self.by_kind(mean) for name, mean in tokens}
        return found

    def blocks(self) -> Iterator[slice]:
        """Rows of which all pairs of values are held at a time."""
        step = max(1, _BLOCK // (MOST_NODES**2 * len(self.kinds.example)))
        return (slice(start, start + step) for start in range(0, self.n_rows, step))

    def draw(self, row: int, queries: "Ints", rng: "np.random.Generator") -> dict[Side, "Floats"]:
        """Both models' chances for each of `queries`, drawn anew for each.

        From the values that the closed form sums over, so that both expect the same.
        """
        import numpy as np

        kinds = self.kinds.of_query[queries]
        p, p2, weights = (values[0] for values in self.chances("teacher", slice(row, row + 1)))
        up_to = weights.reshape(len(weights), -1).cumsum(axis=1)
        n_pairs = up_to.shape[1]
        # Every kind's weights rise from its own number to the next, so one search does for all.
        rising = (up_to + np.arange(len(up_to))[:, None]).ravel()
        found = np.searchsorted(rising, kinds + rng.random(len(kinds)), side="right")
        place = np.minimum(found - kinds * n_pairs, n_pairs - 1)
        return {
            "teacher": p[kinds, place // MOST_NODES],
            "student": p2[kinds, place % MOST_NODES],
        }

    @cached_property
    def _known(self) -> dict[Side, tuple[Nodes, "Ints"]]:
        """One model's nodes by its own attempts alone, and which of these each kind has."""
        import numpy as np

        found: dict[Side, tuple[Nodes, Ints]] = {}
        for side in SIDES:
            kinds, attempts = self.kinds, self.people.of(side)
            tries = np.diff(attempts.first)
            table = [kinds.stratum, attempts.n_right[kinds.example], tries[kinds.example]]
            own, place = np.unique(np.stack(table, axis=1), axis=0, return_inverse=True)
            found[side] = (
                nodes(self.fits[side], own[:, 0], own[:, 1], own[:, 2], MOST_NODES),
                place.ravel(),
            )
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Alone:
    """Values of one model's chance by what it did itself, `p` of (rows, own kinds, n).

    `stratum` is that of each kind. `queries` says how many queries have a value, by what both
    models did, or how many tokens one attempt at each of these takes; in the shape of `p`.
    """

    p: "Floats"
    stratum: "Ints"
    queries: Mapping[Length | None, "Floats"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kinds:
    """`example`: a query of each kind; `order` sorts queries by kind, each begins at `starts`.

    `of_query` is the kind of each query.
    """

    example: "Ints"
    order: "Ints"
    starts: "Ints"
    stratum: "Ints"
    of_query: "Ints"


def side_of(option: Option) -> Side:
    """Who answers first."""
    return "teacher" if option == "teacher" else "student"
