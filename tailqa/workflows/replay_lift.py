"""What a retry gains by the text that it adds to the prompt, measured on the fit half."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.ports import Progress
from tailqa.cost.draws import LEAST, from_draws
from tailqa.cost.population import Population, posterior, right_share, stratum_fits
from tailqa.workflows.answerer import Answerer
from tailqa.workflows.replay_setup import Setup

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class Lift:
    """Of one model: the lift p' = p + lift · (1 − p), its draws, and the tokens that a retry adds.

    `below` is True where the text made answers worse, which the pipeline's lift cannot say: it is
    then 0.
    """

    measured: Measured
    draws: "Floats"
    added_prompt_tokens: float
    n: int
    below: bool


def measure_lift(
    side: Side, answerer: Answerer, setup: Setup, people: Population, *, progress: Progress
) -> Lift:
    """Retries one refused answer of every fit query that had a wrong one, with the text added."""
    import numpy as np

    place = {name: number for number, name in enumerate(people.ids)}
    wrong = setup.known.wrong[side]
    queries = [query for query in setup.fit_queries() if wrong[query.id]]
    progress.start("lift", len(queries))
    rows: list[int] = []
    right: list[bool] = []
    added: list[int] = []
    for query in queries:
        text, prompt_tokens = wrong[query.id][0]
        seed = f"replay lift:{setup.seed}:{side}"
        made = answerer.worker.submit(answerer.attempt, query, seed, text).result()
        progress.advance("lift", 1, made.completion_tokens)
        if made.fault is None:
            rows.append(place[query.id])
            right.append(made.right)
            added.append(made.prompt_tokens - prompt_tokens)
    progress.finish("lift")
    return lift_of(
        np.array(right, dtype=float), _chances(side, people)[rows], np.array(added, dtype=float)
    )


def lift_of(right: "Floats", chance: "Floats", added: "Floats", *, level: float = 0.95) -> Lift:
    """From retries that were right (1) or not (0), against the chance of each without the text.

    It is told from 10 retries on, some of them right and some not; the draws are there always.

    >>> import numpy as np
    >>> found = lift_of(np.repeat([1.0, 0.0], 10), np.zeros(20), np.full(20, 9.0))
    >>> found.measured.value, found.added_prompt_tokens
    (0.5, 9.0)
    """
    import numpy as np

    n = len(right)
    if n == 0:
        none = TooFew(reason="no answer of the fit half was wrong", n=0)
        return Lift(measured=none, draws=np.zeros(1), added_prompt_tokens=0.0, n=0, below=False)
    picked = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    gained = np.concatenate([[right.mean()], right[picked].mean(axis=1)])
    plain = np.concatenate([[chance.mean()], chance[picked].mean(axis=1)])
    raw = (gained - plain) / np.maximum(1 - plain, 1e-9)
    draws = np.clip(raw, 0.0, 1.0)
    measured = from_draws(float(draws[0]), draws[1:].tolist(), level=level, n=n)
    said = f"{100 * draws[0]:.3g} % of {n:,} as measured and predicted with"
    if isinstance(measured, TooFew):
        measured = TooFew(reason=f"{said}; {LEAST} needed for an interval", n=n)
    elif np.ptp(right) == 0:
        measured = TooFew(reason=f"{said}; no resample differs", n=n)
    return Lift(
        measured=measured,
        draws=draws,
        added_prompt_tokens=max(0.0, float(added.mean())),
        n=n,
        below=bool(raw[0] < 0),
    )


def _chances(side: Side, people: Population) -> "Floats":
    """Of another attempt at each query, by what is known of it."""
    import numpy as np

    a, b = posterior(people, side, stratum_fits(people, side, np.ones((1, people.n))))
    share = right_share(people, side)
    return np.where(np.isnan(a[0]), share, a[0] / (a[0] + b[0]))
