"""What the rooms without a model take: loading, grading and testing large suites.

    python benchmarks/rooms.py [--rows 100000]

Prints CPU seconds of one process, so that a busy machine does not decide.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tailqa import stats
from tailqa.core.answer import Answered, Attempt
from tailqa.core.query import GraderSpec, Query
from tailqa.grade import make_grader
from tailqa.suite import load_suite

SUITE = """
name: large
version: 1
source: {{file: rows.jsonl}}
fields: [question, answer, size]

prompt: {{template: "Q: {{question}}\\nA:"}}
references: answer
grader: numeric
weights: rows
strata:
  - {{name: head, kind: head, rule: {head}}}
  - {{name: tail, kind: tail, rule: {tail}}}
"""
RULES = {
    "range": ("{field: size, range: [0, 50]}", "{field: size, range: [50, null]}"),
    "quantile": ("{field: size, quantile: [0, 0.5]}", "{field: size, quantile: [0.5, 1]}"),
    "rarity": ("{rarity: question, quantile: [0.5, 1]}", "{rarity: question, quantile: [0, 0.5]}"),
}
WORDS = ["river", "arithmetic", "gross", "fortnight", "of", "seven", "quorum", "basket", "the"]
ANSWERS = {
    "exact": "the answer is 42",
    "numeric": "7*6=42, so the answer is 42",
    "contains": "the answer is 42",
    "token_f1": "the answer is 42",
}


def measured(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def loading(n_rows: int, rule: tuple[str, str]) -> float:
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "rows.jsonl").open("w") as file:
            for number in range(n_rows):
                words = " ".join(rng.choices(WORDS, k=12))
                row = {"question": f"{words} {number}", "answer": str(number), "size": number % 100}
                file.write(json.dumps(row) + "\n")
        text = SUITE.format(head=rule[0], tail=rule[1])
        (folder / "suite.yaml").write_text(text)
        return measured(lambda: load_suite(folder / "suite.yaml"))


def grading(n_rows: int, name: str, text: str) -> float:
    grader = make_grader(GraderSpec(name=name))
    query = Query(id="q", stratum="s", prompt="?", references=("42",))
    attempt = Attempt(
        prompt="?", prompt_tokens=1, completion_tokens=9, text=text, finish_reason="stop"
    )
    answered = Answered(query_id="q", attempts=(attempt,))
    return measured(lambda: [grader.grade(query, answered) for _ in range(n_rows)])


def testing(n_strata: int) -> float:
    rng = random.Random(0)
    tables = [(rng.randrange(500, 900), 60, 30, 40) for _ in range(n_strata)]
    return measured(
        lambda: [
            (stats.paired_gap(t), stats.retention(t), stats.flip_rate(t), stats.mcnemar(t[1], t[2]))
            for t in tables
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    for name, rule in RULES.items():
        print(f"load {rows:,} rows, strata by {name}: {loading(rows, rule):.1f} s")
    for name, text in ANSWERS.items():
        print(f"grade {rows:,} answers, {name}: {grading(rows, name, text):.1f} s")
    testing(1)
    print(f"gap, retention, flips and McNemar of 100 strata: {testing(100):.2f} s")


if __name__ == "__main__":
    main()
