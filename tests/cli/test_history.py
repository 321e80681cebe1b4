"""`tailqa history` and `compare --history` as a user runs them: whole outputs and exit codes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from tailqa.cli import main
from tailqa.cli.history_options import Recorder
from tailqa.report.result import load_report
from tests.history.server import Server, binaries, running_server
from tests.workflows.history_runs import saved

PASSWORD = "hunter-two"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class Said:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs a command in this process, which takes a tenth of the time of one of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environment: str) -> Said:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(list(arguments))
        out, err = capsys.readouterr()
        return Said(returncode=int(ended.value.code or 0), stdout=out, stderr=err)

    return run


@pytest.fixture
def runs(tmp_path: Path) -> None:
    """Two finished runs, monday and week-2, in the folder where commands run."""
    for name, created in (("monday", "2026-11-02"), ("week-2", "2026-11-09")):
        saved(tmp_path / name, created)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with running_server() as started:
        yield started


def digest(tmp_path: Path, name: str) -> str:
    return sha256((tmp_path / name / "result.json").read_bytes()).hexdigest()


def refused(result) -> str:
    assert result.returncode == 3
    assert "Traceback" not in result.stderr
    assert PASSWORD not in result.stderr
    assert result.stdout == ""
    return result.stderr


def test_adding_listing_and_pruning(tailqa, here, runs, tmp_path):
    first, second = (digest(tmp_path, name)[:8] for name in ("monday", "week-2"))
    added = tailqa("history", "add", "week-2", "monday")
    assert (added.returncode, added.stderr) == (0, "")
    assert (
        added.stdout
        == f"""\
monday: added as demo:student on demo 1 of 2026-11-02, 2 queries (run {first})
week-2: added as demo:student on demo 1 of 2026-11-09, 2 queries (run {second})
"""
    )
    again = here("history", "add", "monday", "--student", "other")
    assert again.stdout == (
        f"monday: the history has it already (run {first}, added as demo:student); tailqa history "
        "rename demo:student other follows its runs as other\n"
    )
    listed = here("history", "list", "--since", "9999d")
    assert (
        listed.stdout
        == f"""\
date        run       student       build                    suite  version  queries  verdict
---------------------------------------------------------------------------------------------
2026-11-02  {first}  demo:student  demo:student (77d077d0)  demo   1              2  fail
2026-11-09  {second}  demo:student  demo:student (77d077d0)  demo   1              2  fail
"""
    )
    rehearsed = here("history", "prune", "--before", "2026-11-09", "--dry-run")
    assert rehearsed.stdout.endswith("\n\nTo remove: 1 run; 1 left.\n")
    assert first in rehearsed.stdout
    pruned = here("history", "prune", "--before", "2026-11-09")
    assert pruned.stdout.endswith("\n\nRemoved 1 run; 1 left.\n")
    left = json.loads(here("history", "list", "--format", "json").stdout)
    assert [(run["name"], run["strata"][0]["both"]) for run in left] == [("week-2", 1)]
    assert (tmp_path / "monday" / "result.json").exists()


def test_what_other_commands_made_is_skipped(here, runs, tmp_path):
    here("history", "add", "monday")
    here("weekly", "--out", "weekly-page", "--min-queries", "1")
    (tmp_path / "speed").mkdir()
    (tmp_path / "speed" / "bench.json").write_text("{}")
    folders = ("monday", "speed", "week-2", "weekly-page")  # as the shell has them for */
    added = here("history", "add", *folders)
    assert (added.returncode, added.stderr) == (0, "")
    lines = added.stdout.splitlines()
    assert lines[:2] == [
        "speed: skipped, made by tailqa bench and no run",
        "weekly-page: skipped, made by tailqa weekly and no run",
    ]
    assert [line.split(":")[0] for line in lines[2:]] == ["monday", "week-2"]
    assert refused(here("history", "add", "weekly-page")) == (
        "Error: no run is among these, other commands made them: weekly-page (tailqa weekly)\n"
    )
    (tmp_path / "empty").mkdir()
    assert "does not exist" in refused(here("history", "add", "monday", "empty"))


def test_help_says_what_every_command_does(here):
    listed = here("history", "--help").stdout
    assert (
        listed[listed.index("Commands:") :]
        == """\
Commands:
  add     Add finished runs to the history.
  list    List the runs by date.
  prune   Remove old runs with their prompts and answers.
  rename  Follow a student's runs under another name.
  show    Show what is kept of a run.
"""
    )
    said = " ".join(here("history", "show", "--help").stdout.split())
    assert "its folder's name, or four characters or more of its digest" in said


def test_showing_one(here, runs, tmp_path):
    db = {"TAILQA_DB": "kept.db"}
    here("history", "add", "monday", **db)
    run = digest(tmp_path, "monday")
    shown = here("history", "show", run[:6], **db)
    assert shown.returncode == 0
    assert (
        shown.stdout
        == f"""\
demo:student (77d077d0) against demo:teacher
2026-11-02, demo, version 1, 2 queries: fail (default)
run {run[:12]}, folder monday, followed as demo:student

made with
----------------------------------------------------
student    77d077d077d0
teacher    9f2c9f2c9f2c
data       version 1, digest c0dec0dec0de
template   none
tokenizer  51ab51ab51ab
dtype      float32
engine     transformers
settings   seed 0, temperature 0.0, max_tokens 96
versions   python 3.11.7, tailqa 0.1.0, torch 2.13.0
hardware   x86_64, 2 cores, on cpu
pipeline   none

                  traffic,   both  teacher  student   both  failed or  margin,
stratum, queries         %  right     only     only  wrong   ungraded   points
------------------------------------------------------------------------------
head/plain             6.0      1        1        0      0          0      5.0
tail/x                 6.0      0        0        0      0          2      5.0
"""
    )
    values = json.loads(here("history", "show", "monday", "--format", "json", **db).stdout)
    assert values["run"] == run


def test_builds_under_two_names_become_one_student(here, runs):
    here("history", "add", "monday", "--student", "acme/small@b1")
    here("history", "add", "week-2", "--student", "acme/small")
    renamed = here("history", "rename", "acme/small@b1", "acme/small")
    assert renamed.stdout == "1 run of acme/small@b1 followed as acme/small from now on.\n"
    listed = json.loads(here("history", "list", "--format", "json").stdout)
    assert [run["student"] for run in listed] == ["acme/small", "acme/small"]
    said = refused(here("history", "rename", "acme/small@b1", "acme/small"))
    assert said == (
        "Error: no run is followed as acme/small@b1; tailqa history list shows the names\n"
    )


def test_bad_input_is_one_sentence(here, runs, tmp_path):
    (tmp_path / "notes.txt").write_text("notes " * 1000)
    said = refused(here("history", "add", "monday", "--db", "notes.txt"))
    assert said == "Error: notes.txt: this is not a database; name another file\n"
    url = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/tailqa"
    said = refused(here("history", "add", "monday", TAILQA_DB=url))
    assert said == (
        "Error: postgresql://ann@127.0.0.1:1/tailqa: the server cannot be reached; is it running, "
        "and are host and port right?\n"
    )
    said = refused(here("history", "list"))
    assert said == (
        "Error: outputs/history.db: there is no history yet; tailqa history add RUN makes it\n"
    )
    assert "RUN..." in refused(here("history", "add"))
    saved(tmp_path / "later", "2036-01-01")
    assert "lies in the future" in refused(here("history", "add", "later"))
    here("history", "add", "week-2")
    assert "--backfill adds it all the same" in refused(here("history", "add", "monday"))
    assert here("history", "add", "monday", "--backfill").returncode == 0
    said = refused(here("history", "list", "--student", "bot"))
    assert said == "Error: outputs/history.db has no run of the student bot; it has demo:student\n"
    said = refused(here("history", "prune", "--before", "soon"))
    assert "'soon' is no day" in said


def test_a_name_that_is_no_text_is_a_name_like_any_other(here, runs, tmp_path):
    odd, sign = "\udcff", "⟨U+DCFF⟩"  # what the shell makes of $'\xff'
    here("history", "add", "monday")
    assert refused(here("history", "show", odd)) == (
        f"Error: outputs/history.db has no run {sign}; tailqa history list shows them\n"
    )
    assert f"no run of the student {sign}; it has" in refused(
        here("history", "list", "--student", odd)
    )
    for flag in ("--student", "--suite"):
        assert r"'\udcff'; it has" in refused(here("weekly", flag, odd))
    assert f"no run is followed as {sign};" in refused(here("history", "rename", odd, "bot"))
    added = here("history", "add", "week-2", "--student", odd)
    assert added.stdout.startswith(f"week-2: added as {sign} on demo 1")
    listed = here("history", "list", "--student", odd, "--format", "json")
    assert [run["student"] for run in json.loads(listed.stdout)] == [sign]
    renamed = here("history", "rename", "demo:student", odd)
    assert renamed.stdout == f"1 run of demo:student followed as {sign} from now on.\n"


@pytest.mark.parametrize("n", [0, 1])
def test_every_command_of_the_page_runs(here, runs, tmp_path, n):
    page = (Path(__file__).parents[2] / "docs" / "history.md").read_text("utf-8")
    block = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[n]
    commands = re.findall(r"^tailqa (.*)$", block, re.MULTILINE)
    assert commands
    for command in commands:
        words = command.replace("outputs/RUN", "monday").replace("RUN", "monday").split()
        result = here(*words)
        assert (result.returncode, result.stderr) == (0, ""), command


def test_a_team_shares_a_server(here, runs, server):
    url = server.make_schema()
    assert here("history", "add", "monday", "--db", url).returncode == 0
    listed = json.loads(here("history", "list", "--format", "json", TAILQA_DB=url).stdout)
    assert [run["name"] for run in listed] == ["monday"]
    said = refused(here("history", "list", "--db", server.url(password=PASSWORD)))
    assert said.endswith("/postgres: the server refused the user name or the password\n")


def test_a_run_that_is_not_taken_is_not_lost(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    recorder = Recorder(db="kept.db", student="bot")
    recorder.add(Path("week-2"), say=print)
    assert recorder.finish(1) == 1
    recorder.add(Path("monday"), say=print)
    assert recorder.finish(1) == 3
    said = capsys.readouterr()
    assert said.out.startswith("History: week-2: added as bot on demo 1 of 2026-11-09, 2 queries")
    assert said.err == (
        "Error: monday: its date, 2026-11-02, lies before 2026-11-09, that of the newest run of "
        "bot on demo; --backfill adds it all the same\n"
        "The run is in monday, but not in the history; once that is mended, tailqa history add "
        "monday adds it.\n"
    )
    assert Path("monday", "result.json").exists()


@pytest.mark.slow
def test_compare_adds_its_run(tailqa, tmp_path):
    asked = ("compare", "--limit", "2", "--speed", "0", "--pipeline", "none", "--history")
    result = tailqa(*asked, "--history-student", "bot", "--format", "json")
    assert result.returncode == 0
    [folder] = [path.parent for path in tmp_path.glob("outputs/*/result.json")]
    report = load_report(folder)
    assert json.loads(result.stdout)["seed"] == 0
    assert result.stderr == (
        f"History: {folder.name}: added as bot on {report.suite.name} {report.suite.version} of "
        f"{report.created}, {report.suite.n_queries:,} queries "
        f"(run {digest(tmp_path, folder.relative_to(tmp_path))[:8]})\n"
    )
    listed = json.loads(tailqa("history", "list", "--format", "json").stdout)
    assert [(run["name"], run["student"]) for run in listed] == [(folder.name, "bot")]
    url = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/tailqa"
    before = sorted(tmp_path.glob("outputs/*"))
    said = refused(tailqa(*asked, "--db", url))
    assert "the server cannot be reached" in said
    assert sorted(tmp_path.glob("outputs/*")) == before  # found before anything was asked
