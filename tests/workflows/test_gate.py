"""Verdicts on whole reports: which test judges what, by counts, clusters, scores and sequences."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

import tailqa
from tailqa import stats
from tailqa.core.errors import InputError, ResultError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.report import (
    FidelityResult,
    GradedScores,
    NoiseFloor,
    NoiseResult,
    Stopping,
    StoppingResult,
    Verdict,
)
from tailqa.gate import Policy, load_policy
from tailqa.report.result import save_report
from tailqa.workflows.decisions import gate_run, shown_policy, write_decision, write_outputs
from tests.report.conftest import make_report, stratum

NONE = TooFew(reason="not looked at by the gate", n=0)
GAP = {"gap": {"margin": 0.05}}
MMLU = Path(__file__).parents[2].parent / "shared" / "data" / "routellm_mmlu_counts.csv"


def policy(defaults=None, **sections):
    return Policy(name="p", defaults=defaults or GAP, **sections)


def requirement(verdict: Verdict, name: str):
    (found,) = [rule for rule in verdict.requirements if rule.name == name]
    return found


def outcomes(verdict: Verdict) -> dict[str, str]:
    return {rule.stratum: rule.outcome for rule in verdict.requirements if rule.quantity == "gap"}


def test_the_built_in_policy_on_the_embedded_pair(report):
    verdict = tailqa.gate(report)
    assert (verdict.outcome, verdict.policy, verdict.margin) == ("fail", "default", 0.05)
    assert verdict.policy_digest == load_policy().digest
    assert outcomes(verdict) == {
        "tail/multi-step": "fail",
        "tail/terminology": "fail",
        "tail/phrasing": "fail",
        "head/plain": "inconclusive",
    }
    # The lowest gap first.
    assert verdict.requirements[0].stratum == "tail/multi-step"


def test_a_policy_by_name_by_path_and_by_value_decides_alike(report, tmp_path):
    file = tmp_path / "same.yaml"
    file.write_text(shown_policy("strict"))
    verdicts = [tailqa.gate(report, given) for given in ("strict", file, load_policy("strict"))]
    assert verdicts[0] == verdicts[1] == verdicts[2]


def test_a_policy_that_names_another_stratum_is_refused(report):
    with pytest.raises(InputError, match=r"strata.tail/typos: matches no stratum of this run"):
        tailqa.gate(report, policy(strata={"tail/typos": {"tier": "critical"}}))


@pytest.mark.skipif(not MMLU.exists(), reason="the real counts are not here")
def test_the_real_counts_of_mmlu():
    with MMLU.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = ("both", "teacher_only", "student_only", "neither")
    cells = {row["dom"]: tuple(int(row[name]) for name in names) for row in rows}
    total = sum(map(sum, cells.values()))
    report = make_report(
        [stratum(name, found, weight=sum(found) / total) for name, found in cells.items()]
    )
    # The published counts are those of 95 % intervals.
    free = policy(
        GAP | {"teacher_floor": 0.0, "min_queries": 1},
        level=0.975,
        overall={"tier": "critical", "margin": 0.05},
    )
    verdict = tailqa.gate(report, free)
    found = list(outcomes(verdict).values())
    assert [found.count(one) for one in ("pass", "fail", "inconclusive")] == [3, 27, 27]
    overall = requirement(verdict, "all traffic: gap")
    assert overall.estimate.value == pytest.approx(-0.124955, abs=5e-7)
    assert (overall.outcome, verdict.outcome) == ("fail", "fail")
    blocked = tailqa.gate(report)
    school = requirement(blocked, "high_school_mathematics: gap")
    assert school.outcome == "inconclusive"
    assert school.detail == (
        "high_school_mathematics: the teacher is right on 3.0 % only, floor 10.0 %: its answers "
        "are no yardstick here"
    )
    assert outcomes(verdict)["high_school_mathematics"] == "pass"


def test_intervals_are_at_the_level_of_the_policy(report):
    at = {
        level: requirement(tailqa.gate(report, policy(level=level)), "head/plain: gap").estimate
        for level in (0.95, 0.99)
    }
    assert at[0.95] == stats.paired_gap((172, 5, 1, 2), level=0.9)
    assert at[0.99] == stats.paired_gap((172, 5, 1, 2), level=0.98)


def test_retention_is_tested_against_its_floor(report):
    verdict = tailqa.gate(report, policy({"retention": {"floor": 0.8}}))
    terminology = requirement(verdict, "tail/terminology: retention")
    assert terminology.estimate == stats.retention((127, 52, 0, 1), level=0.9)
    assert terminology.outcome == "fail"
    assert requirement(verdict, "tail/phrasing: retention").outcome == "pass"
    assert verdict.margin is None


STRADDLING = (150, 14, 10, 26)


def test_what_would_settle_it_makes_it_settled():
    report = make_report([stratum("tail/x", STRADDLING, weight=1.0)])
    for defaults in (GAP, {"retention": {"floor": 0.93}}):
        (first,) = tailqa.gate(report, policy(defaults)).requirements
        assert first.outcome == "inconclusive"
        scale = first.queries_needed / sum(STRADDLING)
        more = tuple(round(2 * scale * cell) for cell in STRADDLING)
        later = tailqa.gate(make_report([stratum("tail/x", more, weight=1.0)]), policy(defaults))
        assert later.outcome == "pass"


CLUSTERS = {f"c{i}": cells for i, cells in enumerate([(16, 4, 0, 0), (20, 0, 0, 0)] * 4)}


def clustered(name="tail/x", **changes):
    total = tuple(sum(column) for column in zip(*CLUSTERS.values(), strict=True))
    return stratum(name, total, weight=0.5, clusters=CLUSTERS, **changes)


def test_clusters_widen_every_interval():
    report = make_report([clustered(), stratum("head", (160, 8, 8, 4), kind="head", weight=0.5)])
    held = policy(
        {"gap": {"margin": 0.08}, "retention": {"floor": 0.9}},
        overall={"margin": 0.05},
        interaction={"margin": 0.05},
    )
    verdict = tailqa.gate(report, held)
    plain = tailqa.gate(make_report([replace(clustered(), clusters={}), report.strata[1]]), held)
    for name in ("tail/x: gap", "tail/x: retention", "all traffic: gap", "tail against head"):
        with_clusters = requirement(verdict, name).estimate
        without = requirement(plain, name).estimate
        assert with_clusters.value == pytest.approx(without.value)
        assert with_clusters.high - with_clusters.low > 1.05 * (without.high - without.low), name
    gap = requirement(verdict, "tail/x: gap")
    assert gap.estimate == stats.clustered_gap(tuple(CLUSTERS.values()), level=0.9)
    assert gap.queries_needed > requirement(plain, "tail/x: gap").queries_needed
    assert requirement(plain, "head: gap").estimate == requirement(verdict, "head: gap").estimate


def test_graded_scores_are_tested_on_the_scores():
    rng = np.random.default_rng(3)
    teacher = rng.random(300)
    graded = GradedScores(
        teacher=tuple(teacher.tolist()),
        student=tuple((teacher * 0.98).tolist()),
        gap=NONE,
        teacher_mean=NONE,
        student_mean=NONE,
    )
    data = stratum("tail/x", (200, 50, 40, 10), weight=1.0)
    held = policy({"score": {"margin": 0.05}})
    verdict = tailqa.gate(make_report([replace(data, graded=graded)]), held)
    (found,) = verdict.requirements
    assert (found.quantity, found.outcome, found.estimate.method) == ("score", "pass", "bca")
    assert found.estimate.level == 0.9
    # The draw is seeded by the run.
    assert tailqa.gate(make_report([replace(data, graded=graded)]), held) == verdict
    (absent,) = tailqa.gate(make_report([data]), held).requirements
    assert absent.outcome == "inconclusive"
    assert "its grader gives right or wrong, no scores" in absent.detail


def stopped(letters: str, name="tail/x", margin=0.05):
    """A report whose stratum `name` was asked in the order of `letters`."""
    cells = tuple(letters.count(letter) for letter in "btsn")
    result = StoppingResult(
        name=name,
        n_available=1000,
        n_asked=len(letters),
        outcome="inconclusive",
        outcomes=letters,
        margin=margin,
        threshold=None,
        path=(),
    )
    stopping = Stopping(
        block=32,
        n_available=1000,
        n_asked=len(letters),
        asked_tokens=0,
        saved_tokens=NONE,
        strata=(result,),
    )
    return make_report([stratum(name, cells, weight=1.0)], stopping=stopping)


def shuffled(**counts: int) -> str:
    letters = [letter for letter, n in counts.items() for _ in range(n)]
    Random(5).shuffle(letters)
    return "".join(letters)


@pytest.mark.parametrize(
    ("letters", "outcome"),
    [
        (shuffled(b=300), "pass"),
        (shuffled(b=100, t=60, n=40), "fail"),
        (shuffled(b=90, t=6, s=2, n=10), "inconclusive"),
    ],
)
def test_a_stopped_stratum_is_judged_by_its_e_process(letters, outcome):
    (gap,) = tailqa.gate(stopped(letters), policy()).requirements
    assert gap.outcome == outcome
    assert (gap.estimate.method, gap.queries_needed) == ("betting", None)
    assert "90 % confidence sequence" in gap.detail
    (kept,) = tailqa.gate(stopped(letters), policy({"retention": {"floor": 0.9}})).requirements
    assert kept.outcome == outcome
    assert isinstance(kept.estimate, TooFew)


def test_a_stopped_run_never_passes_by_a_test_for_fixed_numbers():
    # Tango's interval is inside the margin here; the evidence in sequence is not enough yet.
    letters = shuffled(b=60, n=6)
    fixed = make_report([stratum("tail/x", (60, 0, 0, 6), weight=1.0)])
    assert tailqa.gate(fixed, policy()).outcome == "pass"
    held = policy(
        GAP | {"score": {"margin": 0.05}},
        level=0.975,
        overall={"margin": 0.05, "tier": "critical"},
        interaction={"margin": 0.05, "tier": "critical"},
    )
    verdict = tailqa.gate(stopped(letters), held)
    assert verdict.outcome == "inconclusive"
    for name in ("tail/x: score", "all traffic: gap", "tail against head"):
        assert "this run stopped early" in requirement(verdict, name).detail


def test_the_noise_floor_of_the_report_counts():
    noisy = NoiseResult(name="tail/x", n=200, flipped=20, changed=30, flips=NONE)
    report = make_report(
        [stratum("tail/x", (300, 0, 0, 0), weight=1.0)],
        noise_floor=NoiseFloor(how="again", strata=(noisy,), overall=NONE),
    )
    assert tailqa.gate(report, policy()).outcome == "inconclusive"
    assert tailqa.gate(report, policy({"gap": {"margin": 0.11}})).outcome == "pass"


def fidelity(kl: Estimate) -> FidelityResult:
    rest = dict.fromkeys(FidelityResult.__dataclass_fields__, NONE)
    known = {"name": "all", "scope": "all", "n_queries": 50, "n_positions": 900, "kl": kl}
    return FidelityResult(**(rest | known))


def test_fidelity_over_all_traffic(report):
    kl = Estimate(value=0.03, low=0.02, high=0.04, level=0.95, method="t", n=900)
    held = policy(fidelity={"max_kl": 0.05, "min_acceptance": 0.6})
    with_it = tailqa.gate(replace(report, fidelity=(fidelity(kl),)), held)
    assert requirement(with_it, "fidelity: kl").outcome == "pass"
    assert requirement(with_it, "fidelity: acceptance").outcome == "inconclusive"
    words = "run tailqa compare with --fidelity"
    assert words in requirement(tailqa.gate(report, held), "fidelity: kl").detail
    elsewhere = replace(report.fingerprint, options={"imported from": "Inspect"})
    imported = tailqa.gate(replace(report, fingerprint=elsewhere), held)
    assert words not in requirement(imported, "fidelity: kl").detail
    stricter = held.model_copy(update={"level": 0.99})
    above = tailqa.gate(replace(report, fidelity=(fidelity(kl),)), stricter)
    assert "holds an interval of 95 %" in requirement(above, "fidelity: kl").detail


def test_prompts_that_were_not_recorded_pass_nothing(report):
    held = policy(prompts={"tier": "critical", "max_share": {"bos": 0.0}})
    assert requirement(tailqa.gate(report, held), "prompts: bos").outcome == "pass"
    imported = replace(report, student=replace(report.student, tokenizer_digest=None))
    assert requirement(tailqa.gate(imported, held), "prompts: bos").outcome == "inconclusive"


def test_an_empty_report_is_inconclusive():
    held = policy(overall={"margin": 0.1}, interaction={"margin": 0.1})
    assert tailqa.gate(make_report([]), held).outcome == "inconclusive"


def test_the_record_of_a_decision(report, tmp_path):
    file = save_report(report, tmp_path)
    decided = gate_run(tmp_path, "retention", date="2026-11-24")
    assert decided.record == gate_run(file, "retention", date="2026-11-24").record
    path = write_decision(decided)
    record = json.loads(path.read_text())
    held = load_policy("retention")
    assert path.name == f"decision_2026-11-24_retention_{held.digest[:8]}.json"
    assert record["result_digest"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert record["policy_digest"] == held.digest
    assert record["rules"]["strata"]["head/plain"]["retention"] == {"floor": 0.9}
    assert record["run_versions"] == dict(report.fingerprint.versions)
    assert record["tailqa_version"] == tailqa.__version__
    assert record["verdict"]["outcome"] == decided.verdict.outcome


def test_a_decision_is_never_written_over(report, tmp_path):
    save_report(report, tmp_path)
    first = write_decision(gate_run(tmp_path, date="2026-11-24"))
    assert write_decision(gate_run(tmp_path, date="2026-11-24")) == first
    save_report(replace(report, seed=1), tmp_path)
    again = write_decision(gate_run(tmp_path, date="2026-11-24"))
    others = [
        write_decision(gate_run(tmp_path, date="2026-11-25")),
        write_decision(gate_run(tmp_path, "strict", date="2026-11-24")),
        write_decision(
            gate_run(tmp_path, Policy(name="../../up", defaults=GAP), date="2026-11-24")
        ),
    ]
    assert again.name == f"{first.stem}_2.json"
    assert len({first, again, *others}) == 5
    assert {path.parent for path in (first, again, *others)} == {tmp_path}


def test_a_summary_is_added_to_what_is_there(report, tmp_path):
    save_report(report, tmp_path)
    decided = gate_run(tmp_path, date="2026-11-24")
    summary = tmp_path / "summary.md"
    summary.write_text("# Earlier\n")
    write_outputs(decided, junit=tmp_path / "new" / "junit.xml", summary=summary)
    assert summary.read_text().startswith("# Earlier\n## FAIL: ")
    assert (tmp_path / "new" / "junit.xml").read_text().startswith("<?xml")


def test_a_place_that_cannot_be_written(report, tmp_path):
    save_report(report, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="choose another place with --record"):
        write_decision(gate_run(tmp_path, date="2026-11-24"), tmp_path / "file" / "record.json")


@pytest.fixture
def report():
    return make_report()
