"""All statistics of a large comparison, against a plain statsmodels or scipy way of the same.

    python benchmarks/inference.py [--strata 100] [--queries 1000] [--rounds 3]

Both sides take turns; prints the least CPU seconds of one process over the rounds, so that a busy
machine does not decide. A dash where neither library has the test. Clusters have 20 queries.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from tailqa import stats
from tailqa.core.estimate import Cells

MARGIN = 0.05
CLUSTER_SIZE = 20
RESAMPLES = 2000

Work = Callable[[], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """Per stratum: marks in [0, 1] of teacher and student, right answers, tables, clusters."""

    marks: list[tuple[np.ndarray, np.ndarray]]
    gains: list[np.ndarray]
    tables: list[Cells]
    clusters: list[list[Cells]]
    weights: list[float]


def drawn(n_strata: int, n_queries: int) -> Data:
    rng = np.random.default_rng(0)
    n_clusters = n_queries // CLUSTER_SIZE
    cells = rng.multinomial(CLUSTER_SIZE, (0.7, 0.1, 0.06, 0.14), (n_strata, n_clusters)).tolist()
    tables = [tuple(map(sum, zip(*stratum, strict=True))) for stratum in cells]
    order = ((0, -1, 1, 0) for _ in range(n_strata))
    return Data(
        marks=[(rng.random(n_queries), rng.random(n_queries)) for _ in range(n_strata)],
        gains=[
            np.concatenate([np.repeat(kinds, cluster) for cluster in stratum]).astype(float)
            for kinds, stratum in zip(order, cells, strict=True)
        ],
        tables=tables,
        clusters=cells,
        weights=[1 / n_strata] * n_strata,
    )


def overall(data: Data) -> object:
    half = len(data.tables) // 2
    shares = [1 / half] * half
    sides = [stats.pooled_gap(part, shares) for part in (data.tables[:half], data.tables[-half:])]
    return stats.pooled_gap(data.tables, data.weights), stats.tail_interaction(*sides)


def proportions(cells: Cells) -> object:
    both, teacher_only, student_only, _ = cells
    n = sum(cells)
    return (
        stats.accuracy(both + teacher_only, n),
        stats.accuracy(both + student_only, n),
        stats.flip_rate(cells),
    )


def plain_proportions(cells: Cells) -> object:
    both, down, up, _ = cells
    counts = np.array([both + down, both + up, down + up])
    return proportion_confint(counts, sum(cells), method="wilson")


def plain_clustered(gains: np.ndarray) -> object:
    groups = np.arange(len(gains)) // CLUSTER_SIZE
    model = OLS(gains, np.ones(len(gains)))
    return model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True).conf_int()


def mean_gap(teacher: np.ndarray, student: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray((student - teacher).mean(axis=axis))


def works(data: Data) -> dict[str, tuple[Work, Work | None]]:
    """What is measured → our way, the plain way."""
    rng = np.random.default_rng(1)
    p_values = [stats.mcnemar(down, up) for _, down, up, _ in data.tables]
    return {
        "gap, Tango, at .95 and .90": (
            lambda: [stats.paired_gap(t, level=x) for t in data.tables for x in (0.95, 0.90)],
            None,
        ),
        "p-value of non-inferiority": (
            lambda: [stats.noninferiority_p(table, MARGIN) for table in data.tables],
            None,
        ),
        "retention": (lambda: [stats.retention(table) for table in data.tables], None),
        "flips and both accuracies": (
            lambda: [proportions(table) for table in data.tables],
            lambda: [plain_proportions(table) for table in data.tables],
        ),
        "McNemar (mid-p; the library's exact)": (
            lambda: [stats.mcnemar(down, up) for _, down, up, _ in data.tables],
            lambda: [mcnemar([[0, down], [up, 0]]) for _, down, up, _ in data.tables],
        ),
        "weighted gap, tail − head": (lambda: overall(data), None),
        "Holm and Benjamini–Hochberg": (
            lambda: (stats.holm(p_values), stats.benjamini_hochberg(p_values)),
            lambda: [multipletests(p_values, method=name) for name in ("holm", "fdr_bh")],
        ),
        "gap in clusters": (
            lambda: [stats.clustered_gap(clusters) for clusters in data.clusters],
            lambda: [plain_clustered(gains) for gains in data.gains],
        ),
        "gap of marks, BCa": (
            lambda: [stats.score_gap(*marks, rng=rng) for marks in data.marks],
            lambda: [
                bootstrap(marks, mean_gap, paired=True, n_resamples=RESAMPLES, rng=rng)
                for marks in data.marks
            ],
        ),
    }


def seconds(work: Work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strata", type=int, default=100)
    parser.add_argument("--queries", type=int, default=1000, help="per stratum")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    # What is imported at the first call is not measured.
    for pair in works(drawn(2, 100)).values():
        for work in filter(None, pair):
            seconds(work)
    total = 0.0
    for name, pair in works(drawn(options.strata, options.queries)).items():
        there = [work for work in pair if work]
        rounds = [[seconds(work) for work in there] for _ in range(options.rounds)]
        best = [min(side) for side in zip(*rounds, strict=True)]
        total += best[0]
        print(f"{name}: {best[0]:.3f} s, {f'{best[1]:.3f} s' if best[1:] else '–'}")
    print(f"all of ours: {total:.2f} s")


if __name__ == "__main__":
    main()
