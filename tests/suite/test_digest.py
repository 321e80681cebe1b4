"""The digest moves with everything that changes a prompt or a grade, and with nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailqa.suite import draw, load_suite

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


def variants(strata: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    head, tail = strata
    return {
        "prompt": {"prompt": {"template": "Question: {question}\nA:"}},
        "style": {"prompt": {"template": "Q: {question}\nA:", "style": "chat"}},
        "system": {"prompt": {"template": "Q: {question}\nA:", "system": "Add."}},
        "examples": {
            "prompt": {
                "template": "Q: {question}\nA:",
                "few_shot": {"k": 1, "source": {"file": "rows.jsonl"}},
            }
        },
        "references": {"references": "size"},
        "cluster": {"cluster": "group"},
        "grader": {"grader": "exact"},
        "grader options": {"grader": {"name": "numeric", "options": {"absolute_tolerance": 0.1}}},
        "max_tokens": {"generation": {"max_tokens": 17}},
        "stop": {"generation": {"stop": "\n"}},
        "temperature": {"generation": {"temperature": 0.5}},
        "top_p": {"generation": {"top_p": 0.9}},
        "samples": {"generation": {"samples": 2, "temperature": 0.5}},
        "weights": {"strata": [{**head, "weight": 0.7}, {**tail, "weight": 0.3}]},
        "tier": {"strata": [head, {**tail, "tier": "advisory"}]},
        "kind": {"strata": [{**head, "tier": "supporting", "kind": "tail"}, tail]},
        "stratum name": {"strata": [head, {**tail, "name": "harder"}]},
        "stratum of a query": {
            "strata": [
                {**head, "rule": {"field": "size", "range": [0, 9]}},
                {**tail, "rule": {"field": "size", "range": [9, None]}},
            ]
        },
    }


def test_whatever_changes_a_prompt_or_a_grade_changes_the_digest(
    write: Write, strata: list[dict[str, Any]]
) -> None:
    digests = {name: load_suite(write(**v)).digest for name, v in variants(strata).items()}
    digests["unchanged"] = load_suite(write()).digest
    assert len(set(digests.values())) == len(digests)


def test_task_and_choices_change_the_digest(write: Write, rows: Rows) -> None:
    choose = {"task": "choose", "grader": None}
    one = load_suite(write(rows, choices=["{answer}", "0"], **choose))
    other = load_suite(write(rows, choices=["{answer}", "1"], **choose))
    assert one.digest != other.digest


@pytest.mark.parametrize("change", [{"question": "1+2?"}, {"answer": "3"}])
def test_rows_change_the_digest(change: dict[str, str], write: Write, rows: Rows) -> None:
    before = load_suite(write(rows)).digest
    rows[0].update(change)
    assert load_suite(write(rows)).digest != before


def test_what_changes_neither_leaves_the_digest_alone(
    write: Write, rows: Rows, tmp_path: Path
) -> None:
    path = write()
    digest = load_suite(path).digest
    lines = path.read_text().splitlines()
    top, strata = lines[:8], lines[8:]
    path.write_text("# a comment\n" + "\n".join([*strata, *top[::-1]]) + "\n\n# another\n")
    assert load_suite(path).digest == digest
    assert load_suite(write(rows[::-1])).digest == digest
    assert load_suite(write(name="other", version="2", description="words")).digest == digest
    assert load_suite(write(fields={**{k: k for k in rows[0]}, "spare": "x"})).digest == digest
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "s.yaml").write_text(path.read_text())
    (moved / "rows.jsonl").write_text((tmp_path / "rows.jsonl").read_text())
    assert load_suite(moved / "s.yaml").digest == digest


def test_a_draw_keeps_the_digest(write: Write) -> None:
    suite = load_suite(write())
    assert draw(suite, 1, seed=0).digest == suite.digest
