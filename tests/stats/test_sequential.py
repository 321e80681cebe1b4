"""E-processes and the confidence sequence: theory, simulation, a second way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import (
    GapEProcess,
    RetentionEProcess,
    gap_confidence_sequence,
)
from tailqa.stats.betting import AIMED_SHARE, N_FIXED, Gambler

SCORES = st.lists(st.tuples(st.booleans() | st.floats(0, 1), st.floats(0, 1)), max_size=60)
# (flips, gap): all flips one way, the references' two, many.
BOUNDARIES = [(0.05, -0.05), (0.10, -0.05), (0.40, -0.05), (0.10, -0.03)]


def cells(flips, gap, right=0.7):
    """Shares of (both, teacher_only, student_only, neither)."""
    alike = 1 - flips
    return (right * alike, (flips - gap) / 2, (flips + gap) / 2, (1 - right) * alike)


def draw(rng, shares, n):
    """Teacher and student of n pairs, right or wrong."""
    cell = rng.choice(4, p=shares, size=n)
    return cell <= 1, cell % 2 == 0


def stops(process, shares, *, n, times, seed):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(times):
        one = process()
        verdict = one.extend(*draw(rng, shares, n))
        found.append((verdict, one.decided_at or math.inf))
    return found


def share(found, verdict):
    return sum(one == verdict for one, _ in found) / len(found)


def allowed(times, alpha=0.05):
    return alpha + 2 * math.sqrt(alpha * (1 - alpha) / times)


def test_one_by_one_is_the_same_as_all_at_once():
    teacher, student = draw(np.random.default_rng(1), cells(0.1, 0.0), 700)
    whole, single, uneven = GapEProcess(0.05), GapEProcess(0.05), GapEProcess(0.05)
    whole.extend(teacher, student)
    verdicts = [single.update(t, s) for t, s in zip(teacher, student, strict=True)]
    for rows in np.split(np.arange(700), [3, 3, 90, 411]):
        uneven.extend(teacher[rows], student[rows])
    np.testing.assert_allclose(single.path, whole.path, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(uneven.path, whole.path, rtol=1e-12, atol=1e-12)
    assert single.decided_at == whole.decided_at == uneven.decided_at
    assert verdicts.index("pass") + 1 == whole.decided_at
    assert verdicts[-1] == single.verdict == whole.verdict == "pass"
    assert (whole.n, whole.evidence_pass, whole.evidence_fail) == (700, *whole.path[-1])


def test_the_first_verdict_stands():
    process = GapEProcess(0.05)
    assert process.extend([False] * 40, [True] * 40) == "pass"
    decided_at = process.decided_at
    assert process.extend([True] * 400, [False] * 400) == "pass"
    assert process.evidence_fail > process.threshold
    assert (process.n, process.decided_at) == (440, decided_at)


def test_before_the_first_pair():
    process = GapEProcess(0.05, alpha=0.01)
    assert (process.n, process.verdict, process.decided_at) == (0, "undecided", None)
    assert (process.evidence_pass, process.evidence_fail) == (0.0, 0.0)
    assert process.path.shape == (0, 2)
    assert process.extend([], []) == "undecided"
    assert process.threshold == pytest.approx(math.log(100))


def wealth_by_hand(values, aims, loss):
    """The definition, pair by pair and bet by bet."""
    fixed = [1.0] * N_FIXED
    aimed, squares = 1.0, 0.5
    for n, (x, aim) in enumerate(zip(values, aims, strict=True)):
        square = squares / (5 + n)
        # The positive root of aim·λ² + square·λ − aim.
        root = brentq(lambda bet: aim * bet**2 + square * bet - aim, 0, 1) if aim else 0.0  # noqa: B023
        aimed *= 1 + min(root, 0.95 / loss) * x
        squares += x * x
        fixed = [w * (1 + (j + 0.5) / N_FIXED / loss * x) for j, w in enumerate(fixed)]
    return AIMED_SHARE * aimed + (1 - AIMED_SHARE) * sum(fixed) / N_FIXED


@given(SCORES, st.floats(0.01, 0.3))
@settings(max_examples=25, deadline=None)
def test_the_evidence_is_the_wealth_of_the_bets(pairs, margin):
    teacher, student = [float(t) for t, _ in pairs], [s for _, s in pairs]
    gap, aims = GapEProcess(margin), [margin] * len(pairs)
    gap.extend(teacher, student)
    up = [s - t + margin for t, s in zip(teacher, student, strict=True)]
    expected = wealth_by_hand(up, aims, 1 - margin)
    assert math.exp(gap.evidence_pass) == pytest.approx(expected, rel=1e-9)
    expected = wealth_by_hand([-x for x in up], aims, 1 + margin)
    assert math.exp(gap.evidence_fail) == pytest.approx(expected, rel=1e-9)


@given(SCORES, st.floats(0.3, 1))
@settings(max_examples=25, deadline=None)
def test_the_evidence_on_retention_is_the_wealth_of_the_bets(pairs, floor):
    teacher, student = [float(t) for t, _ in pairs], [s for _, s in pairs]
    process = RetentionEProcess(floor)
    process.extend(teacher, student)
    aims = [(1 - floor) * (0.5 + sum(teacher[:n])) / (1 + n) for n in range(len(pairs))]
    up = [s - floor * t for t, s in zip(teacher, student, strict=True)]
    expected = wealth_by_hand(up, aims, floor)
    assert math.exp(process.evidence_pass) == pytest.approx(expected, rel=1e-9)
    expected = wealth_by_hand([-x for x in up], aims, 1.0)
    assert math.exp(process.evidence_fail) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("loss", "gain"), [(0.95, 1.05), (1.05, 0.95), (0.6, 1.0)])
def test_the_mean_wealth_stays_one_under_the_null(loss, gain):
    """Exactly, over all 3^7 sequences whose values are −loss, 0.04 and gain, with mean 0."""
    down = 0.3
    shares = np.array([down, 0.0, 0.0])
    shares[1:] = np.linalg.solve([[1, 1], [0.04, gain]], [1 - down, loss * down])
    outcomes = np.array([-loss, 0.04, gain])
    mean = 0.0
    for code in np.ndindex(*(3,) * 7):
        row = list(code)
        logs = Gambler(loss).extend(outcomes[row], np.full(7, 0.05))
        mean += shares[row].prod() * math.exp(logs[-1])
    assert mean == pytest.approx(1, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("flips", "gap"), BOUNDARIES)
def test_false_verdicts_at_the_margin(flips, gap):
    times = 500
    found = stops(
        lambda: GapEProcess(-gap),
        cells(flips, gap),
        n=5000,
        times=times,
        seed=[3, int(100 * flips)],
    )
    assert share(found, "pass") <= allowed(times)
    assert share(found, "fail") <= allowed(times)


@pytest.mark.parametrize("floor", [0.8, 0.95])
def test_false_verdicts_at_the_floor_of_retention(floor):
    times, teacher_only = 300, 0.2
    student_only = teacher_only - (1 - floor) * 0.6
    shares = (0.6 - teacher_only, teacher_only, student_only, 0.4 - student_only)
    found = stops(lambda: RetentionEProcess(floor), shares, n=2000, times=times, seed=4)
    assert share(found, "pass") <= allowed(times)
    assert share(found, "fail") <= allowed(times)


@pytest.mark.parametrize(
    ("flips", "gap", "verdict", "median"), [(0.10, 0.0, "pass", 270), (0.10, -0.10, "fail", 215)]
)
def test_correct_verdicts_come_early(flips, gap, verdict, median):
    """A fixed sample of power .80 takes 247 pairs."""
    found = stops(lambda: GapEProcess(0.05), cells(flips, gap), n=1500, times=200, seed=5)
    assert share(found, verdict) > 0.98
    assert np.median([n for _, n in found]) < median


def test_correct_verdicts_on_retention():
    kept, lost = (0.66, 0.04, 0.04, 0.26), (0.52, 0.18, 0.04, 0.26)
    for shares, verdict in ((kept, "pass"), (lost, "fail")):
        found = stops(lambda: RetentionEProcess(0.9), shares, n=2000, times=100, seed=6)
        assert share(found, verdict) > 0.95


def test_a_million_pairs_stay_finite():
    teacher, student = draw(np.random.default_rng(7), cells(0.1, -0.02), 1_000_000)
    process = GapEProcess(0.05)
    assert process.extend(teacher, student) == "pass"
    assert np.isfinite(process.path).all()
    assert process.evidence_pass > 1000


@pytest.mark.parametrize("shares", [cells(0.05, 0.0), cells(0.2, -0.1), (0.95, 0.0, 0.05, 0.0)])
def test_the_sequence_holds_the_gap_at_all_times(shares):
    rng, times, gap = np.random.default_rng(8), 150, shares[2] - shares[1]
    missed = 0
    for _ in range(times):
        found = gap_confidence_sequence(*draw(rng, shares, 600))
        missed += not found.low <= gap <= found.high
    assert missed / times <= allowed(times)


def test_the_sequence_inverts_the_fixed_bets():
    teacher, student = draw(np.random.default_rng(9), cells(0.2, -0.05), 300)
    found = gap_confidence_sequence(teacher, student, level=0.9)
    gaps = student.astype(float) - teacher

    def most(gap, sign):
        bets = (np.arange(N_FIXED) + 0.5) / N_FIXED / (1 + sign * gap)
        return np.cumprod(1 + bets * sign * (gaps - gap)[:, None], axis=0).mean(axis=1).max()

    assert most(found.low, 1) == pytest.approx(20, rel=1e-5)
    assert most(found.high, -1) == pytest.approx(20, rel=1e-5)
    assert found.method == "betting"
    assert (found.level, found.n) == (0.9, 300)
    assert found.value == pytest.approx(gaps.mean())


@given(SCORES.filter(bool), st.floats(0.5, 0.99))
@settings(max_examples=30, deadline=None)
def test_the_sequence_holds_the_observed_gap_and_never_shuts(pairs, level):
    found = gap_confidence_sequence([t for t, _ in pairs], [s for _, s in pairs], level=level)
    assert isinstance(found, Estimate)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


def test_the_sequence_only_shrinks():
    teacher, student = draw(np.random.default_rng(10), cells(0.3, 0.0), 400)
    found = [gap_confidence_sequence(teacher[:n], student[:n]) for n in (1, 50, 100, 200, 400)]
    lows, highs = [one.low for one in found], [one.high for one in found]
    assert lows == sorted(lows)
    assert highs == sorted(highs, reverse=True)


def test_the_sequence_mirrors():
    teacher, student = draw(np.random.default_rng(11), cells(0.3, 0.1), 200)
    one, other = (
        gap_confidence_sequence(teacher, student),
        gap_confidence_sequence(student, teacher),
    )
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_no_pairs_are_too_few():
    assert gap_confidence_sequence([], []) == TooFew(reason="no pairs", n=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GapEProcess(0), "margin must lie strictly between 0 and 1, got 0"),
        (lambda: GapEProcess(0.05, alpha=1), "alpha must lie strictly between 0 and 1"),
        (lambda: RetentionEProcess(0), r"floor must lie in \(0, 1\], got 0"),
        (lambda: RetentionEProcess(math.nan), r"floor must lie in \(0, 1\]"),
        (lambda: GapEProcess(0.05).update(1.2, 0), r"teacher must lie in \[0, 1\], got 1.2"),
        (lambda: GapEProcess(0.05).update(1, math.nan), r"student must lie in \[0, 1\], got nan"),
        (lambda: GapEProcess(0.05).extend([1, 0], [1]), "equally long, got 2 and 1"),
        (lambda: GapEProcess(0.05).extend([[1, 0]], [[1, 0]]), r"one score per pair, got shape"),
        (lambda: gap_confidence_sequence([1], [1], level=1), "level must lie strictly"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_refused_block_changes_nothing():
    process = GapEProcess(0.05)
    process.update(True, True)
    before = process.path.tolist()
    with pytest.raises(ValueError, match="student must lie"):
        process.extend([True] * 3, [1, 0, 2])
    assert (process.n, process.path.tolist()) == (1, before)
