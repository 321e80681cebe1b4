"""Do the cost model's intervals hold the truth? Known truth → sampled runs → predicted intervals.

    python benchmarks/cost_coverage.py [--runs 400] [--resamples 200] [--attempts 4]

Each run measures 100 queries per stratum of two synthetic models (benchmarks/synthetic.py), with
several attempts each and 30 timed per stratum; `run_operations` predicts a pipeline from it, with
queues at half load. The truth is the same pipeline simulated over 200,000 queries of the same
making. Prints, per option and figure of all traffic, the share of runs whose 95 % interval holds
the truth, with its standard error, and the mean bias. Takes about a second a run on two cores.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from synthetic import SPEED, STRATA, TRAITS, synthetic_run, truth

from tailqa.core.estimate import Estimate
from tailqa.core.operations import ALL_TRAFFIC, Figure, Option
from tailqa.cost.assemble import rules_of, stations
from tailqa.cost.line import Attempts, Load, Model, Speed, System
from tailqa.cost.schema import Pipeline
from tailqa.cost.simulation import simulate
from tailqa.workflows.cost import run_operations

FIGURES: tuple[Figure, ...] = (
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "mean_s",
    "p50_s",
    "p95_s",
    "p99_s",
    "tokens_per_resolved",
    "seconds_per_resolved",
)


def pipeline() -> Pipeline:
    """Retrieval before, retries, escalation, and the teacher's server about half full."""
    return Pipeline.model_validate(
        {
            "name": "coverage",
            "stages": [
                {
                    "name": "search",
                    "servers": 2,
                    "time": {"kind": "gamma", "mean_s": 0.02, "cv": 1.0},
                },
                {"name": "generation", "model": True, "servers": 1},
            ],
            "policy": {
                "max_attempts": 3,
                "verifier": {"sensitivity": 0.95, "false_accepts": 0.1},
                "retry": {"adds_prompt_tokens": 20},
                "escalate": {"to": "teacher"},
            },
            "arrivals": {"kind": "poisson", "rate": 1.2},
        }
    )


def true_figures(n: int, rng: np.random.Generator) -> dict[tuple[Option, Figure], float]:
    """Every figure of every option over `n` queries per stratum and one attempt drawn at a time."""
    line = pipeline()
    known = truth(n, rng)
    traffic = [STRATA[name][1] for name in STRATA]
    shares = np.array(traffic)[known.stratum] / n
    query = rng.choice(len(shares), size=2 * n, p=shares / shares.sum())
    arrival_s = rng.exponential(1 / line.arrivals.rate, len(query)).cumsum()
    models = {side: _model(known, side, rng) for side in SPEED}
    found: dict[tuple[Option, Figure], float] = {}
    for option in line.options:
        side = "teacher" if option == "teacher" else "student"
        ones = np.ones(len(query))
        result = simulate(
            System(
                stations=stations(line, option),
                model=models[side],
                second=models["teacher"] if option == "escalated" else None,
                rules=rules_of(line, option),
            ),
            Load(
                query=query,
                chance=known.chance[side][query],
                second_chance=known.chance["teacher"][query],
                prompt_factor=ones,
                completion_factor=ones,
                arrival_s=arrival_s,
            ),
            rng=rng,
        )
        kept = slice(len(query) // 10, None)
        took = (result.finish_s - result.arrival_s)[kept]
        prompt = (result.prompt_tokens + result.second_prompt_tokens)[kept].mean()
        completion = (result.completion_tokens + result.second_completion_tokens)[kept].mean()
        resolved = (result.outcome[kept] == 0).mean()
        values: Mapping[Figure, float] = {
            "attempts": result.attempts[kept].mean(),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "resolved": resolved,
            "uncaught": (result.outcome[kept] == 1).mean(),
            "given_up": (result.outcome[kept] == 2).mean(),
            "escalated": result.escalated[kept].mean(),
            "mean_s": took.mean(),
            "p50_s": np.quantile(took, 0.5),
            "p95_s": np.quantile(took, 0.95),
            "p99_s": np.quantile(took, 0.99),
            "tokens_per_resolved": (prompt + completion) / resolved,
            "seconds_per_resolved": took.mean() / resolved,
        }
        found |= {(option, figure): float(value) for figure, value in values.items()}
    return found


def _unseen_length(known, side, right) -> np.ndarray:
    longer = np.array([TRAITS[name, side].times_longer_if_wrong for name in STRATA])
    times = longer[known.stratum]
    return np.where(right.all(axis=1), times, np.where(right.any(axis=1), 1.0, 1 / times))


def _model(known, side, rng) -> Model:
    """Ten attempts of every query, so that right and wrong ones have their own lengths."""
    attempts = 10
    right, completion = known.draw(side, rng, attempts)
    order = np.argsort(~right, axis=1, kind="stable")
    base, per_prompt, per_completion = SPEED[side]
    return Model(
        attempts=Attempts(
            first=np.arange(len(right) + 1) * attempts,
            n_right=right.sum(axis=1),
            prompt_tokens=np.repeat(known.prompt, attempts),
            completion_tokens=np.take_along_axis(completion, order, axis=1).ravel(),
            unseen_length=_unseen_length(known, side, right),
        ),
        speed=Speed(
            base_s=base,
            prompt_token_s=per_prompt,
            completion_token_s=per_completion,
            noise=(noise := rng.lognormal(0, 0.1, 10_000)) / noise.mean(),
            slowdown=np.ones(1),
        ),
    )


def coverage(
    runs: int, *, resamples: int, attempts: int, seed: int
) -> dict[tuple[Option, Figure], list[tuple[bool, float]]]:
    """For every option and figure, per run: does the interval hold the truth, and relative bias."""
    known = true_figures(100_000, np.random.default_rng([seed, 0]))
    held = defaultdict(list)
    for turn in range(runs):
        rng = np.random.default_rng([seed, 1, turn])
        run = synthetic_run(per_stratum=100, attempts=attempts, timed=30, rng=rng)
        found = run_operations(run, pipeline(), seed=turn, resamples=resamples)
        for (option, figure), value in known.items():
            if value == 0:
                continue
            measured = found.option(option, ALL_TRAFFIC).figures[figure]
            if isinstance(measured, Estimate):
                inside = measured.low <= value <= measured.high
                held[option, figure].append((inside, measured.value / value - 1))
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--attempts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    held = coverage(args.runs, resamples=args.resamples, attempts=args.attempts, seed=args.seed)
    print("| option | figure | coverage | ± SE | mean bias, % |\n|---|---|---|---|---|")
    for (option, figure), rows in held.items():
        inside = np.mean([row[0] for row in rows])
        error = math.sqrt(inside * (1 - inside) / len(rows))
        bias = 100 * np.mean([row[1] for row in rows])
        print(f"| {option} | {figure} | {inside:.3f} | {error:.3f} | {bias:+.1f} |")


if __name__ == "__main__":
    main()
