"""`tailqa import table` as a user types it."""

import json
import re
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "import.md"
COMMANDS = re.findall(r"^tailqa import table (?:[^\\\n]|\\\n)*", DOCS.read_text(), re.MULTILINE)
ROWS = "".join(f"q{n},{n % 9},{int(n % 3 > 0)},{int(n % 4 > 0)}\n" for n in range(180))


@pytest.fixture
def outcomes(tmp_path: Path) -> Path:
    path = tmp_path / "outcomes.csv"
    path.write_text(f"id,steps,big,small\n{ROWS}")
    return path


def test_a_table_becomes_a_run_that_gate_and_report_take(tailqa, outcomes):
    given = ["--teacher", "big", "--student", "small", "--id", "id", "--stratum", "steps"]
    made = tailqa("import", "table", str(outcomes), *given, "--quantiles", "0.5,0.8")
    assert (made.returncode, made.stderr) == (0, "")
    assert "small against its teacher big on outcomes as imported, 180 queries" in made.stdout
    assert "steps <= 4" in made.stdout
    page = Path(made.stdout.rpartition("Page: ")[2].strip())
    run = str(page.parent)
    assert (outcomes.parent / page).is_file()
    judged = tailqa("gate", run)
    assert judged.returncode in (1, 2)
    assert "Traceback" not in judged.stderr
    shown = tailqa("report", run, "--format", "json")
    assert shown.returncode == 0
    strata = json.loads(shown.stdout)["strata"]
    assert [s["n"] for s in strata] == [100, 60, 20]


def test_json_alone_or_nothing(tailqa, outcomes):
    given = ["--teacher", "big", "--student", "small"]
    made = tailqa("import", "table", "outcomes.csv", *given, "--format", "json")
    (stratum,) = json.loads(made.stdout)["strata"]
    assert (stratum["name"], stratum["n"], stratum["weight"]) == ("all", 180, 1.0)
    assert tailqa("import", "table", "outcomes.csv", *given, "--quiet").stdout == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--teacher", "big"], "--teacher and --student"),
        (["--score", "big"], "must be two columns"),
        (["--teacher", "big", "--student", "tiny"], "tiny: has no column of this name; there are"),
        (["--teacher", "big", "--student", "small", "--stratum", "topic"], "topic: has no column"),
        (["--teacher", "big", "--student", "small", "--weight", "all"], "is not NAME=SHARE"),
        (["--teacher", "big", "--student", "small", "--quantiles", "half"], "no list of numbers"),
        (["--teacher", "steps", "--student", "small"], "outcomes.csv:4: steps: must be a score"),
    ],
)
def test_mistakes_are_one_message_and_write_nothing(tailqa, outcomes, given, message):
    made = tailqa("import", "table", "outcomes.csv", *given)
    assert made.returncode == 3
    assert message in " ".join(made.stderr.split())
    assert "Traceback" not in made.stderr
    assert made.stdout == ""
    assert not (outcomes.parent / "outputs").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(tailqa, tmp_path, command):
    """On its files, as the page shows them."""
    for name, content in re.findall(
        r"`(\w+\.\w+)`:\n\n```\w+\n(.*?)```", DOCS.read_text(), re.DOTALL
    ):
        (tmp_path / name).write_text(content)
    made = tailqa(*shlex.split(command.replace("\\\n", " "))[1:])
    assert (made.returncode, made.stderr) == (0, "")
