"""The fidelity pass of a comparison on the embedded pair."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tailqa.core.answer import Answered, Attempt, Failed, Pair, Scored
from tailqa.core.errors import TailqaError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.ports import Request, Silent
from tailqa.core.query import Query
from tailqa.demo import model_folder
from tailqa.engine import answer_fidelity, open_engine, shared_vocabulary
from tailqa.stats import ranking_auc
from tailqa.workflows.asking import Options
from tailqa.workflows.compare import Finished, run_compare
from tailqa.workflows.fidelity import add_fidelity, read_text
from tailqa.workflows.runs import load_report
from tailqa.workflows.suites import load_suite
from tests.engine.conftest import make_folder

TEXT = "What is three plus four? Take nine from twelve, then add two. " * 60


def run(out: Path, student: str = "demo:student", **options: object) -> Finished:
    settings = {"limit": 8, "speed": 0, "out": out, "fidelity": True, "pipeline": "none"}
    return run_compare("demo:teacher", student, "demo", Options(**(settings | options)))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def finished(outputs) -> Finished:
    (outputs / "text.txt").write_text(TEXT)
    return run(outputs, fidelity_texts=outputs / "text.txt")


@pytest.fixture(scope="module")
def engines():
    return [open_engine(str(model_folder(side)), device="cpu") for side in ("teacher", "student")]


def test_every_stratum_all_traffic_and_the_texts_are_there(finished):
    results = finished.report.fidelity
    assert [result.scope for result in results] == ["stratum"] * 4 + ["all", "texts"]
    names = [stratum.name for stratum in finished.report.strata]
    assert [result.name for result in results[:4]] == names
    assert [result.n_queries for result in results] == [8] * 4 + [32, results[5].n_queries]
    whole = results[4]
    assert whole.n_positions == sum(result.n_positions for result in results[:4])
    assert whole.kl.n == whole.n_positions
    weights = [stratum.weight for stratum in finished.report.strata]
    for figure in ("kl", "reverse_kl", "acceptance", "same_top1", "never_diverged"):
        parts = [getattr(result, figure).value for result in results[:4]]
        assert getattr(whole, figure).value == pytest.approx(np.dot(weights, parts)), figure


def test_the_figures_are_possible(finished):
    for result in finished.report.fidelity:
        assert 0 < result.kl.low < result.kl.value < result.kl.high
        assert result.kl_p50.value < result.kl_p90.value
        assert 0 < result.same_top1.low <= result.same_top1.value <= result.same_top1.high <= 1
        assert 0 < result.acceptance.value < 1
        assert result.perplexity_ratio.low > 0
        assert 0 <= result.never_diverged.low < result.never_diverged.high <= 1
    assert isinstance(finished.report.fidelity[0].kl_p999, TooFew)
    assert finished.report.fidelity[5].flip_auc == TooFew(
        reason="given texts are neither right nor wrong", n=0
    )


def test_the_report_says_how_it_was_made_and_is_read_back(finished):
    options = finished.report.fingerprint.options
    assert options["fidelity"] is True
    assert len(options["fidelity_texts"]) == 64
    assert load_report(finished.folder) == finished.report
    assert "<h2>Fidelity</h2>" in (finished.folder / "report.html").read_text("utf-8")


def test_without_the_flag_there_is_none_and_an_older_result_loads(outputs):
    plain = run(outputs, fidelity=False, limit=2)
    assert plain.report.fidelity == ()
    assert "fidelity" not in plain.report.fingerprint.options
    saved = plain.folder / "result.json"
    values = json.loads(saved.read_text())
    assert values.pop("fidelity") == []
    saved.write_text(json.dumps(values))
    assert load_report(plain.folder) == plain.report


def test_a_model_is_faithful_to_itself(outputs):
    whole = run(outputs, "demo:teacher").report.fidelity[4]
    assert (whole.kl.low, whole.kl.value, whole.kl.high) == (0, 0, 0)
    assert (whole.acceptance.value, whole.perplexity_ratio.value) == (1, 1)
    assert (whole.same_top1.value, whole.same_top1.high) == (1, 1)
    assert 0.7 < whole.same_top1.low < 1
    assert whole.never_diverged.value == 1
    assert isinstance(whole.first_divergence_tokens, TooFew)
    assert isinstance(whole.flip_auc, TooFew)


def test_another_vocabulary_is_a_finding_and_the_comparison_goes_on(outputs, tmp_path):
    other = make_folder(tmp_path / "other", "llama")
    report = run(outputs, str(other), limit=2).report
    assert report.fidelity == ()
    [finding] = [finding for finding in report.findings if "Fidelity" in finding]
    assert finding.startswith("Fidelity was not measured: the vocabularies differ: ")
    assert report.strata[0].n + report.strata[0].failed + report.strata[0].ungraded == 2


def test_models_that_do_not_fit_together_have_no_fidelity(outputs):
    settings = Options(limit=2, speed=0, out=outputs, fidelity=True, pipeline="none")
    report = run_compare(
        "demo:teacher", "demo:student", "demo", settings, free=lambda device: 1
    ).report
    assert report.fidelity == ()
    assert any("it takes both models in memory together" in item for item in report.findings)


def answered(query_id: str, text: str = "", scores: tuple[float, ...] | None = None) -> Answered:
    attempt = Attempt(
        prompt="", prompt_tokens=1, completion_tokens=1, text=text,
        finish_reason="stop", choice_logprobs=scores,
    )  # fmt: skip
    return Answered(query_id=query_id, attempts=(attempt,))


def pair(n: int, teacher, *, flipped: bool = False, choices: tuple[str, ...] = ()) -> Pair:
    query = Query(
        id=f"q{n}", stratum="head/plain", prompt=f"What is {n} plus 4?", references=("",),
        choices=choices,
    )  # fmt: skip
    right, other = (Scored(scores=(s,), corrects=(bool(s),)) for s in (1.0, float(not flipped)))
    return Pair(
        query=query, teacher=teacher, student=answered(query.id),
        teacher_grade=right, student_grade=other,
    )  # fmt: skip


def measured(finished, engines, pairs):
    bare = replace(finished.report, findings=(), fidelity=())
    return add_fidelity(bare, load_suite("demo"), engines, pairs, None, progress=Silent())


def rows(engines, pairs, texts):
    requests = [
        Request(
            query_id=pair.query.id,
            prompt=pair.query.prompt,
            generation=load_suite("demo").generation,
            choices=(text,),
        )
        for pair, text in zip(pairs, texts, strict=True)
    ]
    vocabulary = shared_vocabulary(*engines)
    return answer_fidelity(*engines, requests, vocabulary=vocabulary, progress=Silent())


def test_empty_failed_and_too_long_answers_are_counted(finished, engines):
    pairs = [
        pair(1, answered("q1", " 1+4=5.")),
        pair(2, answered("q2", "")),
        pair(3, Failed(query_id="q3", reason="out of memory")),
        pair(4, answered("q4", " one" * 400)),
        pair(5, answered("q5", " 5+4=9.")),
    ]
    report = measured(finished, engines, pairs)
    assert report.fidelity[0].n_queries == 2
    assert report.fidelity[1].n_queries == 0
    assert isinstance(report.fidelity[1].kl, TooFew)
    assert isinstance(report.fidelity[4].kl, TooFew)
    assert report.findings == (
        "Without fidelity, as it is empty: 1 of the teacher's 4 answers.",
        "1 of 3 answers were left out of the fidelity: prompt and answer exceed the context of "
        "256 tokens; the first is q4.",
    )


def test_of_choices_the_teachers_own_is_read(finished, engines):
    choices = (" 4", " five", " seven and a half")
    scores = ((-1.0, -2.0, -3.0), (-9.0, -2.0, -1.5), (-4.0, -1.0, -2.0))
    pairs = [
        pair(n, answered(f"q{n}", scores=scores[n]), choices=choices) for n in range(len(scores))
    ]
    found = measured(finished, engines, pairs).fidelity[0]
    expected = rows(engines, pairs, (choices[0], choices[2], choices[1]))
    assert found.n_positions == sum(row.n_positions for row in expected)
    total = sum(row.kl_sum for row in expected)
    assert found.kl.value == pytest.approx(total / found.n_positions)


def test_flips_are_ranked_by_the_mean_kl_of_their_query(finished, engines):
    texts = [f" {n}+4={n + 4 + n % 3}." for n in range(16)]
    pairs = [pair(n, answered(f"q{n}", texts[n]), flipped=n % 3 == 1) for n in range(16)]
    found = measured(finished, engines, pairs).fidelity[0]
    kl = [row.mean_kl for row in rows(engines, pairs, texts)]
    expected = ranking_auc(kl[1::3], [value for n, value in enumerate(kl) if n % 3 != 1])
    assert isinstance(found.flip_auc, Estimate)
    assert found.flip_auc.value == pytest.approx(expected.value)
    assert found.flip_auc.n == 16


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"abc \xff", "is not UTF-8 at byte 4"), (b" \n", "holds no text")],
)
def test_a_text_that_cannot_be_read_is_refused(tmp_path, content, said):
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TailqaError, match=said):
        read_text(file)
    with pytest.raises(TailqaError, match=r"text\.txt"):
        run(tmp_path, fidelity_texts=file)
    assert not list(tmp_path.glob("*.db"))
