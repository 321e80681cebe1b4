"""A report as parameters and metrics: values as they are, nothing for what is not known."""

from dataclasses import replace

import pytest

from tailqa.core.estimate import TooFew
from tailqa.core.operations import ALL_TRAFFIC, Operations, OptionCost
from tailqa.tracking.content import metrics, parameters
from tests.report.conftest import estimate, make_report, stratum

OPERATIONS = Operations(
    name="chat",
    digest="d1" * 32,
    pipeline={},
    options=(
        OptionCost(
            option="student",
            scope=ALL_TRAFFIC,
            figures={
                "usd_per_resolved": estimate(0.002, 0.001, 0.004),
                "p99_s": estimate(float("inf"), 1.0, float("inf")),
                "mean_s": TooFew(reason="no timed answer", n=0),
            },
        ),
        OptionCost(option="student", scope="tail/x", figures={"mean_s": estimate(1.0, 0.5, 2.0)}),
    ),
    stages=(),
    checks=(),
    traps=(),
    break_evens=(),
    amdahl=None,
    icc_effects=(),
    speeds=(),
    assumptions=(),
    level=0.95,
    n_resamples=1,
    n_requests=1,
    seed=0,
)


def test_the_figures_of_a_stratum():
    report = make_report(
        [replace(stratum("tail/x", (158, 20, 1, 1)), failed=3)], latency=(), cost=()
    )
    found = metrics(report)
    shown = {name: value for name, value in found.items() if name.endswith("/tail/x")}
    assert shown == pytest.approx(
        {
            "n/tail/x": 180,
            "failed/tail/x": 3,
            "ungraded/tail/x": 0,
            "gap/tail/x": -19 / 180,
            "gap_low/tail/x": -19 / 180 - 0.04,
            "gap_high/tail/x": -19 / 180 + 0.04,
            "retention/tail/x": 159 / 178,
            "retention_low/tail/x": 159 / 178 - 0.04,
            "retention_high/tail/x": 159 / 178 + 0.04,
            "flips/tail/x": 21 / 180,
            "flips_low/tail/x": 21 / 180 - 0.04,
            "flips_high/tail/x": 21 / 180 + 0.04,
            "teacher_accuracy/tail/x": 178 / 180,
            "teacher_accuracy_low/tail/x": 178 / 180 - 0.02,
            "teacher_accuracy_high/tail/x": 1.0,
            "student_accuracy/tail/x": 159 / 180,
            "student_accuracy_low/tail/x": 159 / 180 - 0.03,
            "student_accuracy_high/tail/x": 159 / 180 + 0.03,
        }
    )
    assert found["overall_gap"] == report.overall.gap.value
    assert found["interaction_low"] == report.interaction.low


def test_speed_and_cost_of_both_sides():
    report = make_report()
    found = metrics(report)
    speed, cost = report.latency[1], report.cost[1]
    assert found[f"student_answer_p95_s/{speed.stratum}"] == speed.answer_p95_s.value
    assert found[f"student_time_per_output_token_s_high/{speed.stratum}"] == (
        speed.time_per_output_token_s.high
    )
    assert found[f"student_tokens_per_correct/{cost.stratum}"] == cost.tokens_per_correct.value
    assert found[f"teacher_seconds_per_correct/{cost.stratum}"] == (
        report.cost[0].seconds_per_correct.value
    )


def test_a_pipeline_s_figures_of_all_traffic():
    found = metrics(make_report(operations=OPERATIONS))
    assert {name: value for name, value in found.items() if name.startswith("pipeline_")} == {
        "pipeline_student_usd_per_resolved": 0.002,
        "pipeline_student_usd_per_resolved_low": 0.001,
        "pipeline_student_usd_per_resolved_high": 0.004,
        "pipeline_student_p99_s_low": 1.0,  # what is not finite is left out
    }


def test_without_an_interval_there_is_no_metric():
    empty = stratum("tail/x", (0, 0, 0, 0))
    found = metrics(make_report([empty], latency=(), cost=()))
    assert {name for name in found if "tail/x" in name} == {
        "n/tail/x",
        "failed/tail/x",
        "ungraded/tail/x",
    }


def test_what_was_compared_and_how():
    report = make_report(operations=OPERATIONS)
    found = parameters(report)
    assert (
        found
        | {
            "teacher": "demo:teacher",
            "student": "demo:student",
            "student_weights_digest": "77d0" * 16,
            "student_dtype": "float32",
            "student_engine": "transformers",
            "student_parameters": "318528",
            "suite": "demo",
            "suite_version": "1",
            "suite_digest": "c0de" * 16,
            "queries": "720",
            "seed": "0",
            "created": "2026-11-23",
            "policy": "default",
            "margin": "0.05",
            "interval_level": "0.95",
            "pipeline": "chat",
            "hardware": "x86_64, 2 cores",
            "option.temperature": "0.0",
            "version.torch": "2.13.0",
        }
        == found
    )
    # What nobody knows has no value: not None, and not an empty text.
    assert not {"teacher_revision", "teacher_template_digest", "option.limit"} & set(found)


def test_a_long_value_is_cut():
    report = make_report()
    long = replace(report, student=replace(report.student, name="m" * 900))
    assert parameters(long)["student"] == "m" * 499 + "…"
