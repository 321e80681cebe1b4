"""The bench on the embedded pair: real models, real times, real files."""

import pytest

from tailqa.core.bench import METRICS, SIDES
from tailqa.core.errors import ModelError, ResultError
from tailqa.core.estimate import Estimate
from tailqa.report.bench_result import load_bench
from tailqa.workflows.bench import BenchOptions, FinishedBench, run_bench

SIZES = {"batch_sizes": (2, 1), "prompt_lengths": (12, 250), "new_tokens": 8}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedBench:
    out = tmp_path_factory.mktemp("outputs")
    options = BenchOptions(**SIZES, suite="demo", out=out, created="2026-11-23")
    return run_bench("demo:teacher", "demo:student", options)


def test_every_cell_that_fits_is_measured_on_both(finished):
    cells = finished.bench.cells
    assert [(c.times.prompt_tokens, c.times.batch_size, c.times.side) for c in cells] == [
        (length, size, side) for length in (12, 250) for size in (1, 2) for side in SIDES
    ]
    for cell in cells[:4]:
        assert len(cell.times.token_s) == 6
        for marks in cell.times.token_s:
            assert len(marks) == 8
            assert 0 < marks[0] < marks[-1]
            assert list(marks) == sorted(marks)
        assert isinstance(cell.answer_s, Estimate)
        assert cell.answer_s.low <= cell.answer_s.value <= cell.answer_s.high
    assert {c.times.failure for c in cells[4:]} == {"258 tokens exceed the context of 256"}


def test_rates_are_those_of_the_times(finished):
    for cell in finished.bench.cells[:4]:
        times = cell.times
        # Of six repeats the median is the mean of the middle two, and a rate is no mean of times.
        assert cell.prefill_tokens_per_s.low == pytest.approx(
            times.batch_size * 12 / cell.first_token_s.high
        )
        assert cell.decode_tokens_per_s.high == pytest.approx(
            times.batch_size / cell.per_token_s.low
        )


def test_ratios_and_crossovers_are_those_of_the_cells(finished):
    bench = finished.bench
    assert [r.metric for r in bench.ratios[::4]] == list(METRICS)
    assert {r.speed for r in bench.ratios if r.prompt_tokens == 250} == {"unmeasured"}
    answers = {r.batch_size: r for r in bench.ratios if r.metric == "answer"}
    for size in (1, 2):
        teacher, student = (
            next(
                c.times.of("answer")
                for c in bench.cells
                if (c.times.side, c.times.batch_size, c.times.prompt_tokens) == (side, size, 12)
            )
            for side in SIDES
        )
        ratios = sorted(s / t for s, t in zip(student, teacher, strict=True))
        ratio = next(r for r in bench.ratios if (r.metric, r.batch_size) == ("answer", size)).ratio
        assert ratio.value == pytest.approx((ratios[2] + ratios[3]) / 2)
        assert (ratio.low, ratio.high) == (ratios[0], ratios[-1])
    assert set(answers) == {1, 2}
    assert len(bench.crossovers) == 2 * 3


def test_the_roofline_is_the_models_own(finished):
    for side, bytes_held in (("teacher", 4 * 2_070_560), ("student", 4 * 319_968)):
        model = finished.bench.model(side)
        # Tied embeddings are the head; the rotary frequencies come on top.
        assert bytes_held <= model.footprint.step_weight_bytes < bytes_held + 1024
        assert model.roof.dtype == "float32"
    for cell in finished.bench.cells[:4]:
        assert 0 < cell.prefill_roofline.value < 1.5
        assert cell.decode_roofline.value > 0


def test_the_padding_is_counted_on_the_suite(finished):
    (audit,) = finished.bench.padding
    assert audit.sides == SIDES
    assert audit.n_rows == 800
    assert audit.context_tokens == 256
    counts = {(c.padding, c.batch_size): c.computed_tokens for c in audit.counts}
    assert counts["none", None] == audit.needed_tokens == counts["sorted", 1]
    assert counts["context", None] == 800 * 256


def test_it_is_saved_and_not_overwritten(finished):
    assert finished.folder.name == "2026-11-23_demo-teacher_vs_demo-student_bench"
    assert load_bench(finished.folder) == finished.bench
    assert (finished.folder / "bench.html").is_file()


def test_sizes_that_nobody_asked_for_fit_the_context(tmp_path):
    options = BenchOptions(batch_sizes=(1,), new_tokens=2, repeats=6, out=tmp_path)
    bench = run_bench("demo:teacher", "demo:student", options).bench
    assert sorted({c.times.prompt_tokens for c in bench.cells}) == [32, 254]
    assert {c.times.failure for c in bench.cells} == {None}


def test_nothing_that_fits_is_an_error(tmp_path):
    options = BenchOptions(prompt_lengths=(999,), out=tmp_path)
    with pytest.raises(ModelError, match="the teacher could run no cell: 1,031 tokens exceed"):
        run_bench("demo:teacher", "demo:student", options)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="--out"):
        run_bench("demo:teacher", "demo:student", BenchOptions(out=tmp_path / "file" / "outputs"))
