"""The measured queries of both models as the cost model draws from them.

A query keeps what belongs together: on both models its attempts, which of them were right, and
their tokens. Its chance of a right answer is not known but from these attempts, so it is drawn from
the posterior Beta(a + right, b + wrong), where Beta(a, b) is fitted to the queries of its stratum
(empirical Bayes: Casella 1985).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.cost.lengths import mean_tokens, tries_of, unseen_length
from tailqa.cost.line import Attempts
from tailqa.cost.retry import MOST_EVEN, BetaBinomial, fit_many

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

SIDES: tuple[Side, Side] = ("teacher", "student")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One attempt at one query: was it right, and its tokens."""

    right: bool
    prompt_tokens: float
    completion_tokens: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedQuery:
    """One query with all attempts of both models, at least one each."""

    id: str
    stratum: int
    unit: str
    teacher: tuple[Tried, ...]
    student: tuple[Tried, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Population:
    """Queries (q of them) in arrays; `weights` is each stratum's share of the traffic, sum 1.

    `stratum` and `unit` hold one index per query; queries of one unit (a cluster) are resampled
    together. `several` says whether some query was tried more than once, by side.
    """

    ids: tuple[str, ...]
    strata: tuple[str, ...]
    weights: "Floats"
    stratum: "Ints"
    unit: "Ints"
    teacher: Attempts
    student: Attempts

    @property
    def n(self) -> int:
        """The number of queries."""
        return len(self.ids)

    def of(self, side: Side) -> Attempts:
        """The attempts of one model."""
        return self.teacher if side == "teacher" else self.student

    def several(self, side: Side) -> bool:
        """Whether some query was tried more than once, so that retries are known."""
        return bool((tries_of(self.of(side)) > 1).any())

    def with_lengths(
        self, prompt_tokens: float | None, completion_tokens: float | None
    ) -> "Population":
        """The same queries as long as the requests of a trace are on average; None: as they are.

        Every query's tokens are scaled so that the teacher's mean over its attempts is that of the
        trace; what the models differ by stays.
        """
        import numpy as np

        def scaled(
            values: "Floats", mean: "Floats", attempts: Attempts, wanted: float | None
        ) -> "Floats":
            if wanted is None:
                return values
            own: Floats = np.repeat(np.maximum(mean, 1.0), tries_of(attempts))
            return values * wanted / own

        means = mean_tokens(self.teacher)
        sides = {
            side: replace(
                attempts,
                prompt_tokens=scaled(attempts.prompt_tokens, means[0], attempts, prompt_tokens),
                completion_tokens=scaled(
                    attempts.completion_tokens, means[1], attempts, completion_tokens
                ),
            )
            for side, attempts in ((side, self.of(side)) for side in SIDES)
        }
        return replace(self, teacher=sides["teacher"], student=sides["student"])


def population(
    queries: Sequence[TriedQuery], strata: Sequence[str], weights: Sequence[float]
) -> Population:
    """`queries` in arrays. Raises ValueError where a stratum with traffic has no query.

    >>> one = Tried(right=True, prompt_tokens=9, completion_tokens=2)
    >>> query = TriedQuery(id="q", stratum=0, unit="q", teacher=(one,), student=(one, one))
    >>> found = population([query], ["head"], [2.0])
    >>> found.student.n_right.tolist(), found.weights.tolist(), found.several("teacher")
    ([2], [1.0], False)
    """
    import numpy as np

    stratum = np.array([query.stratum for query in queries], dtype=np.int64)
    empty = [name for index, name in enumerate(strata) if not (stratum == index).any()]
    if empty:
        raise ValueError(f"every stratum needs a query with its tokens, not so {', '.join(empty)}")
    traffic = np.asarray(weights, dtype=float)
    _, unit = np.unique([query.unit for query in queries], return_inverse=True)
    return Population(
        ids=tuple(query.id for query in queries),
        strata=tuple(strata),
        weights=traffic / traffic.sum(),
        stratum=stratum,
        unit=np.asarray(unit, dtype=np.int64),
        teacher=_attempts([query.teacher for query in queries], stratum),
        student=_attempts([query.student for query in queries], stratum),
    )


def query_weights(people: Population, resamples: int, rng: "np.random.Generator") -> "Floats":
    """How often each query is in each resample, as `unit_weights` draws it."""
    return unit_weights(people.stratum, people.unit, resamples, rng)


def unit_weights(
    stratum: "Ints", unit: "Ints", resamples: int, rng: "np.random.Generator"
) -> "Floats":
    """How often each query is in each resample, shape (1 + resamples, q); the first row is all 1.

    Units are drawn with replacement within the strata that they lie in, as many as there are.
    """
    import numpy as np

    weights = np.ones((resamples + 1, len(stratum)))
    for one in np.unique(stratum):
        inside = np.flatnonzero(stratum == one)
        units, place = np.unique(unit[inside], return_inverse=True)
        drawn = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=resamples)
        weights[1:, inside] = drawn[:, place]
    return weights


def stratum_fits(
    people: Population, side: Side, weights: "Floats", icc: float | None = None
) -> "Floats":
    """Beta(a, b) of every stratum in every resample, shape (resamples, strata, 2).

    With an assumed `icc` in [0, 1) it is given by the stratum's success rate, where no query was
    tried twice. NaN where all
    attempts were right, all were wrong, or no query was tried twice and no icc is assumed: there
    the chance of a query is its own share of right attempts.
    """
    import numpy as np

    attempts = people.of(side)
    right, tries = attempts.n_right, tries_of(attempts)
    fits = np.full((len(weights), len(people.strata), 2), np.nan)
    for stratum in range(len(people.strata)):
        inside = people.stratum == stratum
        table, place = np.unique(
            np.stack([right[inside], tries[inside]], axis=1), axis=0, return_inverse=True
        )
        counts = np.stack(
            [weights[:, inside] @ (place.ravel() == kind) for kind in range(len(table))], axis=1
        )
        if icc is not None and not people.several(side):
            fits[:, stratum] = _assumed(counts @ table[:, 0] / (counts @ table[:, 1]), icc)
        elif (table[:, 1] > 1).any():
            fits[:, stratum] = fit_many([(int(c), int(n)) for c, n in table], counts)
    return fits


def posterior(people: Population, side: Side, fits: "Floats") -> tuple["Floats", "Floats"]:
    """The parameters of each query's chance, (resamples, q) each; NaN where it is a known share."""
    attempts = people.of(side)
    right, tries = attempts.n_right, tries_of(attempts)
    of_query = fits[:, people.stratum]
    return of_query[:, :, 0] + right, of_query[:, :, 1] + (tries - right)


def right_share(people: Population, side: Side) -> "Floats":
    """The share of each query's attempts that was right, (q,)."""
    attempts = people.of(side)
    share: Floats = attempts.n_right / tries_of(attempts)
    return share


def _attempts(tried: Sequence[Sequence[Tried]], stratum: "Ints") -> Attempts:
    import numpy as np

    ordered = [sorted(query, key=lambda attempt: not attempt.right) for query in tried]
    flat = [attempt for query in ordered for attempt in query]
    found = Attempts(
        first=np.cumsum([0, *(len(query) for query in tried)], dtype=np.int64),
        n_right=np.array([sum(a.right for a in query) for query in tried], dtype=np.int64),
        prompt_tokens=np.array([a.prompt_tokens for a in flat], dtype=float),
        completion_tokens=np.array([a.completion_tokens for a in flat], dtype=float),
        unseen_length=np.ones(len(tried)),
    )
    return replace(found, unseen_length=unseen_length(found, stratum))


def _assumed(mean: "Floats", icc: float) -> "Floats":
    import numpy as np

    icc = max(icc, 1 / (MOST_EVEN + 1))
    fits = [
        (np.nan, np.nan) if not 0 < rate < 1 else _parameters(BetaBinomial.of(float(rate), icc))
        for rate in mean
    ]
    return np.array(fits, dtype=float)


def _parameters(fitted: BetaBinomial) -> tuple[float, float]:
    return fitted.a, fitted.b
