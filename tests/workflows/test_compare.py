"""The main job on the embedded pair: real models, real store, real files."""

import json
from pathlib import Path

import pytest

import tailqa
from tailqa.core.errors import ModelError, ResultError, TailqaError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.workflows.asking import Options
from tailqa.workflows.compare import Finished, run_compare
from tailqa.workflows.models import report_names
from tailqa.workflows.runs import rerender


class Counting:
    """Progress that adds up what it is told."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.fresh: dict[str, int] = {}
        self.reused: dict[str, int] = {}

    def start(self, task: str, total: int) -> None:
        self.totals[task] = total
        self.fresh.setdefault(task, 0)
        self.reused.setdefault(task, 0)

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        counts = self.reused if reused else self.fresh
        counts[task] += n

    def finish(self, task: str) -> None:
        assert self.fresh[task] + self.reused[task] == self.totals[task]


def run(out: Path, *, progress: Counting | None = None, **options: object) -> Finished:
    settings = {"limit": 8, "speed": 0, "out": out, "pipeline": "none"} | options
    return run_compare(
        "demo:teacher", "demo:student", "demo", Options(**settings), progress=progress
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run(tmp_path_factory.mktemp("outputs"), speed=4, pipeline=None)


def test_every_stratum_is_there_with_its_cells(finished):
    strata = finished.report.strata
    assert [s.name for s in strata] == [
        "head/plain", "tail/phrasing", "tail/terminology", "tail/multi-step",
    ]  # fmt: skip
    assert {s.n + s.failed + s.ungraded for s in strata} == {8}
    assert sum(s.weight for s in strata) == pytest.approx(1)


def test_the_run_is_costed_in_the_built_in_pipeline(finished):
    found = finished.report.operations
    assert (found.name, found.n_resamples) == ("chat", 200)
    for option in ("teacher", "student", "escalated"):
        figures = found.option(option).figures
        assert isinstance(figures["attempts"], Estimate)
        assert isinstance(figures["p95_s"], Estimate)
    assert all(check.agrees for check in found.checks)


def test_the_cells_are_those_of_the_answers(finished):
    rows = {(row.query_id, row.side): row.status == "right" for row in finished.run.answers}
    for stratum in finished.report.strata:
        ids = {r.query_id for r in finished.run.answers if r.stratum == stratum.name}
        pairs = [(rows[i, "teacher"], rows[i, "student"]) for i in ids]
        assert stratum.cells == tuple(
            pairs.count(cell)
            for cell in ((True, True), (True, False), (False, True), (False, False))
        )


def test_result_json_holds_what_the_format_promises(finished):
    saved = json.loads((finished.folder / "result.json").read_text())
    assert set(saved) >= {
        "format_version", "teacher", "student", "suite", "strata", "overall", "interaction",
        "latency", "cost", "verdict", "fingerprint", "seed",
    }  # fmt: skip
    assert set(saved["strata"][0]) >= {
        "name", "kind", "weight", "n", "both", "teacher_only", "student_only", "neither",
        "failed", "ungraded", "gap", "retention", "flips",
    }  # fmt: skip
    assert set(saved["strata"][0]["gap"]) == {"value", "low", "high", "level", "method", "n"}
    assert saved["verdict"]["outcome"] in {"pass", "fail", "inconclusive"}


def test_the_report_is_read_back_and_rendered_the_same(finished):
    page = finished.folder / "report.html"
    before = page.read_bytes()
    assert tailqa.load_report(finished.folder) == finished.report
    page.unlink()
    rerender(finished.folder)
    assert page.read_bytes() == before


def test_a_page_without_answers_holds_no_prompt(finished):
    _, page = rerender(finished.folder, answers=False)
    assert page.name == "summary.html"
    text = page.read_text("utf-8")
    assert "tail/multi-step" in text
    assert not [row.query_id for row in finished.run.answers if row.query_id in text]
    assert "<script" not in text


def test_speed_is_measured_for_both_on_the_same_queries(finished):
    assert {(s.stratum, s.side) for s in finished.report.latency} == {
        (stratum.name, side)
        for stratum in finished.report.strata
        for side in ("teacher", "student")
    }
    for summary in finished.report.latency:
        assert len(summary.raw_answer_s) == 4
        assert all(
            0 < first <= whole
            for first, whole in zip(summary.raw_first_token_s, summary.raw_answer_s, strict=True)
        )
        assert isinstance(summary.answer_p95_s, TooFew)


def test_a_correct_answer_costs_at_least_one_answer(finished):
    for cost in finished.report.cost:
        if isinstance(cost.tokens_per_correct, Estimate):
            assert cost.tokens_per_correct.value >= cost.tokens_per_query.value - 1e-9


def test_the_same_command_again_asks_nothing(tmp_path):
    first, again = Counting(), Counting()
    before = run(tmp_path, progress=first)
    after = run(tmp_path, progress=again)
    assert first.fresh == {"teacher": 32, "student": 32}
    assert again.reused == {"teacher": 32, "student": 32}
    assert [(one.side, one.reused, one.n) for one in before.reuse + after.reuse] == [
        ("teacher", 0, 32), ("student", 0, 32), ("teacher", 32, 32), ("student", 32, 32),
    ]  # fmt: skip
    assert after.folder != before.folder
    assert (after.folder / "result.json").read_bytes() == (
        before.folder / "result.json"
    ).read_bytes()


def test_a_larger_run_keeps_the_answers_of_a_smaller_one(tmp_path):
    run(tmp_path, limit=4)
    larger = Counting()
    run(tmp_path, limit=8, progress=larger)
    assert larger.reused == {"teacher": 16, "student": 16}


def test_samples_are_drawn_per_query_and_repeat_by_seed(tmp_path):
    first = run(tmp_path / "a", samples=3, temperature=0.8)
    again = run(tmp_path / "b", samples=3, temperature=0.8)
    other = run(tmp_path / "c", samples=3, temperature=0.8, seed=1, limit=16)
    texts = [[row.text for row in done.run.answers] for done in (first, again)]
    assert texts[0] == texts[1]
    assert len(first.run.answers) == 8 * 4 * 2 * 3
    assert len({row.text for row in other.run.answers}) > len(set(texts[0]))


def test_several_greedy_samples_are_refused(tmp_path):
    with pytest.raises(TailqaError, match="set --temperature"):
        run(tmp_path, samples=3)


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="no-such-folder"):
        run_compare("demo:teacher", "./no-such-folder", "demo", Options(out=tmp_path))
    with pytest.raises(ModelError, match="demo:teacher and demo:student"):
        run_compare("demo:teacher", "demo:pupil", "demo", Options(out=tmp_path))


def test_an_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="--out"):
        run(tmp_path / "file" / "outputs")


def test_the_public_function_returns_the_report(tmp_path):
    settings = {"limit": 4, "speed": 0, "out": tmp_path, "pipeline": "none"}
    report = tailqa.compare("demo:teacher", "demo:student", **settings)
    assert report.operations is None
    assert tailqa.gate(report) == report.verdict


def test_a_folder_is_called_by_its_last_name_unless_two_share_it(tmp_path):
    for name in ("a/final", "b/final", "b/other"):
        (tmp_path / name).mkdir(parents=True)
    first, second, other = (str(tmp_path / name) for name in ("a/final", "b/final", "b/other"))
    assert report_names(first, other) == ("final", "other")
    assert report_names(first, second) == (first, second)
    assert report_names("org/model", other) == ("org/model", "other")
