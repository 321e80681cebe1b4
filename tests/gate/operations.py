"""What a pipeline made of a run, written by hand: figures of three options with their draws."""

from collections.abc import Mapping

import numpy as np

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import ALL_TRAFFIC, OPTIONS, Figure, Operations, Option, OptionCost
from tailqa.cost.draws import CERTAIN

DIGEST = "5f1d0c3a9b27" + "0" * 52
SATURATED = TooFew(
    reason="saturated: generation gets 12.0 requests/s and can do 9.7 at most", n=800
)
NO_PRICES = TooFew(reason="the pipeline names no prices", n=800)
# Teacher, student, student with escalation.
VALUES: Mapping[Figure, tuple[float, float, float]] = {
    "attempts": (1.12, 1.61, 1.42),
    "prompt_tokens": (912.0, 1311.0, 1480.0),
    "completion_tokens": (118.0, 172.0, 160.0),
    "resolved": (0.862, 0.731, 0.851),
    "uncaught": (0.048, 0.092, 0.051),
    "given_up": (0.09, 0.177, 0.098),
    "escalated": (0.0, 0.0, 0.177),
    "mean_s": (0.94, 0.71, 1.22),
    "p50_s": (0.81, 0.42, 0.61),
    "p95_s": (2.0, 1.7, 3.6),
    "p99_s": (3.1, 2.9, 6.2),
    "tokens_per_resolved": (1195.0, 2029.0, 1927.0),
    "seconds_per_resolved": (1.09, 0.97, 1.43),
    "usd_per_query": (0.0046, 0.0011, 0.0026),
    "usd_per_resolved": (0.00534, 0.0015, 0.00306),
}


def operations(
    changes: Mapping[tuple[Option, Figure], float | TooFew] | None = None,
    *,
    resamples: int = 999,
    spread: float = 0.03,
) -> Operations:
    """Figures as in VALUES save `changes`; what is common to the options varies by `spread`."""
    given = {
        (option, figure): value
        for figure, values in VALUES.items()
        for option, value in zip(OPTIONS, values, strict=True)
    } | dict(changes or {})
    common = np.random.default_rng(0).standard_normal(resamples)
    return Operations(
        name="rag",
        digest=DIGEST,
        pipeline={"name": "rag"},
        options=tuple(
            _option(
                option,
                {figure: value for (of, figure), value in given.items() if of == option},
                spread * common + spread / 2 * np.random.default_rng(i).standard_normal(resamples),
            )
            for i, option in enumerate(OPTIONS, start=1)
        ),
        stages=(),
        checks=(),
        traps=(),
        break_evens=(),
        amdahl=None,
        icc_effects=(),
        speeds=(),
        assumptions=(),
        level=0.95,
        n_resamples=resamples,
        n_requests=100_000,
        seed=0,
    )


def _option(
    option: Option, values: Mapping[Figure, float | TooFew], errors: np.ndarray
) -> OptionCost:
    known = {f: value for f, value in values.items() if not isinstance(value, TooFew)}
    draws = {f: value * (1 + errors) for f, value in known.items()}
    measured = {
        figure: Estimate(
            value=known[figure],
            low=float(np.quantile(drawn, 0.025)),
            high=float(np.quantile(drawn, 0.975)),
            level=0.95,
            # Without escalation nothing is escalated, whatever the models answer.
            method=CERTAIN if figure == "escalated" and not drawn.any() else "bootstrap-percentile",
            n=800,
        )
        for figure, drawn in draws.items()
    }
    reasons = {f: value for f, value in values.items() if isinstance(value, TooFew)}
    return OptionCost(
        option=option,
        scope=ALL_TRAFFIC,
        figures=measured | reasons,
        draws={f: tuple(drawn.tolist()) for f, drawn in draws.items()},
    )
