"""Whether a bench is of the models of a run, and at which length of prompts it is read."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tailqa.core.errors import TailqaError
from tailqa.cost.load import load_pipeline
from tailqa.workflows.bench_models import check_bench_models
from tailqa.workflows.scenes import scene_of
from tests.report.conftest import make_report
from tests.workflows.costed_runs import PROMPT, Benched, answers, made, once

REPORT = make_report()
COMMIT = "1f3a" * 10
RUN = {"weights_digest": None, "tokenizer_digest": None}
"""What an imported run may lack."""


def check(measured, ran):
    """The student as measured and as in the run, each with what is not as usual."""
    bench = SimpleNamespace(
        model=lambda side: SimpleNamespace(
            info=REPORT.teacher if side == "teacher" else replace(REPORT.student, **measured)
        )
    )
    check_bench_models(bench, replace(REPORT, student=replace(REPORT.student, **ran)))


@pytest.mark.parametrize(
    ("measured", "ran"),
    [
        ({}, {}),
        # The same weights under another name, or on the device where they will be served.
        ({"name": "elsewhere/student", "device": "cuda:0", "engine": "other"}, {}),
        ({"name": "demo:student"}, RUN),
        ({"name": "models/small"}, {"name": "org/small", **RUN}),
        ({"name": "org/small@v2", "revision": COMMIT}, {"name": "org/small", **RUN}),
        # A commit of a hub says nothing of the digest of the files.
        ({"name": "small"}, {"name": "org/small", "weights_digest": COMMIT}),
        ({}, {"dtype": "not recorded", **RUN}),
        ({}, {"name": "not recorded", **RUN}),
        ({"weights": "bnb-4bit"}, RUN),
    ],
)
def test_the_same_models_pass(measured, ran):
    check(measured, ran)


@pytest.mark.parametrize(
    ("measured", "ran", "says"),
    [
        (
            {"name": "small", "weights_digest": "00aa" * 16},
            {},
            r"another student than the run asked: small \(weights 00aa00aa00aa, float32\), in the "
            r"run demo:student \(weights 77d077d077d0, float32\); run tailqa bench",
        ),
        ({"dtype": "bfloat16"}, {}, "bfloat16"),
        ({"weights": "bnb-4bit"}, {}, "kept as bnb-4bit"),
        ({"name": "org/small"}, {"name": "org/large", **RUN}, "weights not recorded"),
        ({"weights_digest": "2b" * 20}, {"weights_digest": COMMIT}, "another student"),
    ],
)
def test_other_models_are_refused(measured, ran, says):
    with pytest.raises(TailqaError, match=says):
        check(measured, ran)


def test_an_import_can_be_given_the_names_of_the_bench():
    report = replace(
        REPORT,
        student=replace(REPORT.student, name="small", **RUN),
        fingerprint=replace(REPORT.fingerprint, options={"imported from": "a table"}),
    )
    bench = SimpleNamespace(model=lambda side: SimpleNamespace(info=getattr(REPORT, side)))
    with pytest.raises(TailqaError, match=r"run again with --student-name demo:student$"):
        check_bench_models(bench, report)


def test_models_that_changed_places_are_refused():
    infos = {"teacher": REPORT.student, "student": REPORT.teacher}
    bench = SimpleNamespace(model=lambda side: SimpleNamespace(info=infos[side]))
    with pytest.raises(TailqaError, match=r"another teacher.*teacher first"):
        check_bench_models(bench, REPORT)


def test_a_server_slows_down_as_at_the_lengths_of_the_trace(tmp_path):
    """Prompts have 4 tokens in the run and 100 in the trace."""
    (tmp_path / "trace.csv").write_text("when,prompt\n0,80\n1,120\n")
    (tmp_path / "line.yaml").write_text(
        "version: 1\nname: traced\n"
        "stages: [{name: generation, model: true, concurrency: 4}]\n"
        "arrivals: {kind: trace, file: trace.csv, timestamp: when, context_tokens: prompt}\n"
    )
    pipeline = load_pipeline(tmp_path / "line.yaml")
    rows = [a for side in ("teacher", "student") for a in answers("head", side, once(9, 3), 5)]
    bench = Benched({1: 0.01, 4: 0.02}, {1: 0.01, 4: 0.03}, lengths=(PROMPT, 100))
    run = made(rows, weights={"head": 1.0})
    found = scene_of(run, pipeline, resamples=1, seed=0, bench=bench).speeds
    assert [speed.slowdown[-1] for speed in found] == pytest.approx([3, 3])
