"""The embedded suite as lighteval tasks; lighteval loads this file, TAILQA_ROWS is its folder."""

import os
from typing import Any

import numpy as np
from lighteval.metrics.metrics import Metrics
from lighteval.metrics.metrics_sample import ExactMatches
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod

ROWS = os.environ["TAILQA_ROWS"]


def written(line: dict[str, Any], task_name: str) -> Doc:
    return _doc(line, task_name, [line["answer"]], 0)


def chosen(line: dict[str, Any], task_name: str) -> Doc:
    return _doc(line, task_name, [f" {choice}" for choice in line["choices"]], line["gold"])


def _doc(line: dict[str, Any], task_name: str, choices: list[str], gold: int) -> Doc:
    kept = {name: line[name] for name in ("stratum", "cluster", "n_steps")}
    return Doc(
        task_name=task_name,
        query=f"Q: {line['question']}\nA:",
        choices=choices,
        gold_index=gold,
        specific=kept,
    )


LAST = SampleLevelMetric(
    metric_name="em_suffix",
    sample_level_fn=ExactMatches(
        strip_strings=True,
        type_exact_match="suffix",
        normalize_gold=lambda text: f"={text}",
    ),
    category=SamplingMethod.GENERATIVE,
    corpus_level_fn=np.mean,
    higher_is_better=True,
)
SHARED: dict[str, Any] = {
    "hf_repo": ROWS,
    "hf_subset": "default",
    "hf_avail_splits": ["train"],
    "evaluation_splits": ["train"],
    "version": 1,
}
TASKS_TABLE = [
    LightevalTaskConfig(
        name="worded_arithmetic",
        prompt_function=written,
        metrics=[LAST, Metrics.exact_match],
        generation_size=96,
        stop_sequence=["\n"],
        **SHARED,
    ),
    LightevalTaskConfig(
        name="worded_arithmetic_choice",
        prompt_function=chosen,
        metrics=[Metrics.loglikelihood_acc],
        **SHARED,
    ),
]
