import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa import stats
from tailqa.stats import noninferiority_n, paired_gap, queries_to_settle, queries_to_settle_estimate


@pytest.mark.parametrize(("margin", "n"), [(0.02, 1546), (0.03, 687), (0.05, 247), (0.10, 62)])
def test_published_sizes(margin, n):
    assert noninferiority_n(0.10, margin) == n


def test_the_promised_power_is_reached():
    rng, n = np.random.default_rng(8), noninferiority_n(0.10, 0.05)
    tables = rng.multinomial(n, (0.8, 0.05, 0.05, 0.1), size=4000).tolist()
    passed = np.mean([paired_gap(table, level=0.90).low > -0.05 for table in tables])
    assert 0.77 < passed < 0.84


def test_settling_a_straddling_table():
    cells = (150, 14, 10, 26)
    needed = queries_to_settle(cells, 0.05)
    scaled = tuple(round(cell * needed / sum(cells)) for cell in cells)
    gap = paired_gap(cells, level=0.90)
    assert gap.low < -0.05 < gap.high
    assert paired_gap(scaled, level=0.90).low > -0.05


@given(st.tuples(*[st.integers(0, 300)] * 4), st.floats(0.005, 0.5))
def test_settling_is_a_number_or_none(cells, margin):
    needed = queries_to_settle(cells, margin)
    assert needed is None or needed >= 1


def test_nothing_settles_a_gap_on_the_margin_or_an_empty_table():
    assert queries_to_settle((85, 10, 5, 0), 0.05) is None
    assert queries_to_settle((0, 0, 0, 0), 0.05) is None


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"flip_rate must lie in \(0, 1\], got 0"):
        noninferiority_n(0, 0.05)
    for margin in (0, 1, -0.1):
        with pytest.raises(ValueError, match="margin must lie strictly between 0 and 1"):
            noninferiority_n(0.1, margin)
    with pytest.raises(ValueError, match="power must lie"):
        noninferiority_n(0.1, 0.05, power=1)


def test_public_names_are_sorted_and_there():
    assert list(stats.__all__) == sorted(stats.__all__)
    assert all(callable(getattr(stats, name)) for name in stats.__all__)


def test_queries_read_off_an_interval_agree_with_those_of_the_table():
    cells = (1500, 140, 100, 260)
    found = paired_gap(cells, level=0.9)
    needed = queries_to_settle_estimate(found, -0.05)
    assert needed == pytest.approx(queries_to_settle(cells, 0.05), rel=0.05)
    # A limit as far away on the other side asks for about as many.
    mirrored = queries_to_settle_estimate(found, 2 * found.value + 0.05)
    assert needed == pytest.approx(mirrored, rel=0.05)


def test_an_estimate_on_the_limit_is_never_settled():
    found = paired_gap((150, 10, 10, 30), level=0.9)
    assert queries_to_settle_estimate(found, found.value) is None
