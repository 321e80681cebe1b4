import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailqa.core.errors import ResultError
from tailqa.core.report import AnswerRow, Report, Run
from tailqa.report.page import render_page
from tailqa.report.result import load_answers, load_report, render_json, save_answers, save_report
from tailqa.report.run import load_run, write_run
from tests.report.conftest import estimate, make_report, row

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | FINITE | TEXTS


@given(
    finding=TEXTS, value=FINITE, options=st.dictionaries(TEXTS, SCALARS), seed=st.integers(0, 2**63)
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_saved_is_loaded(
    tmp_path: Path, finding: str, value: float, options: dict[str, object], seed: int
) -> None:
    report = make_report(findings=(finding,), seed=seed, interaction=estimate(value, value, value))
    report = replace(report, fingerprint=replace(report.fingerprint, options=options))
    path = save_report(report, tmp_path)
    assert load_report(path) == report
    assert render_json(load_report(tmp_path)) + "\n" == path.read_bytes().decode()


def test_the_json_has_what_the_design_names(report: Report) -> None:
    values = json.loads(render_json(report))
    assert next(iter(values)) == "format_version"
    first = values["strata"][0]
    assert list(first)[4:9] == ["n", "both", "teacher_only", "student_only", "neither"]
    assert first["n"] == 180
    assert set(first["gap"]) == {"value", "low", "high", "level", "method", "n"}
    assert {"overall", "interaction", "latency", "cost", "verdict", "fingerprint", "seed"} <= set(
        values
    )


def test_raw_times_stand_on_one_line(report: Report) -> None:
    assert '"raw_first_token_s": [0.00287, 0.00287, 0.00287],' in render_json(report)


def test_a_text_that_looks_like_numbers_is_left_alone(tmp_path: Path) -> None:
    report = make_report(findings=("[\n  1,\n  2\n]", "[ 1,  2 ]"))
    assert load_report(save_report(report, tmp_path)) == report


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(value: float, tmp_path: Path) -> None:
    report = make_report(interaction=estimate(value, 0, 0))
    with pytest.raises(ResultError, match="not finite"):
        save_report(report, tmp_path)
    assert not list(tmp_path.iterdir())


def edited(report: Report, folder: Path, *keys: str | int, value: object) -> Path:
    """A result.json with one value changed."""
    values = json.loads(render_json(report))
    at = values
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    path = folder / "result.json"
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize("version", [2, 99, "1", None])
def test_another_format_version(report: Report, tmp_path: Path, version: object) -> None:
    path = edited(report, tmp_path, "format_version", value=version)
    with pytest.raises(ResultError) as caught:
        load_report(path)
    assert str(caught.value) == (
        f"{path} has format version {version!r}, this tailqa reads 1: "
        "use the version of tailqa that wrote it, or run the comparison again"
    )


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("strata", 1, "both"), "158", "strata.1.both: input should be a valid integer"),
        (("strata", 0, "kind"), "middle", "strata.0.kind: input should be 'head' or 'tail'"),
        (("strata", 0, "gap", "value"), None, "strata.0.gap.value: input should be a valid number"),
        (("strata",), {}, "strata: input should be a valid array"),
        (("verdict", "outcome"), "passed", "verdict.outcome: input should be"),
        (("seed",), 1.5, "seed: input should be a valid integer"),
        (("strata", 2, "n"), 9, "strata.2.n is not the sum of its cells"),
        (("created",), None, "created: input should be a valid string"),
    ],
)
def test_a_wrong_value_is_named(
    report: Report, tmp_path: Path, keys: tuple[str | int, ...], value: object, said: str
) -> None:
    path = edited(report, tmp_path, *keys, value=value)
    with pytest.raises(ResultError) as caught:
        load_report(path)
    assert str(caught.value).startswith(f"{path} is not a report: {said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not whole JSON: Expecting value"),
        (b'{"format_version": 1, "teacher": {', "is not whole JSON"),
        (b"[1]", "is not a report: it holds no object"),
        (b"{}", "has format version None"),
        (b'{"format_version": 1}', "is not a report: teacher: field required"),
        (b'{"format_version": 1, "seed": NaN}', "is not whole JSON: NaN is not a finite number"),
        (b'{"format_version": 1, "seed": 1e999}', "1e999 is not a finite number"),
        (b"\xff\xfe{", "is not whole JSON"),
        (b"[" * 100_000, "is not whole JSON"),
    ],
)
def test_a_file_that_is_no_report(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ResultError) as caught:
        load_report(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off(report: Report, tmp_path: Path, cut: float) -> None:
    path = save_report(report, tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    with pytest.raises(ResultError, match="is not whole JSON"):
        load_report(path)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="name the folder of a finished run"):
        load_report(tmp_path)
    with pytest.raises(ResultError, match="does not exist"):
        load_report(tmp_path / "no" / "such")


TEXT_ROWS = st.builds(
    row,
    query_id=TEXTS,
    name=TEXTS,
    side=st.sampled_from(["teacher", "student"]),
    status=st.sampled_from(["right", "wrong", "failed", "ungraded"]),
    cluster=st.none() | TEXTS,
    text=TEXTS,
    references=st.lists(TEXTS, max_size=3).map(tuple),
    score=st.none() | st.floats(0, 1),
    choice_logprobs=st.none() | st.lists(FINITE | st.just(-float("inf"))).map(tuple),
    completion_tokens=st.integers(0, 2**31 - 1),
    mean_logprob=st.none() | st.floats(-100, 0),
)


@given(rows=st.lists(TEXT_ROWS, max_size=5))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_saved_answers_are_loaded(tmp_path: Path, rows: list[AnswerRow]) -> None:
    path = save_answers(rows, tmp_path)
    assert load_answers(tmp_path) == tuple(rows)
    first = path.read_bytes()
    save_answers(rows, tmp_path)
    assert path.read_bytes() == first


def test_answers_from_before_mean_logprob_are_loaded(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = save_answers([row("a", "b", "teacher")], tmp_path)
    pq.write_table(pq.read_table(path).drop_columns("mean_logprob"), path)
    assert load_answers(tmp_path) == (row("a", "b", "teacher", mean_logprob=None),)


def test_lone_surrogates_are_stored_as_they_are_shown(tmp_path: Path) -> None:
    save_answers([row("a", "b", "teacher", text="x\ud800\x00")], tmp_path)
    assert load_answers(tmp_path)[0].text == "x⟨U+D800⟩\x00"


def test_a_parquet_file_that_holds_something_else(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"query_id": ["a"]}), tmp_path / "answers.parquet")
    with pytest.raises(ResultError, match="does not have the columns"):
        load_answers(tmp_path)
    save_answers([row("a", "b", "teacher")], tmp_path)
    table = pq.read_table(tmp_path / "answers.parquet")
    at = table.schema.get_field_index("side")
    wrong = table.set_column(at, table.schema.field(at), pa.array(["nobody"]))
    pq.write_table(wrong, tmp_path / "answers.parquet")
    with pytest.raises(ResultError, match=r"does not hold answers: row 0\.side: input should be"):
        load_answers(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and then nothing more than this PAR1"])
def test_a_damaged_parquet_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers.parquet").write_bytes(content)
    with pytest.raises(ResultError, match="is not a whole Parquet file"):
        load_answers(tmp_path)


def test_a_run_is_rendered_again_to_the_byte(run: Run, tmp_path: Path) -> None:
    hostile = row("h", "tail/phrasing", "teacher", text="\ud800\x00\u2028</script>\u202e\r\n")
    hostile = replace(hostile, choice_logprobs=(-float("inf"), -1.5))
    run = replace(
        run,
        report=replace(run.report, findings=("odd \udfff finding",)),
        answers=(*run.answers, hostile, replace(hostile, side="student")),
    )
    path = write_run(run, tmp_path / "new" / "run")
    assert path.name == "result.json"
    page = (path.parent / "report.html").read_bytes()
    assert render_page(load_run(path.parent)).encode() == page
    assert sorted(item.name for item in path.parent.iterdir()) == [
        "answers.parquet",
        "report.html",
        "result.json",
    ]


def test_a_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"^cannot write .*answers\.parquet: "):
        write_run(run, tmp_path / "file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(report: Report, tmp_path: Path) -> None:
    save_report(report, tmp_path)
    before = (tmp_path / "result.json").read_bytes()
    (tmp_path / ".result.json.tmp").symlink_to("/dev/full")
    with pytest.raises(ResultError) as caught:
        save_report(replace(report, seed=7), tmp_path)
    assert str(caught.value).endswith(f": {os.strerror(errno.ENOSPC).lower()}")
    assert (tmp_path / "result.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
