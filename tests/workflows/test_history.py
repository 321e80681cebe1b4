"""Run folders → what the history keeps of them."""

import hashlib
from dataclasses import replace

import pytest

from tailqa.core.errors import HistoryError, ResultError, TailqaError
from tailqa.core.estimate import Estimate
from tailqa.core.history import FACETS
from tailqa.core.operations import Operations, OptionCost
from tailqa.core.report import Fingerprint, Report, Requirement
from tailqa.history import open_history
from tailqa.workflows.history import add_finished, add_runs, kept_run, kept_runs, prune
from tailqa.workflows.history_facets import facets
from tailqa.workflows.history_run import new_run
from tests.report.conftest import estimate, make_report
from tests.workflows.history_runs import HEAD, TAIL, made, saved


def operations() -> Operations:
    figures = {"attempts": estimate(1.2, 1.1, 1.3), "uncaught": estimate(0.1, 0.0, 0.2)}
    return Operations(
        name="chat",
        digest="c" * 64,
        pipeline={},
        options=(OptionCost(option="escalated", scope="all traffic", figures=figures),),
        stages=(),
        checks=(),
        traps=(),
        break_evens=(),
        amdahl=None,
        icc_effects=(),
        speeds=(),
        assumptions=(),
        level=0.95,
        n_resamples=100,
        n_requests=100,
        seed=0,
    )


def test_a_run_becomes_what_is_kept():
    run = made(operations=operations(), seed=3)
    timed = replace(
        run.report.latency[1], raw_query_ids=("b", "a", "c"), raw_answer_s=(0.5, 0.25, 1.0)
    )
    assert (timed.stratum, timed.side) == ("head/plain", "student")
    made_of = new_run(
        replace(run, report=replace(run.report, latency=(timed,))), "folder", "d" * 64
    )
    kept = made_of.kept
    assert (kept.run, kept.name, kept.date) == ("d" * 64, "folder", "2026-11-23")
    assert (kept.student, kept.teacher) == ("demo:student", "demo:teacher")
    assert kept.build == f"demo:student ({'77d0' * 2})"
    assert (kept.suite, kept.suite_version, kept.suite_digest) == ("demo", "1", "c0de" * 16)
    assert (kept.verdict, kept.policy, kept.pipeline, kept.seed) == ("fail", "default", "chat", 3)
    assert (kept.tailqa_version, kept.format_version) == ("0.1.0", 1)
    [head, tail] = kept.strata
    assert (head.cells, head.margin, head.kind) == ((1, 1, 0, 0), 0.05, "head")
    assert (tail.failed, tail.ungraded, tail.tier) == (1, 1, "critical")
    figures = {(item.scope, item.who, item.figure): item.measured for item in kept.figures}
    assert figures["all traffic", "escalated", "attempts"] == estimate(1.2, 1.1, 1.3)
    assert figures["head/plain", "student", "answer_p95_s"] == timed.answer_p95_s
    assert (
        figures["tail/phrasing", "teacher", "tokens_per_query"]
        == run.report.cost[2].tokens_per_query
    )
    assert not any(figure == "uncaught" for _, _, figure in figures)
    assert [query.query_id for query in made_of.queries] == ["a", "b", "c"]
    assert made_of.queries[1].choices == ("x", "y")
    assert made_of.queries[2].prompt == "Q: what is c?\nA:"
    said = {(answer.query_id, answer.side): answer for answer in made_of.answers}
    marks = {key: answer.mark for key, answer in said.items()}
    assert marks == {
        ("a", "teacher"): "1",
        ("a", "student"): "1",
        ("b", "teacher"): "1",
        ("b", "student"): "0",
        ("c", "teacher"): "u",
        ("c", "student"): "f",
    }
    assert said["b", "student"].answer_s == 0.5
    assert said["b", "teacher"].answer_s is None
    assert said["c", "student"].text == ""


def test_the_margin_is_that_of_the_stratum():
    def rule(**changes: object) -> Requirement:
        values = {"name": "n", "tier": "critical", "outcome": "pass", "detail": ""} | changes
        return Requirement(**values)  # type: ignore[arg-type]

    rules = (
        rule(quantity="retention", stratum="head/plain", limit=0.9),
        rule(quantity="gap", stratum="tail/x", limit=-0.08),
        rule(quantity="overall gap", limit=-0.01),
    )
    run = made()
    verdict = replace(run.report.verdict, requirements=rules, margin=None)
    kept = new_run(replace(run, report=replace(run.report, verdict=verdict)), "f", "d" * 64).kept
    assert [found.margin for found in kept.strata] == [None, 0.08]


def test_every_facet_has_a_short_text():
    said = facets(made().report)
    assert tuple(said) == FACETS
    assert said == {
        "student": "77d077d077d0",
        "teacher": "9f2c9f2c9f2c",
        "data": "version 1, digest c0dec0dec0de",
        "template": "none",
        "tokenizer": "51ab51ab51ab",
        "dtype": "float32",
        "engine": "transformers",
        "settings": "seed 0, temperature 0.0, max_tokens 96",
        "versions": "python 3.11.7, tailqa 0.1.0, torch 2.13.0",
        "hardware": "x86_64, 2 cores, on cpu",
        "pipeline": "none",
    }


def changed(report: Report, side: str, **fields: object) -> Report:
    return replace(report, **{side: replace(getattr(report, side), **fields)})  # type: ignore[arg-type]


REPORT = make_report([HEAD, TAIL])
PRINT = REPORT.fingerprint


@pytest.mark.parametrize(
    ("other", "facet", "said"),
    [
        (changed(REPORT, "student", weights="bnb-4bit"), "student", "77d077d077d0, bnb-4bit"),
        (changed(REPORT, "teacher", weights_digest="a" * 64), "teacher", "a" * 12),
        (
            changed(REPORT, "student", template_digest="e" * 64),
            "template",
            f"teacher none, student {'e' * 12}",
        ),
        (
            changed(REPORT, "student", dtype="bfloat16"),
            "dtype",
            "teacher float32, student bfloat16",
        ),
        (
            changed(REPORT, "teacher", device="cuda:1"),
            "hardware",
            "x86_64, 2 cores, on teacher cuda, student cpu",
        ),
        (replace(REPORT, seed=5), "settings", "seed 5, temperature 0.0, max_tokens 96"),
        (
            replace(REPORT, fingerprint=replace(PRINT, versions={"torch": "2.14.0"})),
            "versions",
            "torch 2.14.0",
        ),
        (
            replace(REPORT, operations=operations()),
            "pipeline",
            "name chat, digest cccccccccccc",
        ),
    ],
)
def test_one_change_is_a_change_of_one_facet(other, facet, said):
    before, after = facets(REPORT), facets(other)
    assert after[facet] == said
    assert {name for name in FACETS if before[name] != after[name]} == {facet}


def test_what_changes_no_answer_is_in_no_facet():
    other = changed(REPORT, "student", name="builds/week-31")
    options = {**PRINT.options, "batch_size": 8, "speed": 0, "num_fewshot": None}
    other = replace(
        changed(other, "teacher", device="cpu:0"),
        fingerprint=Fingerprint(versions=PRINT.versions, options=options, hardware=PRINT.hardware),
    )
    assert facets(other) == facets(REPORT)


@pytest.mark.parametrize(
    ("name", "revision", "followed"),
    [
        ("acme/small@b1", None, "acme/small"),
        ("small@b1", None, "small"),
        ("acme/small@b1", "9a1b", "acme/small"),
        ("/models/week@3/small", None, "/models/week@3/small"),
        ("../small@b1", None, "../small@b1"),
        ("acme/small", None, "acme/small"),
    ],
)
def test_builds_are_followed_without_their_revision(name, revision, followed):
    student = replace(made().report.student, name=name, revision=revision, weights_digest=None)
    run = replace(made(), report=replace(made().report, student=student))
    kept = new_run(run, "folder", "d" * 64).kept
    assert kept.student == followed
    assert kept.build.startswith(name)


def test_folders_are_added_by_date_and_once(tmp_path):
    db = tmp_path / "history.db"
    folders = [saved(tmp_path / day, day) for day in ("2026-11-16", "2026-11-02", "2026-11-09")]
    first = add_runs(folders, db, student="bot")
    assert [added.run.date for added in first] == ["2026-11-02", "2026-11-09", "2026-11-16"]
    assert {(added.run.student, added.new) for added in first} == {("bot", True)}
    assert [added.new for added in add_runs([folders[0] / "result.json"], db)] == [False]
    assert len(kept_runs(db, student="bot", suite="demo", since="2026-11-09")) == 2
    assert len(kept_runs(db, since="9999w", until="2026-11-15")) == 2
    for since, said in (("soon", "give 12w, 90d or a day"), ("0d", "at least 1d")):
        with pytest.raises(TailqaError, match=said):
            kept_runs(db, since=since)
    content = (folders[1] / "result.json").read_bytes()
    assert kept_run(db, "2026-11-02").run == hashlib.sha256(content).hexdigest()
    assert isinstance(first[0].run.figures[0].measured, Estimate)


def test_a_folder_without_a_run_is_found_before_anything_is_added(tmp_path):
    db = tmp_path / "history.db"
    good = saved(tmp_path / "good", "2026-11-02")
    with pytest.raises(ResultError, match="does not exist"):
        add_runs([good, tmp_path / "absent"], db)
    assert not db.exists()


def test_a_fault_says_what_was_added_before_it(tmp_path):
    db = tmp_path / "history.db"
    good = saved(tmp_path / "good", "2026-11-02")
    changed_suite = replace(made().report.suite, digest="0" * 64)
    bad = saved(tmp_path / "bad", "2026-11-09", suite=changed_suite)
    with pytest.raises(HistoryError, match=r"^bad: the suite .*\nAdded before that: good$"):
        add_runs([bad, good], db)
    assert [run.name for run in kept_runs(db)] == ["good"]
    with pytest.raises(HistoryError, match=rf"(?s)^bad: .*The run is in {bad}, .* add {bad} adds"):
        add_finished(bad, db)


def test_a_name_that_nobody_has_is_refused(tmp_path):
    db = tmp_path / "history.db"
    add_runs([saved(tmp_path / "run", "2026-11-02")], db)
    with pytest.raises(HistoryError, match=r"no run of the student bot; it has demo:student$"):
        kept_runs(db, student="bot")
    with pytest.raises(HistoryError, match=r"no run of the suite x; it has demo$"):
        kept_runs(db, suite="x")
    open_history(tmp_path / "empty.db").close()
    with pytest.raises(HistoryError, match="it has nothing yet"):
        kept_runs(tmp_path / "empty.db", student="bot")


def test_pruning_can_be_rehearsed(tmp_path):
    db = tmp_path / "history.db"
    add_runs([saved(tmp_path / day, day) for day in ("2026-11-02", "2026-11-09")], db)
    for _ in range(2):
        rehearsed = prune(db, "2026-11-20", keep=1, dry_run=True)
        assert ([run.date for run in rehearsed.runs], rehearsed.kept) == (["2026-11-02"], 1)
    assert prune(db, "2026-11-20", keep=1) == rehearsed
    assert [run.date for run in kept_runs(db)] == ["2026-11-09"]
    assert prune(db, "2026-11-01").runs == ()


def test_pruning_everything_has_to_be_meant(tmp_path):
    db = tmp_path / "history.db"
    add_runs([saved(tmp_path / day, day) for day in ("2026-11-02", "2026-11-09")], db)
    with pytest.raises(
        HistoryError,
        match=r"would leave .* without a run .2 to remove.; --keep 1 .* --yes removes them all",
    ):
        prune(db, "2026-11-10")
    with pytest.raises(HistoryError, match=r"^--before 2999-01-01 lies in the future; today is 2"):
        prune(db, "2999-01-01", keep=1)
    assert prune(db, "2026-11-10", dry_run=True).kept == 0
    assert len(kept_runs(db)) == 2
    assert prune(db, "2026-11-10", every=True).kept == 0
    assert prune(db, "2026-11-10").runs == kept_runs(db) == ()
