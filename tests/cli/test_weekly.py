"""`tailqa weekly` as a user types it, on a history in a real database."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tailqa.cli import main
from tailqa.history import open_history
from tests.workflows.weekly_runs import TERMS, monday, new_run, steady

WEEKS = 6
TODAY = monday(WEEKS - 1) + timedelta(days=3)


def kept(folder: Path, *runs) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with open_history(folder / "history.db") as history:
        for run in runs:
            history.add(run, today=TODAY)
    return folder / "history.db"


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    """Six weeks; tail/terminology loses a quarter of its right answers in the fifth."""
    weeks = steady(WEEKS, 120, drops={TERMS: (4, 0.25)})
    runs = (new_run(number, marks) for number, marks in enumerate(weeks))
    return kept(tmp_path_factory.mktemp("outputs"), *runs)


@pytest.fixture
def weekly(tailqa, database):
    def run(*arguments, **environment):
        known = {"TAILQA_DB": str(database), "TAILQA_TODAY": str(TODAY)}
        return tailqa("weekly", *arguments, **(known | environment))

    return run


def test_the_whole_output_and_what_is_written(weekly, tmp_path):
    made = weekly("--traffic", "100000", COLUMNS="120")
    assert (made.returncode, made.stderr) == (0, "")
    text = " ".join(made.stdout.split())
    assert re.match(
        rf"tail/terminology lost [0-9.]+ points \[[0-9.]+, [0-9.]+\] since {monday(4)}, first seen "
        r"in build build-4; in tail/terminology \(30 % of the traffic, 30,000 queries a week\) "
        r"[0-9,]+ more wrong answers \[[0-9,]+, ",
        text,
    )
    assert "student org/student, teacher org/teacher, suite demo; last run in the week of" in text
    rows = {line.split("  ")[0] for line in made.stdout.splitlines()}
    assert {"all traffic", "head/plain", "tail/terminology", "tail/steps"} <= rows
    assert "at most once in 104 weeks (2 years) on average" in text
    folder = f"outputs/weekly-org-student-demo-{TODAY}"
    assert made.stdout.endswith(f"\nPage:    {folder}/weekly.html\nSummary: {folder}/weekly.md\n")
    page = (tmp_path / folder / "weekly.html").read_text("utf-8")
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S*", "", page)
    summary = (tmp_path / folder / "weekly.md").read_text("utf-8")
    assert summary.startswith("## tail/terminology lost ")


def test_an_open_alarm_is_exit_1_where_that_was_asked_for_with_flags_as_variables(weekly):
    made = weekly(TAILQA_SINCE="2w", TAILQA_OUT="elsewhere", TAILQA_FAIL_ON_ALARM="1")
    assert (made.returncode, made.stderr) == (1, "")
    assert "\nPage:    elsewhere/weekly.html\n" in made.stdout


def test_before_the_loss_nothing_had_moved(weekly):
    day_before = str(monday(4) - timedelta(days=1))
    calm = weekly("--fail-on-alarm", "--out", "page", "--today", day_before)
    assert (calm.returncode, calm.stderr) == (0, "")
    assert calm.stdout.startswith("Nothing moved in 4 weeks of 120 queries per stratum.\n")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--student", "org/other"], "no student 'org/other'; it has org/student"),
        (["--suite", "popqa"], "the history has no suite 'popqa'; it has demo"),
        (["--since", "soon"], "--since 'soon': give 12w, 90d or a day as in 2026-09-01"),
        (["--since", "2027-01-01"], f"lies in the future; today is {TODAY}"),
        (["--base", "2026-01-01"], "the week of 2025-12-29 has no run; weeks with one: "),
        (["--today", "2026-01-01"], "the history has no run until 2026-01-01"),
        (["--today", str(TODAY + timedelta(weeks=5)), "--since", "3w"], "no run in the weeks from"),
        (["--today", "9999-01-01"], "--today 9999-01-01 lies in the future; today is 20"),
        (["--ignore", "student"], "'student' is not one of 'data', 'template'"),
        (["--traffic", "0"], "0.0 is not in the range"),
        (["--db", "none.db"], "there is no history yet"),
        (["--db", "text.db"], "text.db"),
        (["--out", "text.db/page"], "text.db"),
    ],
)
def test_mistakes_are_one_message_and_nothing_is_written(
    database, tmp_path, monkeypatch, capsys, given, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.db").write_text("not a database\n")
    defaults = ["--db", str(database), "--today", str(TODAY)]
    with pytest.raises(SystemExit) as ended:
        main(["weekly", *defaults, *given])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (3, "")
    assert message in said.err
    assert "Traceback" not in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]
