import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar as reference

from tailqa.stats import mcnemar

COUNTS = st.integers(0, 2000)


@pytest.mark.parametrize(
    ("method", "p"),
    [
        ("asymptotic", 0.033006),
        ("corrected", 0.055009),
        ("exact", 0.052479),
        ("mid-p", 0.034690),
    ],
)
def test_published_p_values(method, p):
    assert round(mcnemar(6, 16, method=method), 6) == p
    assert mcnemar(16, 6, method=method) == mcnemar(6, 16, method=method)


@given(COUNTS, COUNTS)
def test_exact_and_asymptotic_against_statsmodels(b, c):
    table = [[1, b], [c, 1]]
    assert mcnemar(b, c, method="exact") == pytest.approx(reference(table, exact=True).pvalue)
    if b != c:
        for method, correction in (("asymptotic", False), ("corrected", True)):
            other = reference(table, exact=False, correction=correction).pvalue
            assert mcnemar(b, c, method=method) == pytest.approx(other, abs=1e-12)


@given(COUNTS, COUNTS)
def test_mid_p_is_exact_less_half_the_observed_point_on_both_sides(b, c):
    point = binom.pmf(min(b, c), b + c, 0.5)
    expected = 1 - point / 2 if b == c else mcnemar(b, c, method="exact") - point
    assert mcnemar(b, c) == pytest.approx(expected if b + c else 1, rel=1e-9)
    assert 0 <= mcnemar(b, c) <= 1


@pytest.mark.parametrize("method", ["mid-p", "exact", "asymptotic", "corrected"])
def test_no_flips_is_no_evidence(method):
    assert mcnemar(0, 0, method=method) == 1


def test_bad_arguments():
    with pytest.raises(ValueError, match="teacher_only must be a whole number of at least 0"):
        mcnemar(-1, 3)
    with pytest.raises(ValueError, match="method must be one of mid-p"):
        mcnemar(1, 3, method="yates")
