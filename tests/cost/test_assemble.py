"""From a pipeline to the simulation's types."""

import math
import statistics

import numpy as np
import pytest
from scipy import stats

from tailqa.cost.assemble import arrival_times, rules_of, stations, trace
from tailqa.cost.line import Rules, Times
from tailqa.cost.load import load_pipeline
from tailqa.cost.schema import Pipeline

QUICK = {"kind": "constant", "s": 0.001}


def pipeline(**changes: object) -> Pipeline:
    stages = [{"name": "guard", "time": QUICK}, {"name": "generation", "model": True}]
    held = {"name": "x", "stages": stages, "arrivals": {"kind": "closed", "clients": 1}}
    return Pipeline.model_validate(held | changes)


def test_rag_as_stations():
    line = stations(load_pipeline("rag"), "student")
    assert [(at.name, at.servers, at.probability, at.after, at.repeats) for at in line] == [
        ("embed", 4, 1.0, (), False),
        ("search", 8, 1.0, (0,), False),
        ("rerank", 2, 0.8, (1,), False),
        ("assemble", 8, 1.0, (2,), False),
        ("generation", 1, 1.0, (3,), True),
    ]
    assert [at.role for at in line] == ["stage"] * 4 + ["generation"]
    assert line[4].time is None
    assert line == stations(load_pipeline("rag"), "teacher")


def test_agent_as_stations():
    plan, generation, tool, person = stations(load_pipeline("agent"), "escalated")
    assert (plan.repeats, generation.repeats, tool.repeats) == (False, True, True)
    assert (person.role, person.servers, person.after, person.repeats) == ("person", 3, (), False)
    assert rules_of(load_pipeline("agent"), "escalated").calls == 4


def test_a_graph_comes_in_an_order_that_can_be_walked():
    stages = [
        {"name": "join", "time": QUICK, "after": ["b", "a"]},
        {"name": "generation", "model": True},
        {"name": "a", "time": QUICK, "after": []},
        {"name": "b", "time": QUICK, "after": []},
        {"name": "log", "time": QUICK, "after": ["a"]},
    ]
    line = stations(pipeline(stages=stages, policy={"repeat_from": "b"}), "student")
    assert [(at.name, at.after, at.repeats) for at in line] == [
        ("a", (), False),
        ("b", (), True),
        ("join", (0, 1), True),
        ("generation", (2,), True),
        ("log", (0,), False),
    ]


def test_rules_are_those_of_the_file():
    policy = {
        "max_attempts": 4,
        "verifier": {"sensitivity": 0.9, "false_accepts": 0.2},
        "retry": {"adds_prompt_tokens": 50, "lift": 0.1, "back_off_s": 0.5, "back_off_factor": 3},
        "timeout_s": 9,
        "hedge_after_s": 2,
        "escalate": {"to": "teacher", "attempts": 2, "servers": 3, "concurrency": 5},
    }
    held = pipeline(policy=policy, chain={"calls": 2})
    rules = Rules(
        max_attempts=4,
        sensitivity=0.9,
        false_accepts=0.2,
        lift=0.1,
        added_prompt_tokens=50,
        back_off_s=0.5,
        back_off_factor=3,
        timeout_s=9,
        hedge_after_s=2,
        calls=2,
    )
    assert rules_of(held, "teacher") == rules_of(held, "student") == rules
    escalated = rules_of(held, "escalated")
    assert (escalated.escalate_to, escalated.second_attempts) == ("teacher", 2)
    teacher = stations(held, "escalated")[-1]
    assert (teacher.role, teacher.servers, teacher.concurrency) == ("teacher", 3, 5)


def test_nothing_is_assumed_where_nothing_is_said():
    assert rules_of(pipeline(), "student") == Rules(back_off_factor=2.0)
    assert math.isinf(rules_of(pipeline(), "student").timeout_s)
    person = {"to": "person", "time": QUICK, "right": 0.9}
    held = rules_of(pipeline(policy={"escalate": person}), "escalated")
    assert (held.escalate_to, held.person_right) == ("person", 0.9)


def test_without_escalation_there_is_no_such_option():
    for make in (stations, rules_of):
        with pytest.raises(ValueError, match=r"pipeline x has no policy\.escalate"):
            make(pipeline(), "escalated")


def test_distributions_have_the_moments_and_percentiles_they_were_given():
    held = load_pipeline("rag")
    embed, search = (stage.time.times() for stage in held.stages[:2])
    law = stats.lognorm(s=embed.second, scale=math.exp(embed.first))
    assert law.ppf([0.5, 0.99]) == pytest.approx([0.012, 0.040])
    assert law.mean() == pytest.approx(embed.mean_s)
    law = stats.gamma(search.first, scale=search.second)
    assert (law.mean(), law.std() / law.mean()) == pytest.approx((0.020, 0.5))


def test_a_sample_that_was_not_read_is_no_distribution():
    time = {"kind": "empirical", "file": "t.csv", "column": "s"}
    held = pipeline(stages=[{"name": "a", "time": time}, {"name": "generation", "model": True}])
    with pytest.raises(ValueError, match=r"t\.csv was not read: load the pipeline with load_pip"):
        stations(held, "student")


def test_a_closed_loop_has_no_arrival_times():
    held = load_pipeline("agent")
    assert arrival_times(held, 10, np.random.default_rng(1)) is None
    assert trace(held) is None
    assert held.arrivals.think.times() == Times(kind="gamma", first=1.0, second=5.0)


def test_poisson_gaps_are_exponential():
    held = pipeline(arrivals={"kind": "poisson", "rate": 4.0})
    times = arrival_times(held, 20_000, np.random.default_rng(3))
    gaps = np.diff(times, prepend=0.0)
    assert stats.kstest(gaps, stats.expon(scale=0.25).cdf).pvalue > 0.01


BURSTS = {"kind": "bursty", "rate": 2.0, "burst_rate": 20.0, "calm_s": 4.0, "burst_s": 1.0}


def test_bursts_have_the_mean_and_the_dispersion_of_their_process():
    """Counts in windows of t: mean and variance of a two-state MMPP in its steady state.

    Var N = m·t + 2·p·(1 − p)·(Δλ)²/r² · (r·t − 1 + e^(−r·t)), r the sum of both rates of change
    (Fischer and Meier-Hellstern 1993).
    """
    held = pipeline(arrivals=BURSTS)
    assert held.arrivals.mean_rate == pytest.approx(5.6)
    times = arrival_times(held, 600_000, np.random.default_rng(5))
    assert (np.diff(times) >= 0).all()
    window = 2.0
    counts = np.bincount((times / window).astype(int))[:-1]
    share, change = 0.2, 1 / 4.0 + 1 / 1.0
    mean = 5.6 * window
    extra = 2 * share * (1 - share) * 18.0**2 / change**2
    variance = mean + extra * (change * window - 1 + math.exp(-change * window))
    assert counts.mean() == pytest.approx(mean, rel=0.02)
    assert counts.var() == pytest.approx(variance, rel=0.04)


def test_bursts_begin_anywhere():
    """The first gap is shorter on average where the process is in a burst at the start."""
    held = pipeline(arrivals=BURSTS | {"calm_s": 4e4, "burst_s": 1e4})
    first = [arrival_times(held, 1, np.random.default_rng(seed))[0] for seed in range(4000)]
    assert statistics.mean(first) == pytest.approx(0.8 / 2 + 0.2 / 20, rel=0.08)
    assert len(arrival_times(held, 0, np.random.default_rng(1))) == 0


def test_a_trace_is_repeated_end_to_end(tmp_path):
    (tmp_path / "t.csv").write_text("at,in\n5,10\n6,20\n9,30\n")
    (tmp_path / "p.yaml").write_text(
        "version: 1\nname: x\nstages: [{name: generation, model: true}]\n"
        "arrivals: {kind: trace, file: t.csv, timestamp: at, context_tokens: in, speed_up: 2}\n"
    )
    held = load_pipeline(tmp_path / "p.yaml")
    recorded = trace(held)
    assert recorded.arrival_s.tolist() == [0.0, 0.5, 2.0]
    assert (recorded.context_tokens.tolist(), recorded.generated_tokens) == ([10, 20, 30], None)
    times = arrival_times(held, 7, np.random.default_rng(1))
    # Two seconds and a mean gap of one: the next round begins at 3.
    assert times.tolist() == [0.0, 0.5, 2.0, 3.0, 3.5, 5.0, 6.0]
    assert arrival_times(held, 2, np.random.default_rng(1)).tolist() == [0.0, 0.5]
