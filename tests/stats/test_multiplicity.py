import gc
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from tailqa.stats import benjamini_hochberg, holm, mcnemar


@pytest.fixture(scope="module")
def no_collection():
    """statsmodels collects garbage at every call, for a second each in a process this full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: 0)
        yield


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@pytest.mark.usefixtures("no_collection")
@given(P_VALUES)
@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_against_statsmodels(ours, theirs, p_values):
    _, expected, _, _ = multipletests(p_values, method=theirs)
    adjusted = ours(p_values)
    assert adjusted == pytest.approx(expected, abs=1e-12)
    assert all(p <= one <= 1 for p, one in zip(p_values, adjusted, strict=True))


def test_real_domains(mmlu):
    p_values = [mcnemar(down, up) for _, down, up, _ in mmlu.values()]
    found = [p_values, holm(p_values), benjamini_hochberg(p_values)]
    assert [sum(p < 0.05 for p in adjusted) for adjusted in found] == [42, 34, 41]


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_edges(adjust):
    assert adjust([]) == ()
    assert adjust([0.2]) == (0.2,)
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"p_values\[1\] must lie in \[0, 1\], got"):
            adjust([0.5, wrong])
