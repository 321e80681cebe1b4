"""The jobs of docs/ci.md have the structure that GitHub and GitLab want, and their commands run."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

DOCS = (Path(__file__).parents[2] / "docs" / "ci.md").read_text("utf-8")
GITHUB, GITLAB, WARNING_STEP, WARNING_JOB = (
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
)
STEPS = GITHUB["jobs"]["gate"]["steps"]
[IMPORT] = re.findall(r"^tailqa import .*", DOCS, re.MULTILINE)
KNOWN_ACTIONS = {
    "actions/checkout@v7",
    "actions/setup-python@v7",
    "actions/cache/restore@v6",
    "actions/cache/save@v6",
    "actions/upload-artifact@v7",
    "mikepenz/action-junit-report@v6",
}
EMBEDDED = {
    "TEACHER": "demo:teacher",
    "STUDENT": "demo:student",
    "POLICY": "default",
    "TAILQA_SUITE": "demo",
    "TAILQA_LIMIT": "2",
}


def step(part: str) -> dict:
    """The one step that uses an action or runs a command."""
    [found] = [step for step in STEPS if part in step.get("uses", "") + step.get("run", "")]
    return found


def test_the_workflow_has_the_structure_of_github():
    # YAML 1.1 reads the key `on` as true.
    assert set(GITHUB) == {"name", True, "permissions", "env", "jobs"}
    assert set(GITHUB["jobs"]["gate"]) == {"runs-on", "timeout-minutes", "steps"}
    for each in STEPS:
        assert ("uses" in each) != ("run" in each)
        assert set(each) <= {"name", "uses", "run", "with", "if"}
    assert {each["uses"] for each in STEPS if "uses" in each} == KNOWN_ACTIONS
    assert all(isinstance(value, str) for value in GITHUB["env"].values())


def test_what_follows_the_gate_happens_whatever_it_says():
    gate = STEPS.index(step("tailqa gate"))
    assert all(each["if"] == "always()" for each in STEPS[gate + 1 :])
    assert step("cache/save")["if"] == "always()"
    assert step("cache/save")["with"]["key"] == step("cache/restore")["with"]["key"]
    assert step("cache/save")["with"]["key"].startswith(
        step("cache/restore")["with"]["restore-keys"]
    )


def test_the_steps_name_the_files_that_the_commands_write():
    store = Path(GITHUB["env"]["TAILQA_STORE"])
    assert step("cache/restore")["with"]["path"] == str(store.parent)
    assert f"--junit {step('junit-report')['with']['report_paths']} " in step("tailqa gate")["run"]
    assert "outputs/*/report.html" in step("upload-artifact")["with"]["path"].split()


def test_the_job_has_the_structure_of_gitlab():
    assert set(GITLAB) == set(WARNING_JOB) == {"tailqa"}
    job = GITLAB["tailqa"]
    keys = {"image", "timeout", "rules", "variables", "cache", "script", "artifacts"}
    assert set(job) == keys
    assert all(isinstance(line, str) for line in job["script"])
    assert all(isinstance(value, str) for value in job["variables"].values())
    artifacts = job["artifacts"]
    assert artifacts["when"] == job["cache"]["when"] == "always"
    assert f"--junit {artifacts['reports']['junit']} " in job["script"][-1]
    assert f"{Path(job['variables']['TAILQA_STORE']).parent}/" in job["cache"]["paths"]
    assert WARNING_JOB["tailqa"] == {"allow_failure": {"exit_codes": 2}}


def test_both_say_the_same():
    same = {name: value for name, value in GITHUB["env"].items() if name != "PIP_CACHE_DIR"}
    given = {k: v for k, v in GITLAB["tailqa"]["variables"].items() if k != "PIP_CACHE_DIR"}
    assert given == same
    [gate] = [line for line in GITLAB["tailqa"]["script"] if "tailqa gate" in line]
    for script in (gate.replace("gate.md", '"$GITHUB_STEP_SUMMARY"'), step("tailqa gate")["run"]):
        assert script in WARNING_STEP[0]["run"]


@pytest.mark.slow
def test_the_commands_run_on_the_embedded_pair(bash, tmp_path):
    """Two queries per stratum decide nothing, so this ends with 2, or with a warning."""
    variables = GITHUB["env"] | EMBEDDED
    compared = bash(step("tailqa compare")["run"], tmp_path, **variables)
    assert (compared.returncode, compared.stderr) == (0, "")
    assert (tmp_path / variables["TAILQA_STORE"]).is_file()

    gated = bash(step("tailqa gate")["run"], tmp_path, **variables)
    assert (gated.returncode, gated.stderr) == (2, "")
    assert "INCONCLUSIVE" in gated.stdout
    assert (tmp_path / "summary.md").read_text("utf-8").startswith("## INCONCLUSIVE")
    assert int(ElementTree.parse(tmp_path / "gate.xml").getroot().attrib["errors"]) > 0  # noqa: S314
    wanted = step("upload-artifact")["with"]["path"].split()
    assert [pattern for pattern in wanted if not list(tmp_path.glob(pattern))] == []

    warned = bash(WARNING_STEP[0]["run"], tmp_path, **variables)
    assert (warned.returncode, warned.stderr) == (0, "")
    assert warned.stdout.splitlines()[-1].startswith("::warning title=tailqa::")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "script", "summary", "code"),
    [
        (0, GITLAB["tailqa"]["script"][-1], "gate.md", 0),
        # A warning for what is undecided lets nothing else through.
        (60, WARNING_STEP[0]["run"], "summary.md", 1),
    ],
)
def test_recorded_answers_pass_and_fail(bash, tmp_path, lost, script, summary, code):
    rows = [
        f"{topic}{index},{topic},1,{int(topic == 'common' or index >= lost)}"
        for topic in ("common", "rare-terms")
        for index in range(300)
    ]
    header = "id,topic,teacher_right,student_right"
    (tmp_path / "answers.csv").write_text("\n".join([header, *rows]) + "\n")
    imported = bash(IMPORT, tmp_path)
    assert (imported.returncode, imported.stderr) == (0, "")
    gated = bash(script, tmp_path, POLICY="default")
    assert (gated.returncode, gated.stderr) == (code, "")
    assert (tmp_path / summary).read_text("utf-8").startswith("## FAIL" if code else "## PASS")
    root = ElementTree.parse(tmp_path / "gate.xml").getroot()  # noqa: S314
    assert (root.attrib["failures"], root.attrib["errors"]) == (str(code), "0")


def test_what_is_broken_is_neither_a_failure_nor_undecided(bash, tmp_path):
    broken = bash(WARNING_STEP[0]["run"], tmp_path, POLICY="default")
    assert broken.returncode == 3
    assert not (tmp_path / "gate.xml").exists()
