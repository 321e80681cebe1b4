"""Exact probabilities of paired tables, by enumeration: what the intervals are measured with."""

import csv
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import gammaln, xlogy

from tailqa.core.estimate import Estimate
from tailqa.stats import paired_gap

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20, 0.30)
GRID = [(b, c) for b in SHARES for c in SHARES]


@cache
def flip_tables(n):
    """All (student_only, teacher_only) of n pairs, and the log multinomial coefficient."""
    b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    inside = b + c <= n
    b, c = b[inside], c[inside]
    return b, c, gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1)


@cache
def gap_limits(n, level, method):
    """Limits over all tables; [gap, gap] where the method has none."""
    b, c, _ = flip_tables(n)
    rows = []
    for up, down in zip(b.tolist(), c.tolist(), strict=True):
        gap = paired_gap((n - up - down, down, up, 0), level=level, method=method)
        centre = (up - down) / n
        rows.append((gap.low, gap.high) if isinstance(gap, Estimate) else (centre, centre))
    return np.array(rows)


def probabilities(n, p_b, p_c):
    b, c, coefficient = flip_tables(n)
    rest = max(0.0, 1 - p_b - p_c)
    return np.exp(coefficient + xlogy(b, p_b) + xlogy(c, p_c) + xlogy(n - b - c, rest))


def coverage(n, p_b, p_c, *, level=0.95, method="tango"):
    limits = gap_limits(n, level, method)
    gap = p_b - p_c
    held = (limits[:, 0] <= gap + 1e-12) & (limits[:, 1] >= gap - 1e-12)
    return probabilities(n, p_b, p_c)[held].sum()


def size(n, margin, *, method="tango"):
    """The largest probability of calling a student at −margin non-inferior, at one-sided .05."""
    passes = gap_limits(n, 0.90, method)[:, 0] > -margin
    flips = np.arange(margin, 0.91, 0.01)
    return max(probabilities(n, (f - margin) / 2, (f + margin) / 2)[passes].sum() for f in flips)


@pytest.fixture(scope="session")
def exact():
    return SimpleNamespace(grid=GRID, coverage=coverage, size=size)


@pytest.fixture(scope="session")
def mmlu():
    """The real paired counts: domain → cells; GPT-4 as teacher, Mixtral as student."""
    path = Path(__file__).parents[2].parent / "shared" / "data" / "routellm_mmlu_counts.csv"
    if not path.exists():
        pytest.skip("the real counts are not here")
    names = ("both", "teacher_only", "student_only", "neither")
    with path.open(newline="") as lines:
        return {
            row["dom"]: tuple(int(row[name]) for name in names) for row in csv.DictReader(lines)
        }
