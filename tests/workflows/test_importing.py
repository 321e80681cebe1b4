"""Recordings become ordinary runs: the same files, verdict and page, or nothing at all."""

from dataclasses import replace
from pathlib import Path

import pytest

import tailqa
from tailqa.core.errors import InputError, ResultError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.report import Report
from tailqa.records.recording import Item, Recording, unrecorded_model
from tailqa.records.strata import StrataRule
from tailqa.records.table import SharedColumns, TableSide
from tailqa.report.page import render_page
from tailqa.report.result import load_answers
from tailqa.report.run import load_run
from tailqa.report.table import render_terminal
from tailqa.workflows.importing import ImportOptions, import_recordings, import_table
from tailqa.workflows.runs import rerender

HEAD, TAIL = (60, 5, 5, 30), (20, 50, 5, 25)
"""Both, teacher only, student only, neither."""

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def recording(name: str, side: int, **fields: object) -> Recording:
    """The answers of one side (0 the teacher) that give the cells of HEAD and TAIL."""
    right = [(1, 1), (1, 0), (0, 1), (0, 0)]
    scores = [
        (level, right[cell][side])
        for level, cells in ((1, HEAD), (2, TAIL))
        for cell, n in enumerate(cells)
        for _ in range(n)
    ]
    items = [
        Item(id=f"q{n}", score=score, fields={"level": level}, place=f"{name}.jsonl:{n}", **fields)  # type: ignore[arg-type]
        for n, (level, score) in enumerate(scores)
    ]
    return Recording(
        model=unrecorded_model(name), harness=f"harness {side}", name="quiz", version="3",
        task="generate", metric="acc", source="two logs", items=tuple(items),
    )  # fmt: skip


def options(tmp_path: Path, **changes: object) -> ImportOptions:
    rule = StrataRule(column="level", tail=("2",), weights={"1": 0.9, "2": 0.1})
    settings: dict[str, object] = {"rule": rule, "out": tmp_path, "created": "2026-01-02"}
    return ImportOptions(**(settings | changes))  # type: ignore[arg-type]


def imported(tmp_path: Path, **fields: object) -> tuple[Report, Path]:
    sides = (recording("big", 0, **fields), recording("small", 1, **fields))
    return import_recordings(*sides, options(tmp_path))


def test_the_run_holds_the_cells_and_is_read_back_whole(tmp_path: Path) -> None:
    report, folder = imported(tmp_path)
    assert folder == tmp_path / "2026-01-02_big_vs_small_quiz"
    assert [(s.name, s.kind, s.weight, s.cells) for s in report.strata] == [
        ("1", "head", 0.9, HEAD),
        ("2", "tail", 0.1, TAIL),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "answers.parquet", "report.html", "result.json",
    ]  # fmt: skip
    assert tailqa.load_report(folder) == report
    assert tailqa.gate(report) == report.verdict
    assert report.verdict.outcome == "fail"
    page = (folder / "report.html").read_bytes()
    assert rerender(folder)[1].read_bytes() == page
    assert load_run(folder).report == report


def test_what_was_not_recorded_is_not_there(tmp_path: Path) -> None:
    report, folder = imported(tmp_path)
    assert report.latency == ()
    assert {cost.tokens_per_correct for cost in report.cost} == {
        TooFew(reason="tokens were not recorded", n=0)
    }
    answers = load_answers(folder)
    assert {(row.prompt_tokens, row.completion_tokens, row.text) for row in answers} == {
        (None, None, "")
    }
    unknown = "tokens were not recorded, no speed was measured."
    assert f"costs is not known: {unknown}" in " ".join(
        render_terminal(report, width=400, terminal=False).split()
    )
    assert f"Not known: {unknown}" in render_page(load_run(folder))
    assert report.fingerprint.hardware == "not recorded"
    assert report.fingerprint.options["imported from"] == "harness 0 and harness 1"
    (said,) = [reason for reason in report.verdict.reasons if "prompts" in reason]
    assert "were not recorded" in said


def test_tokens_that_were_recorded_are_counted(tmp_path: Path) -> None:
    report, _ = imported(tmp_path, prompt_tokens=30, completion_tokens=10)
    costs = {(c.stratum, c.side): c.tokens_per_correct for c in report.cost}
    tail = costs["2", "student"]
    assert isinstance(tail, Estimate)
    assert tail.value == pytest.approx(40 * sum(TAIL) / (TAIL[0] + TAIL[2]))


def test_texts_that_differ_are_found(tmp_path: Path) -> None:
    def asked(recorded: Recording, question: str) -> Recording:
        items = [replace(item, prompt=question.format(item.id)) for item in recorded.items]
        return replace(recorded, items=tuple(items))

    teacher = asked(recording("big", 0), "What is {}?")
    student = asked(recording("small", 1), "What is {0} or {0}?")
    report, _ = import_recordings(teacher, student, options(tmp_path))
    (found,) = report.audit
    assert (found.kind, found.n, found.of) == ("template", 200, 200)


def test_names_can_be_given(tmp_path: Path) -> None:
    report, folder = import_recordings(
        recording("big", 0),
        recording("small", 1),
        options(tmp_path, teacher_name="T", student_name="S", name="exam"),
    )
    assert folder.name == "2026-01-02_T_vs_S_exam"
    assert (report.teacher.name, report.student.name, report.suite.name) == ("T", "S", "exam")


def test_only_dtypes_that_are_known_can_differ(tmp_path: Path) -> None:
    known = recording("big", 0)
    known = replace(known, model=replace(known.model, dtype="float32"))
    report, _ = import_recordings(known, recording("small", 1), options(tmp_path))
    assert not any("float32" in finding for finding in report.findings)


def test_a_failed_import_leaves_everything_as_it_was(tmp_path: Path) -> None:
    _, folder = imported(tmp_path)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    broken = recording("small", 1)
    broken = replace(broken, items=(*broken.items, replace(broken.items[0], score=7.0)))
    with pytest.raises(InputError, match="is there twice"):
        import_recordings(recording("big", 0), broken, options(tmp_path))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]
    assert imported(tmp_path)[1].name == f"{folder.name}_2"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="cannot be written"):
        import_recordings(
            recording("big", 0), recording("small", 1), options(tmp_path, out=tmp_path / "file")
        )


def test_the_real_pair_of_175b_and_6b(tmp_path: Path) -> None:
    if not DATA.exists():
        pytest.skip("the real pair is not here")
    path = DATA / "openai_gsm8k_175b_vs_6b.csv"
    report, _ = import_table(
        TableSide(path=path, name="175B", score="175b_finetuning"),
        TableSide(path=path, name="6B", score="6b_finetuning"),
        SharedColumns(id=("item",)),
        options(tmp_path, rule=StrataRule(column="n_steps_gold", quantiles=(0.5, 0.8))),
    )
    assert {s.name: s.cells for s in report.strata} == {
        "n_steps_gold ≤ 3": (168, 178, 68, 390),
        "n_steps_gold 4": (22, 62, 13, 193),
        "n_steps_gold > 4": (8, 20, 7, 190),
    }
    assert isinstance(report.overall.gap, Estimate)
    assert report.overall.gap.value == pytest.approx((68 + 13 + 7 - 178 - 62 - 20) / 1319)
