"""Both models in memory where they fit; else one after the other, with the reason."""

import gc
import logging

import pytest

from tailqa.core.errors import ModelError
from tailqa.core.estimate import TooFew
from tailqa.core.ports import Silent
from tailqa.workflows.asking import Options
from tailqa.workflows.compare import run_compare
from tailqa.workflows.models import Loading, choose
from tailqa.workflows.residency import reason_to_part

PAIR = ("demo:teacher", "demo:student")
BYTES = 4 * (2_070_560 + 319_968)
"""Both models of the embedded pair in float32."""


class Counting(Silent):
    """Counts the models that are in memory when each side begins."""

    def __init__(self):
        self.loaded = {}

    def start(self, task, total):
        self.loaded[task] = sum(
            type(thing).__name__ == "LlamaForCausalLM" for thing in gc.get_objects()
        )


def run(out, free, **options):
    watcher = Counting()
    chosen = Options(limit=4, speed=4, out=out, dtype="float32", pipeline="none", **options)
    report = run_compare(*PAIR, "demo", chosen, progress=watcher, free=free).report
    return report, watcher


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    return run(tmp_path_factory.mktemp("together"), lambda device: 100 * BYTES)


def test_models_that_fit_are_in_memory_together(together):
    report, watcher = together
    assert report.latency
    assert not [finding for finding in report.findings if "one after the other" in finding]
    assert watcher.loaded["teacher"] == watcher.loaded["student"]


def test_models_that_do_not_fit_run_one_after_the_other(together, tmp_path, caplog):
    before = sum(type(thing).__name__ == "LlamaForCausalLM" for thing in gc.get_objects())
    with caplog.at_level(logging.WARNING, logger="tailqa"):
        report, watcher = run(tmp_path, lambda device: BYTES, fidelity=True)
    assert watcher.loaded == {"teacher": before + 1, "student": before + 1}
    (reason,) = [finding for finding in report.findings if "one after the other" in finding]
    assert reason in caplog.text
    assert "do not fit together in 80% of the 0.01 GiB that are free on cpu" in reason
    assert report.latency == ()
    assert any("Fidelity was not measured" in finding for finding in report.findings)
    assert all(isinstance(cost.seconds_per_correct, TooFew) for cost in report.cost)
    assert report.strata == together[0].strata


def test_a_missing_student_is_found_before_the_teacher_runs(tmp_path):
    watcher = Counting()
    with pytest.raises(ModelError, match="no-such-folder"):
        run_compare(
            "demo:teacher", "./no-such-folder", "demo", Options(out=tmp_path), progress=watcher
        )
    assert watcher.loaded == {}


@pytest.mark.parametrize(
    ("n_bytes", "parted"), [(BYTES / 0.8 + 10, False), (BYTES / 0.8 - 10, True), (None, False)]
)
def test_the_limit_is_a_share_of_what_is_free(n_bytes, parted):
    models = choose(*PAIR, Loading(device="cpu", dtype="float32"))
    asked = []

    def free(device):
        asked.append(device)
        return n_bytes

    assert (reason_to_part(models, free) is not None) is parted
    assert asked == ["cpu"]


def test_names_tell_two_ways_to_run_one_model_apart():
    loading = Loading(
        teacher_args="dtype=float32", student_args="quantization=torchao-int8,peft=./a/tuned"
    )
    teacher, student = choose("demo:teacher", "demo:teacher", loading)
    assert teacher.name == "demo:teacher, float32"
    assert student.name == "demo:teacher, ./a/tuned, torchao-int8"


def test_sides_go_before_both():
    loading = Loading(device="cuda", student_device="cpu", dtype="float16")
    assert [one.device for one in choose(*PAIR, loading)] == ["cuda", "cpu"]
    with pytest.raises(ModelError, match="is no argument of a model"):
        choose(*PAIR, Loading(student_args="bits=4"))
