"""From the answers of a run to a rule: which are taken, what is known, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tailqa.core.errors import TailqaError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.report import Run
from tailqa.core.routing import Price
from tailqa.workflows.route import RouteOptions, route
from tailqa.workflows.route_queries import asked_queries, confidence_of
from tests.report.conftest import latency, make_report, row, stratum

HEAD, TAIL = "head/plain", "tail/multi-step"


def made_run(n=120, *, seed=0, teacher=0.95, tail=0.3, cluster_size=0, **of_student):
    """The student is sure where it is right, and mostly wrong in the tail."""
    rng = np.random.default_rng(seed)
    rows, cells = [], {HEAD: [0] * 4, TAIL: [0] * 4}
    for number in range(n):
        name = HEAD if number % 2 else TAIL
        chance = float(rng.beta(9, 1)) if name == HEAD else float(rng.beta(2, 2 / tail - 2))
        marks = [bool(rng.random() < teacher), bool(rng.random() < chance)]
        cells[name][3 - 2 * marks[0] - marks[1] if marks[0] else 3 - marks[1]] += 1
        cluster = f"{name} {number // (2 * cluster_size)}" if cluster_size else None
        for side, right in zip(("teacher", "student"), marks, strict=True):
            given = {"mean_logprob": round(math.log(chance), 6), "cluster": cluster}
            changes = given | (of_student if side == "student" else {})
            rows.append(row(f"q{number}", name, side, "right" if right else "wrong", **changes))
    clusters = {"c": (1, 0, 0, 0)} if cluster_size else {}
    strata = [
        stratum(HEAD, tuple(cells[HEAD]), kind="head", weight=0.8, clusters=clusters),
        stratum(TAIL, tuple(cells[TAIL]), weight=0.2, clusters=clusters),
    ]
    timed = tuple(
        replace(
            latency(name, side, s, 9, 20), raw_query_ids=tuple(f"q{2 * n + k}" for n in range(20))
        )
        for name, k in ((HEAD, 1), (TAIL, 0))
        for side, s in (("teacher", 0.03), ("student", 0.01))
    )
    return Run(report=make_report(strata, latency=timed), answers=tuple(rows))


def quick(**changes):
    return RouteOptions(**({"resamples": 100, "created": "2026-11-25"} | changes))


def test_the_tail_goes_to_the_teacher_and_what_that_costs():
    price = {"teacher_price": Price(prompt_usd=10, completion_usd=30)}
    price["student_price"] = Price(prompt_usd=1, completion_usd=3)
    routing = route(made_run(), quick(**price))
    by_stratum, by_confidence = routing.choices
    assert by_stratum.teacher_strata == (TAIL,)
    assert [(s.name, s.model) for s in routing.strata] == [(TAIL, "teacher"), (HEAD, "student")]
    figures = by_stratum.figures
    assert figures.teacher_share.value == pytest.approx(0.2)
    # 21 prompt and 9 completion tokens on both sides.
    assert figures.tokens.value == pytest.approx(30)
    assert figures.seconds.value == pytest.approx(0.8 * 0.01 + 0.2 * 0.03)
    assert figures.usd.value == pytest.approx((0.8 * 48 + 0.2 * 480) / 1e6)
    cascade = by_confidence.figures
    assert 0 < by_confidence.threshold < 1
    assert cascade.tokens.value == pytest.approx(30 + 30 * cascade.teacher_share.value)
    assert cascade.seconds.low > 0.01
    assert by_confidence.over_random.value > 0
    for curve in routing.curves:
        ends = (curve.points[0].quality, curve.points[-1].quality)
        for end, alone in zip(ends, (routing.student_only, routing.teacher_only), strict=True):
            assert end.value == pytest.approx(alone.quality.value)
            assert (end.low, end.high) == pytest.approx((alone.quality.low, alone.quality.high))
        assert curve.apgr.value > 0.5


def test_the_same_seed_gives_the_same_and_clusters_stay_together():
    run = made_run(cluster_size=6)
    assert route(run, quick()) == route(run, quick())
    alone = route(made_run(), quick(resamples=400)).student_only.quality
    queries = asked_queries(run, {}, seed=3).queries
    for unit in np.unique(queries.unit):
        assert len(np.unique(queries.first_half[queries.unit == unit])) == 1
    assert isinstance(alone, Estimate)


def test_a_choice_is_as_sure_as_its_softmax():
    chosen = row("q", "s", "student", choice_logprobs=(-2.0, -1.0, -3.0), mean_logprob=None)
    assert confidence_of(chosen) == pytest.approx(math.exp(-1) / sum(map(math.exp, (-2, -1, -3))))
    assert confidence_of(row("q", "s", "student", mean_logprob=-0.5)) == math.exp(-0.5)
    assert confidence_of(row("q", "s", "student", mean_logprob=None)) is None
    # The likeliest by per-character or other means may differ; -inf everywhere says nothing.
    nothing = row("q", "s", "student", choice_logprobs=(-math.inf,) * 2)
    assert confidence_of(nothing) is None


def test_a_run_without_confidence_and_without_tokens():
    bare = made_run(mean_logprob=None, prompt_tokens=None)
    routing = route(replace(bare, report=replace(bare.report, latency=())), quick())
    assert [choice.by for choice in routing.choices] == ["stratum"]
    assert routing.confidence is None
    assert "60 of 60" not in routing.without_confidence
    assert "120 of 120 answers of the student carry no log-probability" in (
        routing.without_confidence
    )
    figures = routing.choice.figures
    assert isinstance(figures.tokens, TooFew)
    assert isinstance(figures.seconds, TooFew)
    assert isinstance(figures.quality, Estimate)
    with pytest.raises(TailqaError, match=r"cannot route by confidence.*new --store; or route"):
        route(bare, quick(by="confidence"))
    price = Price(prompt_usd=1, completion_usd=1)
    with pytest.raises(TailqaError, match="prices are per token, and this run has no token"):
        route(bare, quick(teacher_price=price, student_price=price))


def test_an_imported_run_is_told_of_no_flag_of_compare():
    run = made_run()
    fingerprint = replace(run.report.fingerprint, options={"imported from": "Inspect"})
    bare = tuple(replace(line, mean_logprob=None, choice_logprobs=None) for line in run.answers)
    report = replace(run.report, fingerprint=fingerprint, latency=())
    routing = route(replace(run, answers=bare, report=report), quick())
    assert routing.without_confidence == (
        "120 of 120 answers of the student carry no log-probability: texts are imported without; "
        "only the choices of lm-eval and lighteval have them"
    )
    assert routing.choice.figures.seconds.reason == (
        "no speed was measured; imported answers have none"
    )
    assert "tailqa compare" not in repr(routing)


def test_a_teacher_that_is_no_better_is_refused():
    with pytest.raises(
        TailqaError, match=r"right in 3.*ahead only in tail/multi-step.*cannot help"
    ):
        route(made_run(teacher=0.4, tail=0.2), quick())


def test_ungraded_and_failed_queries_are_left_out_and_an_empty_stratum_is_named():
    run = made_run()
    lost = tuple(
        replace(line, status="failed") if line.stratum == HEAD else line for line in run.answers
    )
    routing = route(replace(run, answers=lost), quick())
    assert routing.n == 60
    assert [s.weight for s in routing.strata] == [1.0]
    assert routing.notes == (f"Left out, as no query of it was graded on both sides: {HEAD}.",)
    gone = tuple(replace(line, status="ungraded") for line in run.answers)
    with pytest.raises(TailqaError, match="no query of this run was graded on both sides"):
        route(replace(run, answers=gone), quick())


def test_nothing_needs_the_teacher_where_the_student_is_good_enough():
    routing = route(made_run(), quick(target_quality=0.1))
    by_stratum, by_confidence = routing.choices
    assert by_stratum.teacher_strata == ()
    assert by_stratum.figures.teacher_share.value == 0
    assert by_confidence.figures.teacher_share.value == 0
    everything = route(made_run(), quick(max_teacher_share=1.0, by="confidence"))
    assert everything.choice.by == "confidence"
