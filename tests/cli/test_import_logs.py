"""`tailqa import lm-eval|inspect|lighteval` as a user types it, on real runs."""

import json
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "records" / "data"
PAGE = (ROOT / "docs" / "import.md").read_text("utf-8")
COMMANDS = re.findall(
    r"^tailqa import (?:lm-eval|inspect|lighteval) (?:[^\\\n]|\\\n)*", PAGE, re.MULTILINE
)


@pytest.fixture
def logs(tmp_path):
    """The runs, under the names that the page gives them."""
    for side in ("teacher", "student"):
        (tmp_path / "lm-eval" / side).parent.mkdir(exist_ok=True)
        (tmp_path / "lm-eval" / side).symlink_to(DATA / "lm-eval" / side)
        (tmp_path / f"{side}.eval").symlink_to(DATA / "inspect" / side / "arithmetic.eval")
        for path in (DATA / "lighteval" / side).rglob("*_*.*"):
            name = str(path.relative_to(DATA)).replace("=", "|")
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).symlink_to(path)
    return tmp_path


def test_the_page_has_a_command_for_each_harness():
    assert len(COMMANDS) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_makes_a_run(tailqa, logs, command):
    made = tailqa(*shlex.split(command.replace("\\\n", ""))[1:], "--format", "json")
    assert (made.returncode, made.stderr) == (0, "")
    report = json.loads(made.stdout)
    assert [s["name"] for s in report["strata"]] == [
        "head/plain",
        "tail/multi-step",
        "tail/phrasing",
        "tail/terminology",
    ]
    assert sum(s["n"] for s in report["strata"]) == 24
    assert [s["kind"] for s in report["strata"]] == ["head", "tail", "tail", "tail"]
    (folder,) = (logs / "outputs").iterdir()
    judged = tailqa("gate", str(folder))
    assert judged.returncode in (1, 2)
    assert "Traceback" not in judged.stderr


def test_a_run_that_broke_is_one_clear_message_and_nothing_is_written(tailqa, logs):
    error = str(DATA / "inspect" / "error.eval")
    broken = tailqa("import", "inspect", "teacher.eval", error, "--scorer", "pattern")
    assert broken.returncode == 3
    assert "the run ended with the status error, with 3 of 24 samples" in broken.stderr
    assert "Traceback" not in broken.stderr
    assert not (logs / "outputs").exists()
