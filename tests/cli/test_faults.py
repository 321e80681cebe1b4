"""Bad input and faults: one clear message, exit 3, no traceback."""

import json
from pathlib import Path

import pytest

SUITE = """\
name: sums
version: 1
source: {file: sums.csv}
fields: [q, a, digits]
prompt: {template: "{q}="}
references: a
generation: {max_tokens: 8}
grader: numeric
weights: rows
strata:
  - {name: short, kind: head, rule: {field: digits, range: [null, 2]}}
  - {name: long, kind: tail, rule: {field: digits, range: [2, null]}}
"""
ROWS = "q,a,digits\n1+1,2,1\n12+30,42,2\n"


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    (tmp_path / "sums.csv").write_text(ROWS)
    file = tmp_path / "sums.yaml"
    file.write_text(SUITE)
    return file


def refused(result) -> str:
    assert result.returncode == 3
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith(("Error: ", "Usage: "))
    assert result.stdout == ""
    return result.stderr


def test_a_right_suite_has_no_faults(tailqa, sums):
    result = tailqa("suite", "check", str(sums))
    assert result.returncode == 0
    assert result.stdout.startswith("sums 1: no faults; 2 queries in 2 strata, digest ")


def test_of_one_query_there_is_no_plural(tailqa, sums):
    (sums.parent / "sums.csv").write_text("q,a,digits\n1+1,2,1\n")
    sums.write_text(SUITE.replace("[null, 2]", "[null, null]").rsplit("  - ", 1)[0])
    assert "; 1 query in 1 stratum, " in tailqa("suite", "check", str(sums)).stdout


def test_all_faults_of_a_suite_come_at_once(tailqa, sums):
    sums.write_text(
        SUITE.replace("weights: rows", "wieghts: rows")
        .replace('"{q}="', '"{question}="')
        .replace("grader: numeric", "grader: {name: numeric, options: {tolerance: 1}}")
    )
    (sums.parent / "sums.csv").write_text(ROWS + "7+7,,3\n")
    message = refused(tailqa("suite", "check", str(sums)))
    assert message.replace(f"{sums.parent}/", "") == (
        "Error: sums.yaml:9: wieghts: is not a known key; did you mean weights?\n"
        "sums.yaml:5: prompt.template: unknown field {question}; fields has q, a, digits\n"
        "sums.csv:4: a: reference is empty\n"
        "sums.yaml:8: grader: `tolerance` is not an option of numeric; it takes "
        "absolute_tolerance, pattern, percent, relative_tolerance, unparsed\n"
    )


def test_a_row_outside_all_strata_is_named_by_its_line(tailqa, sums):
    (sums.parent / "sums.csv").write_text(ROWS + "7+7,14,none\n")
    assert "sums.csv:4" in refused(tailqa("compare", "--suite", str(sums)))


def test_a_grader_that_is_not_known(tailqa, sums):
    sums.write_text(SUITE.replace("numeric", "bleu"))
    for command in (("suite", "check"), ("compare", "--suite")):
        assert refused(tailqa(*command, str(sums))).startswith(
            f"Error: {sums}:8: grader: 'bleu' is not a grader; known are choice, "
        )


def test_an_unknown_suite_lists_the_shipped_ones(tailqa):
    assert refused(tailqa("compare", "--suite", "pop-quiz")) == (
        "Error: pop-quiz: is neither a file nor a shipped suite "
        "(commonsense, demo, gsm8k-steps, popqa, reasoning-steps)\n"
    )


def test_a_model_that_is_not_there(tailqa):
    assert "./nowhere" in refused(tailqa("compare", "demo:teacher", "./nowhere"))


def test_an_output_folder_that_cannot_be_written(tailqa, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    assert "--out" in refused(tailqa("compare", "--out", "taken"))


def test_a_store_of_a_newer_version(tailqa, tmp_path):
    import sqlite3

    from tailqa.engine import ResponseStore

    path = tmp_path / "responses.db"
    with ResponseStore(path):
        pass
    with sqlite3.connect(path) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
    message = refused(tailqa("compare", "--store", "responses.db", "--limit", "1"))
    assert "newer" in message
    assert "responses.db" in message


def test_a_store_that_is_no_database(tailqa, tmp_path):
    (tmp_path / "responses.db").write_text("no database at all, only text\n" * 100)
    assert "responses.db" in refused(tailqa("compare", "--store", "responses.db"))


def test_a_result_of_another_version(tailqa, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"format_version": 99}))
    assert "99" in refused(tailqa("report", "."))


def test_a_run_that_is_not_there(tailqa):
    assert "no-such-run" in refused(tailqa("report", "no-such-run"))


def test_a_split_named_twice(tailqa):
    message = refused(tailqa("compare", "--source", "a.csv", "--source", "b.csv"))
    assert "names one split twice" in message


def test_code_of_a_metric_is_not_run_unasked(tailqa, sums):
    metric = sums.parent / "metric.py"
    metric.write_text("raise SystemExit('this code was run')")
    sums.write_text(
        SUITE.replace(
            "grader: numeric", "grader: {name: evaluate, options: {metric: metric.py, key: s}}"
        )
    )
    message = refused(tailqa("compare", "--suite", str(sums)))
    assert "--trust-suite-code" in message
    assert "this code was run" not in message


def test_an_argument_that_no_model_has(tailqa):
    message = refused(tailqa("compare", "--student-args", "load_in_8bit=True"))
    assert "'load_in_8bit' is no argument of a model; there are attn_implementation," in message


def test_a_hub_that_does_not_answer(tailqa, tmp_path):
    # A port of this machine that nobody listens on.
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    message = refused(tailqa("compare", "nobody/no-such-model", "demo:student", **hub))
    assert "nobody/no-such-model is not on this machine and the hub cannot be reached" in message
