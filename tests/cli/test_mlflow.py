"""`--mlflow` as a user runs it, against a real MLflow server that the test starts."""

import hashlib
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from mlflow import MlflowClient

from tailqa import cli
from tailqa.core.report import Run
from tailqa.report.gate_markdown import render_gate_markdown
from tailqa.report.result import load_report, save_report
from tailqa.report.run import write_run
from tailqa.tracking.content import metrics, parameters
from tailqa.workflows.compare import Finished
from tailqa.workflows.gate import gate
from tests.cli.mlflow_server import asked, downloaded, mlflow_server
from tests.cli.test_gate import FAILS, HEAD, PASSES, POLICY, STRADDLES
from tests.report.conftest import make_report, row

pytest.importorskip("flask", reason="MLflow's server needs flask and flask-cors")

ON = ("--policy", "mine.yaml", "--date", "2026-11-24")
MODEL = "qa-student"
ALIAS = "tailqa-passed"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        client = MlflowClient(tracking_uri=url)
        client.create_registered_model(MODEL)
        for _ in range(2):
            client.create_model_version(MODEL, source="s3://models/qa-student")
        yield url


@pytest.fixture
def client(server):
    return MlflowClient(tracking_uri=server)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Saves a run with this tail and this seed in the folder that commands are run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "mine.yaml").write_text(POLICY)

    def save(tail=PASSES, seed: int = 0) -> Path:
        head = replace(HEAD, both=176, student_only=1, teacher_only=1)
        report = make_report([head, tail], seed=seed, latency=(), cost=())
        answers = (row("q1", "tail/x", "teacher"), row("q1", "tail/x", "student"))
        write_run(Run(report=report, answers=answers), Path("run"))
        return Path("run")

    return save


@pytest.fixture
def here(capfd):
    """Runs the command line in this process, which has MLflow loaded."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(end.value.code or 0), out, err

    return call


def logged(client: MlflowClient, experiment: str = "tailqa"):
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def alias(client: MlflowClient) -> str | None:
    """The version that has the alias."""
    return client.get_registered_model(MODEL).aliases.get(ALIAS)


@pytest.mark.slow  # the server and MLflow itself take seconds to start
def test_a_passed_gate(tailqa, run, server, client, tmp_path):
    client.set_registered_model_alias(MODEL, ALIAS, "1")
    folder = run()
    flags = ("--mlflow-experiment", "nightly", "--mlflow-model", f"{MODEL}/2")
    result = tailqa("gate", folder.name, *ON, *flags, TAILQA_MLFLOW=server)
    assert (result.returncode, result.stderr) == (0, "")
    (found,) = logged(client, "nightly")
    _, _, shown = result.stdout.partition("\nPASS  ")
    (record,) = folder.glob("decision_*.json")
    assert shown.splitlines()[3:] == [
        "",
        f"Decision: {record}",
        f"MLflow: {server}/#/experiments/{found.info.experiment_id}/runs/{found.info.run_id}",
        f"MLflow: {MODEL}/2 has the alias {ALIAS}, which version 1 had",
    ]

    report = load_report(folder)
    assert found.data.params == parameters(report)
    assert found.data.metrics == metrics(report)
    assert found.data.metrics["gap/tail/x"] == report.strata[1].gap.value
    verdict = gate(report, tmp_path / "mine.yaml")
    policy = f"mine, digest {verdict.policy_digest[:12]}"
    assert {k: v for k, v in found.data.tags.items() if k.startswith("tailqa.")} == {
        "tailqa.result": hashlib.sha256((folder / "result.json").read_bytes()).hexdigest(),
        "tailqa.verdict": "pass",
        "tailqa.policy": policy,
        "tailqa.version": report.fingerprint.versions["tailqa"],
    }
    assert found.data.tags["mlflow.note.content"] == render_gate_markdown(report, verdict)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "run")
    files = {
        "result.json": folder / "result.json",
        "report.html": folder / "report.html",
        f"gate/{record.name}": record,
    }
    for name, path in files.items():
        assert downloaded(server, found.info.run_id, name) == path.read_bytes()
    assert downloaded(server, found.info.run_id, f"gate/{record.stem}.md").startswith(b"## PASS")

    # Another client, by the interface that MLflow documents.
    told = asked(server, f"mlflow/model-versions/get?name={MODEL}&version=2")["model_version"]
    assert told["aliases"] == [ALIAS]
    assert {tag["key"]: tag["value"] for tag in told["tags"]} == {
        "tailqa.verdict": "pass",
        "tailqa.policy": policy,
        "tailqa.run": found.info.run_id,
    }
    rest = asked(server, f"mlflow/runs/get?run_id={found.info.run_id}")["run"]
    values = {metric["key"]: metric["value"] for metric in rest["data"]["metrics"]}
    assert values["gap_low/tail/x"] == pytest.approx(report.strata[1].gap.low)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tail", "outcome", "code"), [(FAILS, "fail", 1), (STRADDLES, "inconclusive", 2)]
)
def test_a_gate_that_is_not_passed_takes_the_alias_away(
    here, run, server, client, tail, outcome, code
):
    client.set_registered_model_alias(MODEL, ALIAS, "2")
    run(tail)
    on = ("--mlflow", server, "--mlflow-model", f"models:/{MODEL}/2", "--format", "json")
    found, out, err = here("gate", "run", *ON, *on)
    assert found == code
    assert json.loads(out)["verdict"]["outcome"] == outcome
    assert err.splitlines()[-1] == (
        f"MLflow: {MODEL}/2 is tagged {outcome} and no longer has the alias {ALIAS}"
    )
    assert alias(client) is None
    assert client.get_model_version(MODEL, "2").tags["tailqa.verdict"] == outcome


@pytest.mark.slow
def test_a_failed_gate_leaves_the_alias_of_another_version(here, run, server, client):
    client.set_registered_model_alias(MODEL, ALIAS, "1")
    run(FAILS)
    code, out, _ = here("gate", "run", *ON, "--mlflow", server, "--mlflow-model", f"{MODEL}/2")
    assert (code, out.splitlines()[-1]) == (1, f"MLflow: {MODEL}/2 is tagged fail")
    assert alias(client) == "1"


@pytest.mark.slow
def test_a_run_is_there_once_and_its_verdict_is_the_last_one(here, run, server, client):
    run(STRADDLES, seed=7)
    on = ("--mlflow", server, "--mlflow-experiment", "twice")
    assert here("gate", "run", *ON, *on)[0] == 2
    (first,) = logged(client, "twice")
    Path("lax.yaml").write_text(POLICY.replace("0.05", "0.5").replace("mine", "lax"))
    code, out, _ = here("gate", "run", "--policy", "lax.yaml", *on)
    assert code == 0
    assert out.endswith(f"/runs/{first.info.run_id} (it was there already)\n")
    (second,) = logged(client, "twice")
    assert second.info.run_id == first.info.run_id
    assert (second.data.params, second.data.metrics) == (first.data.params, first.data.metrics)
    assert [r.data.tags["tailqa.verdict"] for r in (first, second)] == ["inconclusive", "pass"]
    names = {Path(f.path).name for f in client.list_artifacts(first.info.run_id, "gate")}
    decisions = {path.name for path in Path("run").glob("decision_*.json")}
    assert len(decisions) == 2
    assert names == decisions | {name.replace(".json", ".md") for name in decisions}
    run(STRADDLES, seed=8)
    here("gate", "run", *ON, *on)
    assert len(logged(client, "twice")) == 2


@pytest.mark.slow
def test_what_was_cut_off_is_finished(here, run, server, client, tmp_path):
    folder = run()
    digest = hashlib.sha256((folder / "result.json").read_bytes()).hexdigest()
    experiment = client.create_experiment("cut-off")
    begun = client.create_run(experiment, tags={"tailqa.result": digest})
    report = load_report(folder)
    client.log_param(begun.info.run_id, "teacher", report.teacher.name)
    gap = metrics(report)["overall_gap"]
    client.log_metric(begun.info.run_id, "overall_gap", gap, begun.info.start_time)
    on = ("--mlflow", server, "--mlflow-experiment", "cut-off")
    assert here("gate", "run", *ON, *on)[0] == 0
    (found,) = logged(client, "cut-off")
    assert (found.info.run_id, found.info.status) == (begun.info.run_id, "FINISHED")
    assert found.data.metrics == metrics(report)
    assert len(client.get_metric_history(begun.info.run_id, "overall_gap")) == 1


@pytest.mark.slow
def test_an_unknown_model_version(here, run, server, client):
    client.set_registered_model_alias(MODEL, ALIAS, "1")
    run()
    for model, version in ((MODEL, "99"), ("another", "1")):
        on = ("--mlflow", server, "--mlflow-model", f"{model}/{version}")
        code, out, err = here("gate", "run", *ON, *on)
        assert code == 3
        assert "\nPASS  " in out
        assert err == (
            f"Error: MLflow at {server} has no version {version} of a registered model {model}\n"
            f"The model version {model}/{version} is not marked.\n"
        )
    assert alias(client) == "1"


@pytest.mark.slow
def test_a_pass_that_cannot_be_logged_gives_no_alias_and_a_fail_takes_it(here, run, server, client):
    client.delete_experiment(client.create_experiment("deleted"))
    on = ("--mlflow", server, "--mlflow-experiment", "deleted", "--mlflow-model", f"{MODEL}/1")
    client.set_registered_model_alias(MODEL, ALIAS, "2")
    run()
    code, out, err = here("gate", "run", *ON, *on)
    assert (code, alias(client)) == (3, "2")
    assert "\nPASS  " in out
    assert err.startswith(f"Error: MLflow at {server} refused: ")
    assert err.endswith(
        "Not all of the run in run is in MLflow; once that is mended, tailqa gate run --mlflow URI "
        "logs it.\n"
    )
    client.set_registered_model_alias(MODEL, ALIAS, "1")
    run(FAILS)
    assert here("gate", "run", *ON, *on)[0] == 3
    assert alias(client) is None
    tags = client.get_model_version(MODEL, "1").tags
    assert (tags["tailqa.verdict"], tags["tailqa.run"]) == ("fail", "")
    assert tags["tailqa.policy"].startswith("mine, digest ")


@pytest.mark.slow
def test_compare_logs_every_run_and_marks_by_all_of_them(here, run, server, client, monkeypatch):
    folders = {"one": run(PASSES).rename("one"), "two": run(FAILS).rename("two")}
    client.set_registered_model_alias(MODEL, ALIAS, "1")

    def finished(teacher, student, suite, options, *, progress):
        report = load_report(folders[suite])
        judged = replace(report, verdict=gate(report, options.policy))
        save_report(judged, folders[suite])
        return Finished(run=Run(report=judged), folder=folders[suite], reuse=())

    monkeypatch.setattr("tailqa.workflows.compare.run_compare", finished)
    on = ("--mlflow", server, "--mlflow-experiment", "compared", "--mlflow-model", f"{MODEL}/1")
    policy = ("--policy", "mine.yaml", "--quiet")
    assert here("compare", "--suite", "one", "--suite", "two", *policy, *on) == (1, "", "")
    assert alias(client) is None
    runs = logged(client, "compared")
    assert {r.info.run_name: r.data.tags["tailqa.verdict"] for r in runs} == {
        "one": "pass",
        "two": "fail",
    }
    tag = client.get_model_version(MODEL, "1").tags["tailqa.run"]
    assert set(tag.split(", ")) == {r.info.run_id for r in runs}
    assert here("compare", "--suite", "one", *policy, *on) == (0, "", "")
    assert alias(client) == "1"


NOWHERE = "http://ann:s3cret@127.0.0.1:9"


def test_a_server_that_is_not_there(here, run, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("TAILQA_MLFLOW", NOWHERE)
    folder = run()
    code, out, err = here("gate", "run", *ON, "--mlflow-model", f"{MODEL}/1")
    assert code == 3
    (record,) = folder.glob("decision_*.json")
    assert out.endswith(f"\nDecision: {record}\n")
    assert "\nPASS  " in out
    assert err == (
        "Error: MLflow at http://127.0.0.1:9 cannot be reached: is the server running, and the "
        "address right?\n"
        "Not all of the run in run is in MLflow; once that is mended, tailqa gate run --mlflow URI "
        "logs it.\n"
    )
    # And before hours are spent on a run:
    code, out, err = here("compare", "--out", "outputs")
    assert (code, out) == (3, "")
    assert err.startswith("Error: MLflow at http://127.0.0.1:9 cannot be reached: ")
    assert not Path("outputs").exists()


def test_without_mlflow(here, run, monkeypatch):
    run()
    monkeypatch.setitem(sys.modules, "mlflow", None)
    code, out, err = here("gate", "run", *ON, "--mlflow", NOWHERE)
    assert (code, "\nPASS  " in out) == (3, True)
    assert err.splitlines()[0] == (
        "Error: MLflow is not installed; install it with: pip install 'tailqa[mlflow]'"
    )


BAD = {
    "--mlflow-model needs --mlflow, the server that has the model": ["--mlflow-model", "a/1"],
    "'a' is no model version, as in qa-student/7": ["--mlflow", NOWHERE, "--mlflow-model", "a"],
    "'latest' is no alias that MLflow takes: ": ["--mlflow", NOWHERE, "--mlflow-alias", "latest"],
}


@pytest.mark.parametrize("said", BAD)
def test_bad_arguments(here, said):
    code, out, err = here("gate", "run", *BAD[said])
    assert (code, out) == (3, "")
    assert said in err


def test_compare_judges_no_model_without_a_policy(here):
    code, out, err = here("compare", "--mlflow", NOWHERE, "--mlflow-model", "a/1")
    assert (code, out) == (3, "")
    assert "--mlflow-model needs --policy, which judges it" in err


DOCS = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text("utf-8")


def test_the_page_about_it_names_what_there_is(here):
    for command in re.findall(r"^tailqa .*", DOCS, re.MULTILINE):
        name, *arguments = shlex.split(command)[1:]
        found = cli.tailqa.get_command(click.Context(cli.tailqa), name)
        assert found.make_context(name, arguments).params["mlflow"] == "http://tracker:5000"
    flags = set(re.findall(r"--mlflow[a-z-]*", here("gate", "--help")[1]))
    assert flags == set(re.findall(r"`(--mlflow[a-z-]*)", DOCS))
    names = {name.partition("/")[0] for name in metrics(make_report())}
    told = set(re.findall(r"`([a-z_0-9]+)/(?:…|STRATUM|tail/terminology)`", DOCS))
    assert told <= names
