"""What a pipeline makes of a run: by hand, by a second way of counting, and by construction."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tailqa.core.errors import TailqaError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import ALL_TRAFFIC
from tailqa.cost.checks import closed_forms
from tailqa.cost.expectations import expect
from tailqa.cost.figures import figure_rows
from tailqa.cost.load import load_pipeline
from tailqa.cost.prediction import predict
from tailqa.workflows.costs import with_operations
from tailqa.workflows.requests import asked_for, setting_of
from tailqa.workflows.scenes import scene_of
from tests.workflows.costed_runs import (
    PLAIN,
    PROMPT,
    Benched,
    answers,
    benchmark,
    costed,
    line,
    made,
    once,
    two_strata,
)

SYNTHETIC = benchmark("synthetic")


def synthetic(seed=1, **changes):
    settings = {"per_stratum": 60, "attempts": 4, "timed": 30} | changes
    return SYNTHETIC.synthetic_run(**settings, rng=np.random.default_rng(seed))


def value(found, option, figure, scope=ALL_TRAFFIC):
    measured = found.option(option, scope).figures[figure]
    assert isinstance(measured, Estimate), measured
    return measured.value


def break_even(found, variable, option="student", figure="tokens_per_resolved"):
    [item] = [
        b
        for b in found.break_evens
        if (b.variable, b.option, b.figure) == (variable, option, figure)
    ]
    return item


@pytest.fixture(scope="module")
def chat():
    return costed(synthetic(), load_pipeline("chat"))


@pytest.fixture(scope="module")
def rag():
    return costed(synthetic(), load_pipeline("rag"))


@pytest.fixture(scope="module")
def agent():
    return costed(synthetic(), load_pipeline("agent"))


@pytest.mark.parametrize("name", ["chat", "rag", "agent"])
def test_closed_forms_and_simulation_agree(name, request):
    found = request.getfixturevalue(name)
    stages = [check.figure for check in found.checks if check.figure.startswith("utilisation of")]
    # The rate of requests is known in advance in this pipeline alone.
    open_stages = {"embed", "search", "rerank", "assemble", "generation", "teacher"}
    assert {figure.removeprefix("utilisation of ") for figure in stages} == (
        open_stages if name == "rag" else set()
    )
    assert len(found.checks) == 21 + len(stages)
    assert [check for check in found.checks if not check.agrees] == []


@pytest.mark.parametrize("change", [{"timeout_s": 0.2}, {"hedge_after_s": 0.2}])
def test_where_time_decides_there_is_no_closed_form(change):
    found = costed(two_strata(**PLAIN), line(policy={"max_attempts": 2, **change}))
    assert found.checks == ()
    assert {item.variable for item in found.break_evens} == {"tail share"}
    assert found.amdahl is None
    assert "no Amdahl's law, and no break-even but that of the tail share" in found.assumptions[-1]
    assert 0 < value(found, "student", "resolved") < 1


def test_a_greedy_run_counted_by_hand():
    """Query by query: what was right stays right, however often it is asked."""
    run = two_strata(**PLAIN)
    s, f, cap = 0.9, 0.2, 3
    policy = {
        "max_attempts": cap,
        "verifier": {"sensitivity": s, "false_accepts": f},
        "retry": {"adds_prompt_tokens": 5},
        "escalate": {"to": "teacher"},
    }
    found = costed(run, line(policy=policy))
    right = {(row.query_id, row.side): row.status == "right" for row in run.answers}
    weights = {"head": 0.8 / 20, "tail": 0.2 / 20}
    expected = dict.fromkeys(("attempts", "tokens", "resolved", "uncaught", "escalated"), 0.0)
    for query in {row.query_id for row in run.answers}:
        weight = weights[query.split("-")[0]]
        accept = s if right[query, "student"] else f
        refused = (1 - accept) ** cap
        tries = sum((1 - accept) ** attempt for attempt in range(cap))
        by_teacher = refused * (s if right[query, "teacher"] else f)
        by_student = 1 - refused
        expected["attempts"] += weight * (tries + refused)
        expected["tokens"] += weight * (8 * tries + 5 * (tries - 1) + 10 * refused)
        expected["escalated"] += weight * refused
        for ended, side in ((by_student, "student"), (by_teacher, "teacher")):
            expected["resolved" if right[query, side] else "uncaught"] += weight * ended
    for figure in ("attempts", "resolved", "uncaught", "escalated"):
        assert value(found, "escalated", figure) == pytest.approx(expected[figure]), figure
    tokens = value(found, "escalated", "prompt_tokens")
    tokens += value(found, "escalated", "completion_tokens")
    assert tokens == pytest.approx(expected["tokens"])
    assert value(found, "escalated", "tokens_per_resolved") == pytest.approx(
        expected["tokens"] / expected["resolved"]
    )


def test_seconds_of_one_client_are_the_seconds_of_the_model():
    found = costed(two_strata(**PLAIN), line())
    assert value(found, "teacher", "p95_s") == pytest.approx(6 * 0.010)
    assert value(found, "student", "mean_s") == pytest.approx(4 * 0.003)


def test_all_traffic_is_the_strata_by_their_weights(chat):
    for option in ("teacher", "student", "escalated"):
        for figure in ("attempts", "prompt_tokens", "resolved", "uncaught", "escalated"):
            by_stratum = [value(chat, option, figure, scope) for scope in ("head", "tail")]
            assert value(chat, option, figure) == pytest.approx(np.dot(by_stratum, (0.85, 0.15)))


def test_queries_of_a_cluster_are_resampled_together():
    """Two clusters, one all right and one all wrong: a resample holds 0, 1 or 2 of the first."""
    marks = [[True]] * 5 + [[False]] * 5
    names = ["a"] * 5 + ["b"] * 5
    rows = [
        answer
        for side in ("teacher", "student")
        for answer in answers("head", side, marks, 4, clusters=names)
    ]
    together = costed(made(rows, weights={"head": 1.0}, clusters=("a", "b")), line(), resamples=20)
    assert set(together.option("student").draws["resolved"]) == {0.0, 0.5, 1.0}
    apart = costed(made(rows, weights={"head": 1.0}), line(), resamples=20)
    assert len(set(apart.option("student").draws["resolved"])) > 3


def test_the_seed_decides_the_draws(chat):
    assert costed(synthetic(), load_pipeline("chat")) == chat
    other = costed(synthetic(), load_pipeline("chat"), seed=1)
    for figure in ("attempts", "p95_s"):
        assert other.option("student").draws[figure] != chat.option("student").draws[figure]
    assert value(other, "student", "attempts") == value(chat, "student", "attempts")


def test_a_saturated_option_has_no_seconds_and_the_other_has():
    """The teacher works 60 ms on a query, the student 12 ms, and 40 come per second."""
    pipeline = line(arrivals={"kind": "poisson", "rate": 40})
    found = costed(two_strata(**PLAIN), pipeline)
    figures = found.option("teacher").figures
    for figure in ("mean_s", "p50_s", "p95_s", "p99_s", "seconds_per_resolved"):
        assert isinstance(figures[figure], TooFew)
        assert figures[figure].reason == (
            "saturated: generation at 40 requests/s (utilisation 2.40)"
        )
    assert value(found, "teacher", "tokens_per_resolved") > 0
    # M/D/1: half the wait of M/M/1.
    load, service = 40 * 0.012, 0.012
    wait = load / (1 - load) * service / 2
    assert value(found, "student", "mean_s") == pytest.approx(service + wait, rel=0.05)
    assert {item.figure for item in found.break_evens} == {"tokens_per_resolved"}


def test_a_copy_too_many_saturates_what_the_closed_form_would_let_pass():
    """Two servers at 60 % each; with a copy of every attempt they have 120 %."""
    stages = [{"name": "generation", "model": True, "servers": 2}]
    arrivals = {"kind": "poisson", "rate": 20}
    run = two_strata(**PLAIN)
    found = costed(run, line(stages=stages, arrivals=arrivals))
    assert value(found, "teacher", "p95_s") > 0.06
    copied = line(stages=stages, arrivals=arrivals, policy={"hedge_after_s": 0.0})
    [load] = [at for at in costed(run, copied).stages if at.option == "teacher"]
    assert load.utilisation.value > 0.9


def test_copies_saturate_a_server_that_takes_several_requests_at_a_time():
    """It does 2 s of work per second, of which 1.5 s come, and with a copy of each 3 s."""
    stages = [{"name": "generation", "model": True, "concurrency": 4}]
    changes = {"stages": stages, "arrivals": {"kind": "poisson", "rate": 25}}
    run, bench = two_strata(**PLAIN), Benched({1: 0.01, 4: 0.02})
    found = costed(run, line(**changes), bench=bench)
    assert value(found, "teacher", "p95_s") < 0.5
    patient = costed(run, line(**changes, policy={"timeout_s": 100.0}), bench=bench)
    formula, measured = (part.stages[0].utilisation.value for part in (found, patient))
    assert formula == pytest.approx(0.75)
    assert measured == pytest.approx(formula, rel=0.03)
    copied = costed(run, line(**changes, policy={"hedge_after_s": 0.0}), bench=bench)
    reason = copied.option("teacher").figures["p95_s"].reason
    assert reason.startswith("saturated: generation at 25 requests/s (utilisation 1.00)")


def test_close_to_saturation_says_how_many_resamples_are_beyond():
    """Half of the queries take twice as long, so that resamples differ in their load."""
    rows = [
        answer
        for side in ("teacher", "student")
        for answer in answers("head", side, once(20, 20), (4, 8))
    ]
    found = costed(
        made(rows, weights={"head": 1.0}),
        line(arrivals={"kind": "poisson", "rate": 16.2}),
        resamples=20,
    )
    reason = found.option("teacher").figures["p95_s"].reason
    assert reason.startswith(
        "close to saturation: generation at 16.2 requests/s (utilisation 0.97)"
    )
    assert reason.endswith("of 20 resamples")


def test_a_closed_loop_never_saturates():
    pipeline = line(arrivals={"kind": "closed", "clients": 20})
    found = costed(two_strata(**PLAIN), pipeline)
    [load] = [at for at in found.stages if at.option == "teacher"]
    assert 0.98 < load.utilisation.value <= 1
    assert load.bottleneck
    # One server: each of 20 clients waits for all the others.
    assert value(found, "teacher", "p50_s") == pytest.approx(20 * 0.06, rel=0.01)


PRICES = {
    "tokens": (
        {
            "prices": {
                "student": {
                    "usd_per_million_prompt_tokens": 3.0,
                    "usd_per_million_completion_tokens": 5.0,
                }
            }
        },
        "student",
        # One attempt at 4 tokens in and 4 out.
        (4 * 3 + 4 * 5) / 1e6,
    ),
    "hours": (
        {
            "prices": {"student": {"usd_per_gpu_hour": 7.2, "gpus_per_server": 2}},
            "arrivals": {"kind": "poisson", "rate": 4},
        },
        "student",
        7.2 * 2 / 3600 / 4,
    ),
    "hours of a closed loop": (
        {"prices": {"student": {"usd_per_gpu_hour": 7.2}}},
        "student",
        7.2 / 3600 * 0.012,
    ),
    "person": (
        {
            "policy": {
                "escalate": {"to": "person", "time": {"kind": "constant", "s": 1}, "usd": 0.5}
            }
        },
        "escalated",
        # Of the student 90 % are right on the head, 20 % on the tail.
        0.5 * (1 - (0.8 * 0.9 + 0.2 * 0.2)),
    ),
    "uncaught": (
        {"policy": {"verifier": {"false_accepts": 0.25}, "uncaught_error_usd": 2.0}},
        "student",
        2.0 * 0.25 * (1 - (0.8 * 0.9 + 0.2 * 0.2)),
    ),
}


@pytest.mark.parametrize("name", PRICES)
def test_money_by_hand(name):
    changes, option, usd = PRICES[name]
    found = costed(two_strata(**PLAIN), line(**changes))
    assert value(found, option, "usd_per_query") == pytest.approx(usd, rel=1e-3)
    resolved = value(found, option, "resolved")
    assert value(found, option, "usd_per_resolved") == pytest.approx(usd / resolved, rel=1e-3)


def test_every_answer_of_a_person_in_a_chain_is_paid():
    """Two calls, of which the student answers none: two answers of a person."""
    run = two_strata(teacher=[(9, 1)] * 2, student=[(0, 10)] * 2, tokens=(6, 4))
    escalate = {"to": "person", "time": {"kind": "constant", "s": 1}, "usd": 0.5}
    found = costed(run, line(policy={"escalate": escalate}, chain={"calls": 2}))
    assert value(found, "escalated", "usd_per_query") == pytest.approx(1.0)
    timed = line(policy={"escalate": escalate, "timeout_s": 100.0}, chain={"calls": 2})
    assert value(costed(run, timed), "escalated", "usd_per_query") == pytest.approx(1.0)


def test_without_prices_no_money_is_told():
    figures = costed(two_strata(**PLAIN), line()).option("student").figures
    assert figures["usd_per_query"].reason == "the pipeline names no prices"


def test_the_tail_share_where_both_cost_the_same():
    """8 / (.9 (1 − x) + .2 x) = 10 / ((1 − x) + .5 x) at x = 1/3."""
    item = break_even(costed(two_strata(**PLAIN), line()), "tail share")
    assert item.current == pytest.approx(0.2)
    assert item.value.value == pytest.approx(1 / 3)
    assert item.meaning == "below it the student costs less"
    moved = two_strata(**PLAIN, weights=(2 / 3, 1 / 3))
    ratios = {(r.option, r.figure): r.ratio for r in costed(moved, line()).ratios}
    assert ratios["student", "tokens_per_resolved"].value == pytest.approx(1)


def test_the_tail_share_is_known_where_the_student_resolves_nothing_there():
    """8 / (.9 (1 − x)) = 10 / ((1 − x) + .5 x) at x = 1/5."""
    run = two_strata(teacher=PLAIN["teacher"], student=[(18, 2), (0, 20)], tokens=(6, 4))
    found = costed(run, line())
    assert break_even(found, "tail share").value.value == pytest.approx(0.2)
    tail = found.option("student", "tail").figures["tokens_per_resolved"]
    assert tail == TooFew(reason="it has no limit: nothing is resolved", n=20)


def test_moved_to_its_break_even_the_student_costs_the_same():
    """Two attempts, teacher 80 % right at 10 tokens, student 11: 11 (2 − p) / p = 15 at 22/26."""
    policy = line(policy={"max_attempts": 2})
    run = two_strata(teacher=[(40, 10)] * 2, student=[(30, 20)] * 2, tokens=(6, 7))
    item = break_even(costed(run, policy), "student accuracy")
    assert item.current == pytest.approx(0.6)
    assert item.value.value == pytest.approx(22 / 26)
    moved = two_strata(teacher=[(104, 26)] * 2, student=[(110, 20)] * 2, tokens=(6, 7))
    ratios = {(r.option, r.figure): r.ratio for r in costed(moved, policy).ratios}
    assert ratios["student", "tokens_per_resolved"].value == pytest.approx(1)


def test_what_no_accuracy_can_make_good_is_said():
    run = two_strata(teacher=[(40, 10)] * 2, student=[(30, 20)] * 2, tokens=(6, 90))
    item = break_even(costed(run, line()), "student accuracy")
    assert item.value.reason == "even a student that is always right costs more"


def test_the_retry_cap_from_which_the_student_costs_more():
    """With cap K: teacher 10 (.9 + .1 K) / .9, student 6 (.6 + .4 K) / .6; 1.38 is between."""
    run = two_strata(teacher=[(45, 5)] * 2, student=[(30, 20)] * 2, tokens=(6, 2))
    item = break_even(costed(run, line(policy={"max_attempts": 3})), "max attempts")
    assert (item.current, item.value.value) == (3.0, 2.0)
    assert item.meaning == "with fewer attempts it costs less, from there on more"


TOKEN_PRICES = {
    side: {"usd_per_million_prompt_tokens": 2e6, "usd_per_million_completion_tokens": price}
    for side, price in (("teacher", 7e6), ("student", 1e6))
}
"""USD 8 for the prompt's 4 tokens; of the answer's tokens USD 7 each for the teacher, 1 for the
student."""


def test_money_breaks_even_in_the_accuracy_too():
    """Two attempts and each error that is accepted costs USD 30; a wrong answer is in 1 of 4 cases.

    The teacher with p = .8 pays (8 + 2 · 7) per attempt, and so on: see `usd`.
    """
    policy = {"max_attempts": 2, "verifier": {"false_accepts": 0.25}, "uncaught_error_usd": 30.0}

    def usd(p, attempt):
        # A query stays as it is: right at once, or wrong and asked again in 3 of 4 cases.
        spent = p * attempt + (1 - p) * (attempt * 1.75 + 30 * (0.25 + 0.75 * 0.25))
        return spent / p

    pipeline = line(policy=policy, prices=TOKEN_PRICES)
    run = two_strata(teacher=[(40, 10)] * 2, student=[(20, 30)] * 2, tokens=(2, 10))
    found = costed(run, pipeline)
    assert value(found, "teacher", "usd_per_resolved") == pytest.approx(usd(0.8, 22))
    assert value(found, "student", "usd_per_resolved") == pytest.approx(usd(0.4, 18))
    item = break_even(found, "student accuracy", figure="usd_per_resolved")
    assert item.current == pytest.approx(0.4)
    assert usd(item.value.value, 18) == pytest.approx(usd(0.8, 22))


def test_money_breaks_even_in_the_retry_cap_too():
    """With cap K: teacher 22 (.9 + .1 K) / .9, student 13 (.6 + .4 K) / .6."""
    run = two_strata(teacher=[(45, 5)] * 2, student=[(30, 20)] * 2, tokens=(2, 5))
    pipeline = line(policy={"max_attempts": 3}, prices=TOKEN_PRICES)
    item = break_even(costed(run, pipeline), "max attempts", figure="usd_per_resolved")
    ratios = [13 * (0.6 + 0.4 * k) / 0.6 / (22 * (0.9 + 0.1 * k) / 0.9) for k in (1, 2, 3)]
    [first] = [k for k, (a, b) in enumerate(pairwise(ratios), 2) if a <= 1 < b]
    assert (item.current, item.value.value) == (3.0, first)


def test_hours_have_a_share_per_query_where_requests_come_at_a_rate():
    prices = {side: {"usd_per_gpu_hour": 3.6} for side in ("teacher", "student")}
    run, figure = two_strata(**PLAIN), "usd_per_resolved"
    at_a_rate = line(prices=prices, arrivals={"kind": "poisson", "rate": 2})
    # Both pay the same per query, so the student must be as often right as the teacher.
    item = break_even(costed(run, at_a_rate), "student accuracy", figure=figure)
    assert item.value.value == pytest.approx(0.8 + 0.2 * 0.5)
    in_turn = costed(run, line(prices=prices))
    assert {b.variable for b in in_turn.break_evens if b.figure == figure} == {"tail share"}
    alone = "of money there is no break-even but that of the tail share"
    assert [note.endswith(alone) for note in in_turn.assumptions] == [True]
    assert costed(run, at_a_rate).assumptions == ()
    untimed = two_strata(**PLAIN, per_token_s=None)
    assert costed(untimed, line(prices=prices)).assumptions == ()


def test_correlations_are_assumed_where_none_was_measured(chat):
    assert chat.icc_effects == ()
    assert chat.assumptions == ()
    once_each = costed(synthetic(attempts=1), load_pipeline("chat"))
    by_icc = {e.icc: e.figures for e in once_each.icc_effects if e.option == "student"}
    assert list(by_icc) == [0.1, 0.3, 0.5, 0.7, 0.9]
    attempts = [figures["attempts"] for figures in by_icc.values()]
    # What failed once fails again the more surely, the higher the correlation.
    assert attempts == sorted(attempts)
    assert value(once_each, "student", "attempts") > attempts[-1]
    assert "Each query was answered once" in once_each.assumptions[0]
    assumed = costed(synthetic(attempts=1), load_pipeline("chat", {"policy.icc": "0.3"}))
    assert value(assumed, "student", "attempts") == pytest.approx(by_icc[0.3]["attempts"], rel=0.02)
    assert "correlated by 0.3 (policy.icc)" in assumed.assumptions[0]


def test_a_pipeline_that_asks_once_assumes_nothing_of_retries():
    found = costed(two_strata(**PLAIN), line())
    assert (found.icc_effects, found.assumptions) == ((), ())
    chained = costed(two_strata(**PLAIN), line(chain={"calls": 2}))
    assert chained.icc_effects
    assert chained.assumptions


@pytest.mark.parametrize(
    ("tokens", "rates", "occurs"),
    [
        # Seconds per token 3/10, so that three times the tokens are still faster, ten times not.
        (((6, 9), (18, 27)), (45, 5), "no"),
        (((6, 9), (60, 90)), (45, 5), "yes"),
        # 20/6 of the tokens: equal, but for what resampling says of one answer.
        (((6, 9), (20, 30)), (44, 6), "unclear"),
    ],
)
def test_the_trap_by_construction(tokens, rates, occurs):
    run = two_strata(teacher=[(45, 5)] * 2, student=[rates] * 2, tokens=tokens)
    found = costed(run, line(), resamples=40)
    [finding] = [
        t
        for t in found.traps
        if (t.scope, t.option, t.figure) == (ALL_TRAFFIC, "student", "seconds_per_resolved")
    ]
    assert finding.per_token.value == pytest.approx(0.3, rel=1e-3)
    assert finding.occurs == occurs


TRACE = "when,prompt,answer\n" + "".join(
    f"{i},{80 + 40 * (i % 2)},{i % 3 * 10}\n" for i in range(60)
)


@pytest.mark.parametrize(
    ("columns", "tokens"),
    [
        (("context_tokens", "generated_tokens"), (100, 10, 100, 10 * 4 / 6)),
        (("context_tokens",), (100, 6, 100, 4)),
        (("generated_tokens",), (PROMPT, 10, PROMPT, 10 * 4 / 6)),
        ((), (PROMPT, 6, PROMPT, 4)),
    ],
)
def test_requests_are_as_long_as_the_trace_says(tmp_path, columns, tokens):
    (tmp_path / "trace.csv").write_text(TRACE)
    named = {"context_tokens": "prompt", "generated_tokens": "answer"}
    keys = "".join(f", {key}: {named[key]}" for key in columns)
    (tmp_path / "line.yaml").write_text(
        "version: 1\nname: traced\nstages: [{name: generation, model: true, servers: 4}]\n"
        f"arrivals: {{kind: trace, file: trace.csv, timestamp: when{keys}}}\n"
    )
    found = costed(two_strata(**PLAIN), load_pipeline(tmp_path / "line.yaml"))
    measured = [
        value(found, option, figure)
        for option in ("teacher", "student")
        for figure in ("prompt_tokens", "completion_tokens")
    ]
    assert measured == pytest.approx(tokens)
    assert all(check.agrees for check in found.checks)
    assert any("those of the trace" in said for said in found.assumptions) == bool(columns)


def test_a_server_that_takes_several_requests_slows_down_as_the_bench_says():
    """Twice as slow with four in it: half the utilisation of one at a time, at twice the pace."""
    run = two_strata(**PLAIN)
    bench = Benched({1: 0.01, 4: 0.02})
    loads = {}
    for concurrency in (1, 4):
        stages = [{"name": "generation", "model": True, "concurrency": concurrency}]
        pipeline = line(stages=stages, arrivals={"kind": "poisson", "rate": 10})
        found = costed(run, pipeline, bench=bench)
        [load] = [at for at in found.stages if at.option == "teacher"]
        loads[concurrency] = load.utilisation.value
        assert found.speeds[0].slowdown == pytest.approx([1, 4 / 3, 5 / 3, 2][:concurrency])
        if concurrency == 1:
            alone = value(found, "teacher", "p99_s")
    assert loads[4] == pytest.approx(loads[1] / 2)
    assert value(found, "teacher", "p99_s") < alone


def test_without_a_bench_a_server_takes_one_request_at_a_time():
    stages = [{"name": "generation", "model": True, "concurrency": 4}]
    with pytest.raises(TailqaError, match=r"works on 4 requests at a time.* --bench FOLDER"):
        costed(two_strata(**PLAIN), line(stages=stages))
    with pytest.raises(TailqaError, match="batch sizes up to 2"):
        costed(two_strata(**PLAIN), line(stages=stages), bench=Benched({1: 0.01, 2: 0.02}))


def test_a_formula_that_is_off_is_found():
    stages = [
        {"name": "search", "time": {"kind": "constant", "s": 0.04}},
        {"name": "generation", "model": True},
    ]
    pipeline = line(
        stages=stages, arrivals={"kind": "poisson", "rate": 5}, policy={"max_attempts": 2}
    )
    scene = scene_of(two_strata(**PLAIN), pipeline, resamples=40, seed=0).scene
    settings = {"student": setting_of(pipeline, "student")}
    asked = asked_for(scene, pipeline, settings, 0)
    found = predict(scene, settings, asked, seed=0)["student"]
    rows = figure_rows(found, pipeline)
    right = {check.figure: check for check in closed_forms(found, rows, level=0.95)}
    assert all(check.agrees for check in right.values())
    search = right["utilisation of search"]
    assert search.closed == pytest.approx(5 * 0.04)
    # The simulated rate of requests is off by chance, what each takes is not.
    assert search.simulated.value == pytest.approx(search.closed)
    off = replace(found, offered=1.03 * found.offered)
    apart = [check for check in closed_forms(off, rows, level=0.95) if not check.agrees]
    assert [check.figure for check in apart] == [
        "utilisation of search",
        "utilisation of generation",
    ]


def test_a_run_without_speed_tells_tokens_and_no_seconds():
    run = two_strata(**PLAIN, per_token_s=None)
    prices = {"student": {"usd_per_gpu_hour": 1.0}}
    found = costed(run, line(prices=prices))
    figures = found.option("student").figures
    assert isinstance(figures["tokens_per_resolved"], Estimate)
    for figure in ("p95_s", "seconds_per_resolved", "usd_per_query"):
        assert figures[figure].reason.startswith("no speed was measured; run tailqa compare")
    assert found.amdahl is None
    [load] = [at for at in found.stages if at.option == "student"]
    unknown = TooFew(reason="no speed was measured", n=40)
    assert (load.utilisation, load.wait_s, load.service_s) == (unknown,) * 3
    assert isinstance(load.visits_per_query, Estimate)
    assert not load.bottleneck
    assert {item.figure for item in found.break_evens} == {"tokens_per_resolved"}


SEARCHED = [
    {"name": "search", "time": {"kind": "constant", "s": 0.1}},
    {"name": "generation", "model": True},
]


def test_a_speed_that_is_not_known_makes_no_other_stage_the_bottleneck():
    run = two_strata(**PLAIN, per_token_s=None)
    closed = costed(run, line(stages=SEARCHED))
    arriving = {"kind": "poisson", "rate": 2.0}
    searched, _ = costed(run, line(stages=SEARCHED, arrivals=arriving)).stages[:2]
    assert not any(load.bottleneck for load in closed.stages)
    # In a closed loop how often requests come depends on the time that nobody knows.
    assert [load.utilisation.reason for load in closed.stages] == ["no speed was measured"] * 4
    assert searched.utilisation.value == pytest.approx(0.2)
    assert (searched.service_s.value, searched.bottleneck) == (pytest.approx(0.1), False)
    assert searched.wait_s.reason == "no speed was measured"
    free = [SEARCHED[0], {**SEARCHED[1], "servers": 0}]
    assert costed(run, line(stages=free, arrivals=arriving)).stages[0].bottleneck


@pytest.mark.parametrize(
    ("policy", "matters"),
    [
        ({"max_attempts": 1}, False),
        ({"max_attempts": 1, "escalate": {"to": "teacher"}}, False),
        ({"max_attempts": 1, "escalate": {"to": "teacher", "attempts": 2}}, True),
        ({"max_attempts": 2}, True),
    ],
)
def test_nothing_is_said_of_retries_where_nothing_is_asked_again(policy, matters):
    found = costed(two_strata(**PLAIN), line(policy=policy))
    assert bool(found.icc_effects) == matters
    assert bool(found.assumptions) == matters
    assumed = costed(two_strata(**PLAIN), line(policy={**policy, "icc": 0.5}))
    said = [note for note in assumed.assumptions if "(policy.icc): assumed" in note]
    assert len(said) == (1 if matters or "escalate" in policy else 0)


def test_an_imported_run_is_told_of_no_flag_of_compare():
    run = two_strata(**PLAIN, per_token_s=None)
    options = {"imported from": "Inspect"}
    fingerprint = replace(run.report.fingerprint, options=options)
    run = replace(run, report=replace(run.report, fingerprint=fingerprint))
    found = costed(run, line(policy={"max_attempts": 2}))
    assert found.option("student").figures["p95_s"].reason == (
        "no speed was measured; imported answers have none; name a bench of both models with "
        "--bench"
    )
    [retries] = found.assumptions
    assert "Import several answers per query (epochs) where they were recorded, or" in retries
    assert "tailqa compare" not in repr(found)


def test_where_a_timeout_decides_nothing_is_known_without_a_speed():
    run = two_strata(**PLAIN, per_token_s=None)
    found = costed(run, line(policy={"max_attempts": 2, "timeout_s": 0.05}))
    figures = found.option("student").figures
    for figure in ("attempts", "resolved", "tokens_per_resolved", "mean_s"):
        assert figures[figure].reason.startswith("no speed was measured"), figure
    assert (found.traps, found.break_evens, found.checks) == ((), (), ())
    assert found.stages[0].visits_per_query.reason == "no speed was measured"


def test_a_run_without_tokens_cannot_be_costed_and_compare_says_so():
    run = two_strata(**PLAIN)
    rows = tuple(replace(row, completion_tokens=None) for row in run.answers)
    with pytest.raises(TailqaError, match="80 of 80 answers of this run come without their token"):
        costed(replace(run, answers=rows), line())
    report = with_operations(replace(run, answers=rows), line()).report
    assert report.operations is None
    assert report.findings[-1].startswith(
        "What the student costs in the pipeline line is not known: 80 of 80 answers"
    )


def test_amdahl_by_hand():
    """Generation is 60 of 100 ms of the teacher and five times as fast in the student."""
    stages = [
        {"name": "search", "time": {"kind": "constant", "s": 0.04}},
        {"name": "generation", "model": True},
    ]
    found = costed(two_strata(**PLAIN), line(stages=stages)).amdahl
    assert found.share.value == pytest.approx(0.6)
    assert found.generation.value == pytest.approx(5)
    assert found.by_law.value == pytest.approx(1 / (0.4 + 0.6 / 5))
    assert found.unloaded.value == pytest.approx(found.by_law.value)
    assert found.loaded.value == pytest.approx(found.by_law.value)
    assert found.next_bottleneck == "search"


def test_the_wait_at_a_stage_is_that_of_allen_and_cunneen(rag):
    for load in rag.stages:
        if load.closed_wait_s is not None and load.option == "teacher":
            assert load.wait_s.value == pytest.approx(load.closed_wait_s, rel=0.2, abs=2e-4)


@pytest.mark.slow
def test_intervals_hold_the_truth():
    """The closed forms of 40 runs; benchmarks/cost_coverage.py has seconds and more runs."""
    study = benchmark("cost_coverage")
    known = study.true_figures(20_000, np.random.default_rng([0, 0]))
    pipeline, held = study.pipeline(), {}
    for turn in range(40):
        run = synthetic(per_stratum=100, seed=[0, 1, turn])
        scene = scene_of(run, pipeline, resamples=80, seed=turn).scene
        for option in pipeline.options:
            found = expect(scene, option, study.rules_of(pipeline, option))
            figures = {
                "attempts": found.attempts,
                "resolved": found.counts["resolved"],
                "completion_tokens": found.completion_tokens + found.second_completion_tokens,
            }
            for figure, rows in figures.items():
                low, high = np.quantile(rows[1:, -1], (0.025, 0.975))
                inside = low <= known[option, figure] <= high
                held.setdefault((option, figure), []).append(inside)
    # Of 40 runs that hold .95 fewer than 32 do in one of 70,000.
    assert {key: sum(inside) for key, inside in held.items() if sum(inside) < 32} == {}
