"""The comparison through the `evaluate` library."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailqa import comparisons

PAGE = Path(__file__).parents[2] / "docs" / "evaluate.md"
CARD = Path(comparisons.path()) / "README.md"


def answers(both: int, teacher_only: int, student_only: int, neither: int) -> dict[str, list[str]]:
    n = both + teacher_only + student_only + neither
    right, wrong = ["right"], ["wrong"]
    return {
        "predictions1": right * (both + teacher_only) + wrong * (student_only + neither),
        "predictions2": right * both + wrong * teacher_only + right * student_only
        + wrong * neither,
        "references": right * n,
    }  # fmt: skip


def test_texts_give_the_published_interval_and_p(load: Any) -> None:
    found = load().compute(**answers(59, 6, 16, 80))
    gap = found["gap"]
    assert [round(gap[key], 4) for key in ("value", "low", "high")] == [0.0621, 0.0054, 0.124]
    assert (gap["method"], gap["n"], found["n"]) == ("tango", 161, 161)
    assert found["p"] == pytest.approx(0.03469, abs=5e-6)
    assert found["flips"]["value"] == 22 / 161
    assert found["outcome"] is None
    assert found["strata"] == {}


@pytest.mark.parametrize("kind", [int, float, np.int64, bool])
def test_numbers_are_compared_as_numbers(load: Any, kind: type) -> None:
    given = answers(59, 6, 16, 80)
    numbers = {name: [kind(text == "right") for text in texts] for name, texts in given.items()}
    assert load().compute(**numbers) == load().compute(**given)


def test_halves_are_not_cut_off(load: Any) -> None:
    given = {"predictions1": [0.5] * 4, "predictions2": [0.0] * 4, "references": [0.5] * 4}
    assert load().compute(**given)["gap"]["value"] == -1


def test_scores_need_no_references(load: Any) -> None:
    given = answers(59, 6, 16, 80)
    scores = {
        name: np.array([text == "right" for text in given[name]], dtype=float)
        for name in ("predictions1", "predictions2")
    }
    assert load("scores").compute(**scores) == load().compute(**given)


def test_the_result_is_plain_json(load: Any) -> None:
    found = load().compute(**answers(5, 1, 0, 2), margin=0.1, strata=["a"] * 4 + ["b"] * 4)
    assert json.loads(json.dumps(found)) == found


def test_an_unknown_configuration_or_name_is_refused(load: Any) -> None:
    with pytest.raises(ValueError, match="there are default, scores"):
        load("marks")
    with pytest.raises(ValueError, match="there are paired_gap"):
        comparisons.path("mcnemar")


def test_the_examples_of_page_and_card_run_offline() -> None:
    examples = [
        example
        for page in (PAGE, CARD)
        for example in re.findall(
            r"```python\n(import evaluate\n.*?)```", page.read_text("utf-8"), re.DOTALL
        )
    ]
    assert len(examples) == 2
    ran = subprocess.run(
        [sys.executable, "-c", "\nprint(found['outcome'])\n".join([*examples, ""])],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["plain 0.0 pass", "rare -0.6 fail", "-0.6", "fail", "fail"]
