"""`tailqa route` as a user types it, and docs/routing.md."""

import json
import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from tailqa.report.run import write_run
from tests.workflows.test_route import HEAD, TAIL, made_run

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text("utf-8")
COMMANDS = re.findall(r"^tailqa route [^#\n]*", PAGE, re.MULTILINE)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    folder = tmp_path / "outputs" / "RUN"
    write_run(made_run(), folder)
    return folder


def test_every_command_of_the_page_runs(tailqa, finished):
    for command in COMMANDS:
        made = tailqa(*shlex.split(command)[1:], "--resamples", "100")
        assert (made.returncode, made.stderr) == (0, ""), command
        assert "Page: outputs/RUN/route.html" in made.stdout
    assert len(COMMANDS) == 4
    assert "$ per 1,000" in made.stdout
    assert {path.name for path in finished.iterdir()} >= {"route.html", "route.json"}


def test_the_gateway_of_the_page_reads_both_rules(tailqa, finished, tmp_path, monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)

    @dataclass
    class Said:
        text: str
        logprobs: list[float]

    def ask(model: str, query: float) -> Said:
        return Said(model, [math.log(query)] * 3)

    def answers(by: str) -> list[str]:
        made = tailqa("route", str(finished), "--by", by, "--export", "rule.json")
        assert made.returncode == 0, made.stderr
        assert "Rule: rule.json" in made.stdout
        gateway: dict[str, object] = {}
        exec(example, gateway)  # noqa: S102
        asked = ((0.999, HEAD), (0.05, TAIL))
        return [gateway["answer"](query, ask, name) for query, name in asked]

    assert answers("stratum") == ["demo:student", "demo:teacher"]
    assert answers("confidence") == ["demo:student", "demo:teacher"]


def test_the_whole_table(tailqa, finished):
    made = tailqa("route", str(finished), "--resamples", "100", COLUMNS="160")
    lines = made.stdout.splitlines()
    assert lines[0] == (
        "What should go from demo:student to its teacher demo:teacher? demo, 120 queries"
    )
    assert lines[1] == (
        "Aim: 95.0 % of the teacher's quality with the fewest calls to the teacher."
    )
    assert f"By stratum. To the teacher: {TAIL}." in lines
    [ways] = [i for i, line in enumerate(lines) if line.startswith("answered")]
    assert " ".join(lines[ways - 1].split()) == "student by stratum by teacher"
    assert lines[ways].split() == ["answered", "everywhere", "(chosen)", "confidence", "everywhere"]
    # Not a single interval is lost at 100 columns.
    assert lines[ways + 2].split()[:2] == ["quality,", "%"]
    assert " ".join(lines[ways + 2 : ways + 4]).count("[") == 4
    assert "(at random 0.50)" in made.stdout
    assert lines[-1] == f"Page: {finished / 'route.html'}"


def test_json_alone(tailqa, finished):
    made = tailqa("route", str(finished), "--resamples", "100", "--format", "json")
    found = json.loads(made.stdout)
    assert found == json.loads((finished / "route.json").read_text())
    assert [choice["by"] for choice in found["choices"]] == ["stratum", "confidence"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--target-quality", ".9", "--max-teacher-share", ".2"], "not for both"),
        (["--teacher-price", "1,2"], "give both --teacher-price and --student-price"),
        (["--teacher-price", "1", "--student-price", "1,2"], "is not IN,OUT in dollars"),
        (["--target-quality", "95"], "95 is more than 1; give a share, as in 0.95"),
        (["--export", "rule.txt"], "must end in .json, .yaml or .yml"),
    ],
)
def test_mistakes_are_one_message(tailqa, finished, given, message):
    made = tailqa("route", str(finished), "--resamples", "100", *given)
    assert made.returncode == 3
    assert message in made.stderr
    assert "Traceback" not in made.stderr


def test_a_folder_without_a_run(tailqa, tmp_path):
    made = tailqa("route", str(tmp_path))
    assert made.returncode == 3
    assert "name the folder of a finished run" in made.stderr
