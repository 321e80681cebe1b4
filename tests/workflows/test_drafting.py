"""What the student is worth as a drafter, put together from known positions and times."""

from dataclasses import replace

import numpy as np
import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.cost.drafting import verification_counts
from tailqa.cost.speculative import speculative_tokens
from tailqa.engine.divergence import QueryFidelity
from tailqa.workflows.drafting import NOT_ASKED, drafting_results
from tailqa.workflows.suites import load_suite
from tests.report.conftest import latency, make_report

SUITE = load_suite("demo")
NAMES = [stratum.name for stratum in SUITE.strata]


def timed(student_steps=(1.0,)):
    """30 queries per stratum: a teacher's step takes 8 ms, a student's 2 ms times its factor."""
    rows = []
    for name in NAMES:
        for side, step in (("teacher", 0.008), ("student", 0.002)):
            factors = [1.0] * 30 if side == "teacher" else list(student_steps) * 30
            summary = latency(name, side, 0.1, 11, n=30)
            answers = tuple(0.00287 + 10 * step * factor for factor in factors[:30])
            rows.append(replace(summary, raw_answer_s=answers))
    return make_report(latency=tuple(rows))


def followed(n=60, chance=0.8, seed=0):
    rng = np.random.default_rng(seed)
    rows = {}
    for place, name in enumerate(NAMES):
        rows[name] = []
        for index in range(n):
            length = int(rng.integers(5, 60))
            same = rng.random(length) < chance - 0.02 * place
            rows[name].append(
                QueryFidelity(
                    query_id=f"{name} {index}",
                    kl=np.zeros(length, dtype=np.float32),
                    reverse_kl_sum=0.0,
                    same_top1=same,
                    accepted=rng.random(length).astype(np.float32) ** 0.25,
                    acceptance_sum=0.9 * length,
                    teacher_logprob_sum=0.0,
                    student_logprob_sum=0.0,
                    first_divergence=None,
                )
            )
    return rows


def test_one_result_per_stratum_then_head_tail_and_all_traffic():
    results = drafting_results(timed(), SUITE, followed())
    assert [found.name for found in results] == [*NAMES, "head", "tail", "by traffic"]
    assert [found.scope for found in results[-3:]] == ["head", "tail", "all"]
    for found in results:
        assert found.draft_cost.value == pytest.approx(0.25)
        assert [row.length for row in found.lengths] == list(range(1, 9))
        speeds = [row.speedup.value for row in found.lengths]
        assert found.best_length == 1 + speeds.index(max(speeds))
    whole, head, tail = results[-1], results[-3], results[-2]
    assert whole.tail_minus_head.value == pytest.approx(
        tail.acceptance.value - head.acceptance.value
    )
    assert [found.tail_minus_head for found in results[:-1]] == [None] * 6


def test_tokens_are_counted_along_the_answers_and_their_ends():
    rows = followed()
    ended = {row.query_id for row in rows[NAMES[1]]}
    plain, with_ends = (
        drafting_results(timed(), SUITE, rows),
        drafting_results(timed(), SUITE, rows, ended),
    )
    for index, name in enumerate(NAMES):
        texts = [row.same_top1.astype(float) for row in rows[name]]
        if index == 1:
            texts = [np.append(text, 0.0) for text in texts]
        expected = sum(map(len, texts)) / verification_counts(texts, 4).sum()
        assert with_ends[index].lengths[3].tokens.value == pytest.approx(expected)
    assert plain[0].lengths == with_ends[0].lengths
    assert plain[1].lengths != with_ends[1].lengths


def test_independent_positions_follow_the_formula_but_for_the_ends_of_answers():
    for found in drafting_results(timed(), SUITE, followed(n=200)):
        for row in found.lengths[:3]:
            assert row.tokens.value == pytest.approx(row.formula_tokens.value, rel=0.06)
            assert row.formula_tokens.value == pytest.approx(
                speculative_tokens(found.same_top1.value, row.length)
            )


def test_sampled_answers_take_the_chances_of_their_own_tokens():
    sampled = replace(SUITE, generation=replace(SUITE.generation, temperature=1.0))
    rows = followed()
    found = drafting_results(timed(), sampled, rows)[0]
    assert found.acceptance == found.overlap
    assert found.acceptance.value == pytest.approx(0.9)
    texts = [row.accepted for row in rows[NAMES[0]]]
    expected = sum(map(len, texts)) / verification_counts(texts, 2).sum()
    assert found.lengths[1].tokens.value == pytest.approx(expected, rel=1e-6)


def test_the_draft_cost_is_the_median_ratio_of_paired_queries():
    found = drafting_results(timed((1.0, 1.0, 9.0)), SUITE, followed())[0]
    assert found.draft_cost.value == pytest.approx(0.25)
    assert found.draft_cost.high > found.draft_cost.value
    assert found.draft_cost.n == 30


def test_what_is_missing_says_why():
    unread = drafting_results(timed(), SUITE, {})
    assert unread[-1].acceptance == TooFew(reason=NOT_ASKED, n=0)
    assert unread[-1].best_length is None
    assert isinstance(unread[-1].lengths[3].break_even, Estimate)
    named = drafting_results(timed(), SUITE, {}, missing="the vocabularies differ")
    assert named[0].lengths[0].tokens == TooFew(reason="the vocabularies differ", n=0)
    slow = drafting_results(make_report(latency=()), SUITE, followed())
    assert slow[0].draft_cost == TooFew(reason="speed was not measured", n=0)
    assert slow[0].lengths[0].speedup == slow[0].draft_cost
    assert isinstance(slow[0].lengths[0].tokens, Estimate)
    few = followed()
    few[NAMES[2]] = few[NAMES[2]][:1]
    found = drafting_results(timed(), SUITE, few)
    assert "2 measured queries" in found[2].acceptance.reason
    assert isinstance(found[-1].lengths[0].speedup, TooFew)


def test_choices_are_not_generated():
    assert drafting_results(timed(), replace(SUITE, task="choose"), followed()) == ()
