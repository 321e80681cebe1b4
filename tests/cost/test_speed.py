import numpy as np
import pytest
from scipy.optimize import nnls

from tailqa.core.bench import Bench, Times
from tailqa.cost.line import Speed
from tailqa.cost.speed import (
    TimedQueries,
    bench_speed,
    capacity,
    fitted_speed,
    fitted_speeds,
    refitted_speed,
    work_s,
)


def timed(rng, n=400, noise=0.1, coefficients=(0.02, 0.0005, 0.01)):
    prompt, completion = rng.integers(20, 400, n), rng.integers(1, 60, n)
    base, per_prompt, per_completion = coefficients
    alone = base + per_prompt * prompt + per_completion * completion
    return TimedQueries(
        query=np.arange(n),
        prompt_tokens=prompt.astype(float),
        completion_tokens=completion.astype(float),
        answer_s=alone * rng.lognormal(-(noise**2) / 2, noise, n),
    )


def test_coefficients_come_back_and_the_total_is_kept():
    answers = timed(np.random.default_rng(3))
    speed = fitted_speed(answers)
    assert speed.base_s == pytest.approx(0.02, rel=0.25)
    assert speed.prompt_token_s == pytest.approx(0.0005, rel=0.05)
    assert speed.completion_token_s == pytest.approx(0.01, rel=0.05)
    assert speed.noise.mean() == pytest.approx(1)
    assert speed.noise.std() == pytest.approx(0.1, rel=0.15)
    predicted = work_s(speed, answers.prompt_tokens, answers.completion_tokens)
    assert predicted.sum() == pytest.approx(answers.answer_s.sum())


def test_weights_are_repetitions():
    answers = timed(np.random.default_rng(5), n=40)
    counts = np.random.default_rng(6).multinomial(40, [1 / 40] * 40).astype(float)
    repeated = np.repeat(np.arange(40), counts.astype(int))
    names = ("query", "prompt_tokens", "completion_tokens", "answer_s")
    again = TimedQueries(**{name: getattr(answers, name)[repeated] for name in names})
    weighted, plain = fitted_speed(answers, counts), fitted_speed(again)
    assert weighted.completion_token_s == pytest.approx(plain.completion_token_s)
    assert weighted.prompt_token_s == pytest.approx(plain.prompt_token_s)


@pytest.mark.parametrize("prompt_s", [0.0005, 0.0, -0.0005])
def test_against_the_solver_of_scipy(prompt_s):
    rng = np.random.default_rng(8)
    answers = timed(rng, n=60, coefficients=(0.3, prompt_s, 0.01))
    weights = np.stack([np.ones(60), *rng.multinomial(60, [1 / 60] * 60, size=20)]).astype(float)
    columns = np.stack([np.ones(60), answers.prompt_tokens, answers.completion_tokens], axis=1)
    for counts, speed in zip(weights, fitted_speeds(answers, weights), strict=True):
        root = np.sqrt(counts)
        found, _ = nnls(columns / answers.answer_s[:, None] * root[:, None], root)
        scale = counts @ answers.answer_s / (counts @ columns @ found)
        ours = [speed.base_s, speed.prompt_token_s, speed.completion_token_s]
        assert ours == pytest.approx(found * scale, rel=1e-6, abs=1e-9)


def test_of_equal_fits_the_simplest_is_taken():
    """Prompts of one length: base and prompt explain the same."""
    alike = TimedQueries(
        query=np.arange(6),
        prompt_tokens=np.full(6, 40.0),
        completion_tokens=np.arange(1.0, 7),
        answer_s=0.5 + 0.1 * np.arange(1.0, 7),
    )
    speed = fitted_speed(alike)
    assert (speed.base_s, speed.prompt_token_s) == (pytest.approx(0.5), 0)
    assert speed.completion_token_s == pytest.approx(0.1)


def test_no_coefficient_is_ever_negative():
    falling = TimedQueries(
        query=np.arange(6),
        prompt_tokens=np.array([10.0, 20, 30, 40, 50, 60]),
        completion_tokens=np.full(6, 5.0),
        answer_s=np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
    )
    speed = fitted_speed(falling)
    assert min(speed.base_s, speed.prompt_token_s, speed.completion_token_s) >= 0


def test_too_few_times_are_refused():
    answers = timed(np.random.default_rng(1), n=5)
    with pytest.raises(ValueError, match="5 timed answers are needed, got 2"):
        fitted_speed(answers, np.array([1.0, 1, 0, 0, 0]))


def test_a_resample_of_too_few_keeps_the_speed_of_all():
    answers = timed(np.random.default_rng(1), n=6)
    whole = fitted_speed(answers)
    assert refitted_speed(answers, np.array([2.0, 2, 1, 1, 0, 0]), whole) is whole
    assert refitted_speed(answers, np.array([2.0, 1, 1, 1, 1, 0]), whole) is not whole


class Cells:
    """What `bench_speed` reads of a bench."""

    def __init__(self, *times):
        self.cells = [type("Cell", (), {"times": t})() for t in times]


def cell(batch_size, prompt_tokens, first_s, per_token_s):
    marks = tuple(first_s + per_token_s * i for i in range(5))
    return Times(
        side="student",
        batch_size=batch_size,
        prompt_tokens=prompt_tokens,
        token_s=(marks, marks),
    )


def test_a_bench_gives_prefill_decode_and_slowdown():
    bench: Bench = Cells(
        cell(1, 100, 0.12, 0.02),
        cell(1, 300, 0.32, 0.02),
        cell(4, 100, 0.4, 0.05),
        cell(4, 300, 0.9, 0.03),
    )
    speed = bench_speed(bench, "student", prompt_tokens=260, concurrency=4)
    assert speed.prompt_token_s == pytest.approx(0.001)
    # The first token comes with the prefill, so the base is 0.02 less one token.
    assert speed.base_s == pytest.approx(0.0, abs=1e-9)
    assert speed.completion_token_s == pytest.approx(0.02)
    assert speed.slowdown.tolist() == pytest.approx([1, 1 + 1 / 6, 1 + 2 / 6, 1.5])
    with pytest.raises(ValueError, match="batch sizes up to 4"):
        bench_speed(bench, "student", prompt_tokens=260, concurrency=8)


def test_capacity_is_work_finished_by_full_servers():
    speed = Speed(
        base_s=0,
        prompt_token_s=0,
        completion_token_s=1,
        noise=np.ones(1),
        slowdown=np.array([1.0, 1.6]),
    )
    assert capacity(speed, servers=3, concurrency=2) == pytest.approx(3.75)
    assert capacity(speed, servers=3, concurrency=1) == 3
