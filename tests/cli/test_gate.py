"""`tailqa gate` and `compare --policy`, as a user runs them: whole outputs and exit codes."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tailqa.gate import load_policy
from tailqa.report.result import save_report
from tests.report.conftest import make_report, stratum

POLICY = """\
version: 1
name: mine
defaults: {gap: {margin: 0.05}, min_queries: 20}
strata:
  head/plain: {tier: supporting}
"""
HEAD = stratum("head/plain", (172, 5, 1, 2), kind="head")
FAILS = stratum("tail/x", (100, 60, 10, 10))
PASSES = stratum("tail/x", (180, 2, 4, 14))
STRADDLES = stratum("tail/x", (150, 14, 10, 26))
ON = ("--date", "2026-11-24")


@pytest.fixture
def run(tmp_path: Path):
    """Saves a run with this tail beside the policy mine.yaml; returns its folder's name."""

    def save(tail=FAILS) -> str:
        (tmp_path / "run").mkdir(exist_ok=True)
        save_report(make_report([HEAD, tail]), tmp_path / "run")
        (tmp_path / "mine.yaml").write_text(POLICY)
        return "run"

    return save


def refused(result) -> str:
    assert result.returncode == 3
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize(("tail", "code"), [(PASSES, 0), (FAILS, 1), (STRADDLES, 2)])
def test_exit_codes(tailqa, run, tail, code):
    assert tailqa("gate", run(tail), "--policy", "mine.yaml").returncode == code


def test_the_whole_output(tailqa, run, tmp_path):
    result = tailqa("gate", run(), "--policy", "mine.yaml", *ON)
    assert (result.returncode, result.stderr) == (1, "")
    digest = load_policy(tmp_path / "mine.yaml").digest
    assert (
        result.stdout
        == f"""\
demo:student against its teacher demo:teacher on demo 1

                              measured                                  queries to
requirement                     [90 %]    n        limit  outcome        settle it
----------------------------------------------------------------------------------
critical
 tail/x: gap      -27.8 [-34.6, -20.9]  180  -5.0 points  fail
supporting
 head/plain: gap    -2.2 [-5.1, +0.02]  180  -5.0 points  inconclusive         305

  * tail/x: student 27.8 points worse [20.9, 34.6] (90 % interval, n = 180), outside the margin of
  5.0 points
  * head/plain: student 2.2 points worse [0.0, 5.1] (90 % interval, n = 180), straddles the margin
  of 5.0 points; about 305 queries would settle it (supporting: reported, does not block)

FAIL  the student cannot replace the teacher
1 critical requirement: 1 fail
policy mine, digest {digest[:12]}

Decision: {Path("run", f"decision_2026-11-24_mine_{digest[:8]}.json")}
"""
    )


def test_what_programs_read(tailqa, run, tmp_path):
    files = ("--junit", "junit.xml", "--summary", "summary.md", "--record", "record.json")
    policy = {"TAILQA_POLICY": "mine.yaml"}
    result = tailqa("gate", f"{run()}/result.json", "--format", "json", *files, *ON, **policy)
    assert (result.returncode, result.stderr) == (1, "Decision: record.json\n")
    record = json.loads(result.stdout)
    assert record == json.loads((tmp_path / "record.json").read_text())
    assert (record["policy"], record["date"]) == ("mine", "2026-11-24")
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite.get("timestamp", "").startswith("2026-11-24")
    assert (tmp_path / "summary.md").read_text().startswith("## FAIL: ")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["result.json"]


def test_the_built_in_policy_is_shown_without_a_run(tailqa):
    result = tailqa("gate", "--show-policy")
    assert (result.returncode, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
version: 1
name: default
description: "No critical stratum may lose 5 points of accuracy or more."
level: 0.95  # confidence of every one-sided test, in (0.5, 1)
defaults:
  tier: suite  # critical, supporting, advisory, or what the suite says
  gap: {margin: 0.05}  # student - teacher accuracy must lie above -margin
  min_queries: 50  # fewer graded pairs decide nothing
  teacher_floor: 0.1  # a teacher who is right less often is no yardstick
  above_chance: true  # the teacher must be shown to do better than guessing
  max_failed: 0.02  # share of queries without an answer
  max_ungraded: 0.02  # share of queries whose answer could not be graded
prompts:  # findings of the prompt audit
  tier: supporting  # critical, supporting or advisory
  max_share: {bos: 0.0, template: 0.0, truncation: 0.02, stop: 0.1, format: 0.1}  # \
per kind of finding, the largest share of queries that show it
"""
    )


def test_a_policy_as_it_applies_to_a_run(tailqa, run, tmp_path):
    result = tailqa("gate", run(), "--policy", "mine.yaml", "--show-policy")
    assert result.returncode == 0
    (tmp_path / "shown.yaml").write_text(result.stdout)
    shown = load_policy(tmp_path / "shown.yaml")
    assert (shown.of("head/plain").tier, shown.of("tail/x").tier) == ("supporting", "critical")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["result.json"]


BAD = {
    "no run": ([], "name the RUN to judge, or ask for --show-policy"),
    "a run that is not there": (["gone"], "Error: gone does not exist; name the folder of"),
    "a policy that is not there": (
        ["run", "--policy", "gone"],
        "Error: gone: is neither a file nor a shipped policy (default, retention, strict)\n",
    ),
    "a day that is none": (["run", "--date", "24.11.2026"], "'24.11.2026' is no day"),
    "a place that is none": (
        ["run", "--record", "mine.yaml/x.json"],
        "another place with --record",
    ),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD.keys())
def test_bad_arguments(tailqa, run, arguments, words):
    run()
    assert words in refused(tailqa("gate", *arguments))


def test_a_policy_with_faults_writes_nothing(tailqa, run, tmp_path):
    folder = run()
    (tmp_path / "mine.yaml").write_text(
        POLICY.replace("0.05", "1.5").replace("min_queries", "min_querys")
    )
    asked = ("gate", folder, "--policy", "mine.yaml", "--junit", "junit.xml")
    assert refused(tailqa(*asked)) == (
        "Error: mine.yaml:3: defaults.gap.margin: must be less than 1 (got 1.5)\n"
        "mine.yaml:3: defaults.min_querys: is not a known key; did you mean min_queries?\n"
    )
    (tmp_path / "mine.yaml").write_text(POLICY.replace("head/plain", "tail/y"))
    assert refused(tailqa(*asked)) == (
        "Error: mine.yaml:5: strata.tail/y: matches no stratum of this run, "
        "which has head/plain, tail/x\n"
    )
    assert not (tmp_path / "junit.xml").exists()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["result.json"]


def test_a_result_that_is_cut_off(tailqa, run, tmp_path):
    file = tmp_path / run() / "result.json"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    message = refused(tailqa("gate", "run"))
    assert str(Path("run", "result.json")) in message
    assert file.read_bytes() == whole[: len(whole) // 2]


@pytest.mark.slow
def test_compare_is_judged_by_the_policy(tailqa, tmp_path):
    asked = ("--limit", "2", "--speed", "0", "--quiet", "--pipeline", "none")
    judged = tailqa("compare", *asked, "--policy", "retention", OMP_WAIT_POLICY="passive")
    assert (judged.returncode, judged.stdout) == (2, "")
    (result,) = tmp_path.glob("outputs/*/result.json")
    verdict = json.loads(result.read_text())["verdict"]
    assert (verdict["policy"], verdict["outcome"]) == ("retention", "inconclusive")


def test_compare_refuses_a_policy_before_anything_is_run(tailqa, tmp_path):
    (tmp_path / "mine.yaml").write_text(POLICY.replace("head/plain", "head/plane"))
    message = refused(tailqa("compare", "--policy", "mine.yaml"))
    assert message.startswith("Error: mine.yaml:5: strata.head/plane: matches no stratum")
    assert "is neither a file nor a shipped policy" in refused(tailqa("compare", "--policy", "x"))
    assert not (tmp_path / "outputs").exists()
