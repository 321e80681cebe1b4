"""The jobs of docs/weekly.md have the structure that their systems want, and their commands run."""

import re
import string
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

DOCS = (Path(__file__).parents[2] / "docs" / "weekly.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
[CRONTAB] = [text for kind, text in BLOCKS if kind == "crontab"]
[SCRIPT] = [text for _, text in BLOCKS if text.startswith("#!/bin/sh")]
GITHUB, GITLAB = (yaml.safe_load(text) for kind, text in BLOCKS if kind == "yaml")
STEPS = GITHUB["jobs"]["weekly"]["steps"]
JOB, PAGES = GITLAB["weekly"], GITLAB["pages"]
KNOWN_ACTIONS = {
    "actions/checkout@v7",
    "actions/setup-python@v7",
    "actions/upload-artifact@v7",
    "actions/upload-pages-artifact@v4",
    "actions/deploy-pages@v4",
}
EMBEDDED = {
    "TEACHER": "demo:teacher",
    "STUDENT": "demo:student",
    "SUITE": "demo",
    "POLICY": "default",
    "TAILQA_LIMIT": "2",
    "TAILQA_SPEED": "0",
    "TAILQA_PIPELINE": "none",
}
FROM_THE_STORE = "From the store: {} of 8 answers of the teacher; {} of 8 answers of the student."

GH = """\
#!/bin/sh
# The three commands of GitHub's gh that the workflow uses, on a folder.
case "$1 $2 $3 $4" in
  "release create weekly --prerelease") mkdir "$RELEASE" ;;
  "release download weekly --dir") cp -r "$RELEASE" "$5" ;;
  "release upload weekly "*)
    shift 3
    for file; do [ "$file" = --clobber ] || cp "$file" "$RELEASE/" || exit; done ;;
  *) exit 64 ;;
esac
"""


def step(part: str) -> dict:
    """The one step that uses an action or runs a command."""
    [found] = [step for step in STEPS if part in step.get("uses", "") + step.get("run", "")]
    return found


class Registry(BaseHTTPRequestHandler):
    """GitLab's package registry as far as the job uses it: files by name, behind a token."""

    files: dict[str, bytes]

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._allowed():
            self.files[self.path] = content
            self._answer(201, b"{}")

    def do_GET(self) -> None:
        if self._allowed():
            known = self.path in self.files
            self._answer(200 if known else 404, self.files.get(self.path, b""))

    def _allowed(self) -> bool:
        allowed = self.headers["JOB-TOKEN"] == "token-of-the-job"
        if not allowed:
            self._answer(401, b"")
        return allowed

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Says nothing."""


@pytest.fixture
def registry() -> Iterator[tuple[str, dict[str, bytes]]]:
    files: dict[str, bytes] = {}
    handler = type("Handler", (Registry,), {"files": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v4", files
        server.shutdown()
        thread.join()


def test_the_workflow_has_the_structure_of_github():
    # YAML 1.1 reads the key `on` as true.
    assert set(GITHUB) == {"name", True, "permissions", "concurrency", "env", "jobs"}
    assert [set(each) for each in GITHUB[True]["schedule"]] == [{"cron"}]
    job = GITHUB["jobs"]["weekly"]
    assert set(job) == {"runs-on", "timeout-minutes", "environment", "steps"}
    for each in STEPS:
        assert ("uses" in each) != ("run" in each)
        assert set(each) <= {"name", "id", "uses", "run", "with", "if", "env"}
    assert {each["uses"] for each in STEPS if "uses" in each} == KNOWN_ACTIONS
    assert all(isinstance(value, str) for value in GITHUB["env"].values())


def test_the_jobs_have_the_structure_of_gitlab():
    assert set(GITLAB) == {"weekly", "pages"}
    wanted = {"image", "timeout", "resource_group", "rules", "variables", "script", "artifacts"}
    assert set(JOB) == wanted
    assert all(isinstance(line, str) for line in JOB["script"] + PAGES["script"])
    assert all(isinstance(value, str) for value in JOB["variables"].values())
    assert JOB["artifacts"]["when"] == PAGES["rules"][0]["when"] == "always"
    assert PAGES["needs"] == ["weekly"]
    assert set(PAGES["artifacts"]["paths"]) <= set(JOB["artifacts"]["paths"])


def test_an_alarm_keeps_neither_history_nor_page_from_being_saved():
    for part in ("gh release upload", "tailqa weekly"):
        assert step(part)["if"] == "always() && steps.take.outcome == 'success'"
    assert step("gh release download")["id"] == "take"
    after = STEPS.index(step("tailqa weekly")) + 1
    assert all(each["if"] == "always()" for each in STEPS[after:])
    assert STEPS.index(step("gh release upload")) < STEPS.index(step("tailqa gate"))


def test_all_say_the_same():
    given = {name: value for name, value in JOB["variables"].items() if name != "KEPT"}
    assert given == GITHUB["env"]
    lines = CRONTAB.splitlines()
    cron = dict(line.split("=", 1) for line in lines[:-1])
    models = {"TEACHER", "STUDENT", "SUITE"}
    assert {name: cron[name] for name in models} == {name: given[name] for name in models}
    when = GITHUB[True]["schedule"][0]["cron"]
    assert lines[-1] == f"{when} /srv/tailqa/weekly.sh"
    assert f"`{when}`" in DOCS
    for name in ("TAILQA_STORE", "TAILQA_DB"):
        assert f"{name}={given[name]}" in SCRIPT


def test_a_comparison_that_failed_keeps_the_page_from_nothing(bash, tmp_path):
    """With a tailqa that says what it was asked and fails as it is told."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "weekly.sh").write_text(SCRIPT)
    tailqa = tmp_path / "bin" / "tailqa"
    tailqa.write_text('#!/bin/sh\necho "$1"\n[ "$1" = compare ] && exit "$FAILS"\nexit 0\n')
    tailqa.chmod(0o755)
    failed = bash("sh weekly.sh", tmp_path, FAILS="3", **EMBEDDED)
    assert (failed.returncode, failed.stdout.split()) == (3, ["compare", "weekly"])
    finished = bash("sh weekly.sh", tmp_path, FAILS="0", **EMBEDDED)
    assert (finished.returncode, finished.stdout.split()) == (0, ["compare", "gate", "weekly"])


@pytest.mark.slow
def test_the_script_of_cron_runs_on_the_embedded_pair(bash, tmp_path):
    """Two queries per stratum decide nothing and are too few for a week, so this ends with 2."""
    (tmp_path / "weekly.sh").write_text(SCRIPT)
    first = bash("sh weekly.sh", tmp_path, **EMBEDDED)
    assert (first.returncode, first.stderr) == (2, "")
    assert FROM_THE_STORE.format(0, 0) in first.stdout
    assert (tmp_path / "page" / "weekly.html").is_file()
    assert (tmp_path / "page" / "weekly.md").is_file()


@pytest.mark.slow
def test_the_steps_of_github_run_on_the_embedded_pair(bash, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    variables = GITHUB["env"] | EMBEDDED | {"RELEASE": str(tmp_path / "release")}
    take, upload = step("gh release download"), step("gh release upload")

    lost = bash(take["run"], tmp_path, FIRST="", **variables)
    assert lost.returncode != 0
    assert bash(take["run"], tmp_path, FIRST="true", **variables).returncode == 0
    compared = bash(step("tailqa compare")["run"], tmp_path, **variables)
    assert (compared.returncode, compared.stderr) == (0, "")
    assert FROM_THE_STORE.format(0, 0) in compared.stdout
    assert bash(upload["run"], tmp_path, **variables).returncode == 0
    gated = bash(step("tailqa gate")["run"], tmp_path, **variables)
    assert (gated.returncode, gated.stderr) == (2, "")
    (tmp_path / "kept").rename(tmp_path / "kept-on-the-last-runner")

    assert bash(take["run"], tmp_path, FIRST="", **variables).returncode == 0
    reported = bash(step("tailqa weekly")["run"], tmp_path, **variables)
    assert (reported.returncode, reported.stderr) == (0, "")
    assert (tmp_path / step("pages-artifact")["with"]["path"] / "index.html").is_file()
    kept = step("upload-artifact")["with"]["path"].split()
    assert [name for name in kept if not (tmp_path / name).exists()] == []
    summary = (tmp_path / "summary.md").read_text("utf-8")
    assert summary.startswith("## INCONCLUSIVE")
    assert (tmp_path / "page" / "weekly.md").read_text("utf-8") in summary


@pytest.mark.slow
def test_the_script_of_gitlab_runs_on_the_embedded_pair(bash, tmp_path, registry):
    address, files = registry
    of_gitlab = {"CI_API_V4_URL": address, "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": "token-of-the-job"}
    given = {k: string.Template(v).substitute(of_gitlab) for k, v in JOB["variables"].items()}
    variables = given | EMBEDDED | of_gitlab | {"NO_PROXY": "127.0.0.1"}
    install, *script = JOB["script"]
    assert "pip install" in install

    files["/api/v4/projects/7/packages/generic/weekly/1/responses.db"] = b""
    lost = bash("\n".join(script), tmp_path, FIRST="", **variables)
    assert lost.returncode == 22  # curl: the server said 404 of the history
    assert not (tmp_path / "outputs").exists()

    first = bash("\n".join(script), tmp_path, FIRST="true", **variables)
    assert first.returncode == 2
    assert FROM_THE_STORE.format(0, 0) in first.stdout
    assert sorted(path.rpartition("/")[2] for path in files) == ["history.db", "responses.db"]
    artifacts = JOB["artifacts"]["paths"]
    assert [name for name in artifacts if not (tmp_path / name).exists()] == []
    assert bash(PAGES["script"][0], tmp_path).returncode == 0

    runner = tmp_path / "next-week"
    runner.mkdir()
    again = bash("\n".join(script[:4]), runner, FIRST="", **variables)
    assert again.returncode == 0
    assert FROM_THE_STORE.format(8, 8) in again.stdout
