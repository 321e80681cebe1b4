"""One key of a pipeline at several values."""

import pytest

from tailqa.core.estimate import Estimate
from tailqa.workflows.sweeps import SWEEP_RESAMPLES, Swept
from tests.workflows.costed_runs import PLAIN, answers, costed, line, made, once, two_strata


def test_a_sweep_saturates_where_the_utilisation_says():
    rates = (10, 16.5, 20, 40)
    swept = Swept(
        key="arrivals.rate",
        pipelines=[(r, line(arrivals={"kind": "poisson", "rate": r})) for r in rates],
    )
    found = costed(two_strata(**PLAIN), line(), swept=swept).sweep
    # From 98 % on a stage is full: at 16.5 a second the teacher is so by 99 %.
    assert found.saturation == {
        "teacher": pytest.approx(0.98 / 0.06),
        "student": pytest.approx(0.98 / 0.012),
    }
    assert found.full == 0.98
    for option, at in found.saturation.items():
        assert found.saturated_from[option].value == at
    full = {(p.value, p.option): p.saturated for p in found.points}
    assert full == {
        (rate, option): "generation" if option == "teacher" and rate > 0.98 / 0.06 else None
        for rate in rates
        for option in ("teacher", "student")
    }
    for point in found.points:
        assert isinstance(point.figures["p95_s"], Estimate) == (point.saturated is None)
        assert point.bottleneck == "generation"
        seconds = 0.06 if point.option == "teacher" else 0.012
        assert point.utilisation.value == pytest.approx(point.value * seconds)
        assert point.n_saturated == (found.n_resamples if point.saturated else 0)


def test_a_sweep_says_in_how_many_resamples_it_is_saturated():
    """Answers that are right take 60 ms, others 30: the rate is full in some resamples alone."""
    names = ("head", "tail")
    rows = [
        answer
        for side in ("teacher", "student")
        for name in names
        for answer in answers(name, side, once(10, 10), (6, 3))
    ]
    run = made(rows, weights=dict.fromkeys(names, 0.5))
    arriving = line(arrivals={"kind": "poisson", "rate": 21})
    swept = Swept(key="arrivals.rate", pipelines=[(21, arriving)])
    found = costed(run, line(), swept=swept).sweep
    [point] = [p for p in found.points if p.option == "teacher"]
    assert point.saturated is None
    assert 2 < point.n_saturated < found.n_resamples == 60
    assert point.figures["p95_s"].reason.endswith(
        f"saturated in {point.n_saturated} of 60 resamples"
    )
    limits = found.saturated_from["teacher"]
    assert limits.value == pytest.approx(0.98 / 0.045)
    assert limits.low < 21 < limits.value < limits.high


def test_a_sweep_of_another_key_has_no_saturation_point():
    pipelines = [(n, line(policy={"max_attempts": n})) for n in (1, 2)]
    found = costed(
        two_strata(**PLAIN), line(), swept=Swept(key="policy.max_attempts", pipelines=pipelines)
    )
    assert found.sweep.saturation == {}


@pytest.mark.parametrize(
    "changes",
    [
        [{"arrivals": {"kind": "poisson", "rate": rate}} for rate in (2, 12)],
        [{"policy": {"max_attempts": 3, "icc": icc}} for icc in (0.2, 0.8)],
    ],
)
def test_a_value_of_a_sweep_is_what_the_pipeline_says_by_itself(changes):
    """Whether a value before it had the same queries, or not."""
    run = two_strata(**PLAIN)
    pipelines = [line(**change) for change in changes]
    found = costed(run, pipelines[0], swept=Swept(key="k", pipelines=list(enumerate(pipelines))))
    for value, pipeline in enumerate(pipelines):
        alone = costed(run, pipeline, resamples=SWEEP_RESAMPLES)
        for point in found.sweep.points:
            if point.value == value:
                assert point.figures == alone.option(point.option).figures
