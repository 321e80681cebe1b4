"""A large history: how long adding one more run takes, reading the marks, the weekly page.

    python benchmarks/history.py                                   SQLite
    python benchmarks/history.py --db postgresql://USER:PASSWORD@HOST/EMPTY_DATABASE

Fills a history with synthetic runs, one a week (500 × 5,000 queries in 20 strata; the teacher's
answers stay, of the student's every build changes a share, and another share changes by itself),
then times what a user waits for: `tailqa history add` and `tailqa weekly` as whole processes, and
the marks of 40 and of all runs. Every time is the least of `--rounds`, by the clock and of the
processor (that of a server is not counted). A history that is there is not filled again, so that
it can be measured at a quieter time. Prints one JSON object.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import ALL_TRAFFIC, OPTIONS, Operations, OptionCost
from tailqa.core.report import (
    AnswerRow,
    CostSummary,
    Fingerprint,
    LatencySummary,
    ModelInfo,
    OverallResult,
    Report,
    Run,
    StratumResult,
    SuiteInfo,
    Verdict,
)
from tailqa.history import open_history
from tailqa.report.result import save_answers, save_report
from tailqa.workflows.history_run import new_run

SIDES: tuple[Side, Side] = ("teacher", "student")
CHANGED_BY_A_BUILD = 0.15
CHANGED_BY_ITSELF = 0.02
WORDS = 40
"""Words of an answer; a prompt has ten times as many."""

FIGURES = (
    "attempts",
    "p95_s",
    "resolved",
    "tokens_per_resolved",
    "seconds_per_resolved",
    "usd_per_resolved",
)


def measured(value: float, n: int = 250) -> Measured:
    return Estimate(
        value=value, low=0.9 * value, high=1.1 * value, level=0.95, method="bootstrap", n=n
    )


class Weeks:
    """Runs week by week; a build lives two weeks."""

    def __init__(self, n_queries: int, n_strata: int, *, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.names = [f"q{number:05}" for number in range(n_queries)]
        self.strata = [
            f"{'head' if number == 0 else 'tail'}/{number}" for number in range(n_strata)
        ]
        self.stratum = [self.strata[number % n_strata] for number in range(n_queries)]
        self.vocabulary = np.array([f"word{number}" for number in range(5_000)])
        self.prompts = [f"Question: {self.words(10 * WORDS)}\nAnswer:" for _ in self.names]
        self.texts = {side: [self.words(WORDS) for _ in self.names] for side in SIDES}
        self.right = {
            "teacher": self.rng.random(n_queries) < 0.9,
            "student": self.rng.random(n_queries) < 0.8,
        }
        self.week = 0

    def words(self, n: int) -> str:
        return " ".join(self.rng.choice(self.vocabulary, n))

    def next_run(self, day: date) -> Run:
        share = CHANGED_BY_ITSELF + (CHANGED_BY_A_BUILD if self.week % 2 == 0 else 0.0)
        for query in np.flatnonzero(self.rng.random(len(self.names)) < share):
            self.texts["student"][query] = self.words(WORDS)
            self.right["student"][query] = self.rng.random() < 0.8
        self.week += 1
        return Run(report=self.report(day), answers=tuple(self.rows()))

    def rows(self) -> Iterator[AnswerRow]:
        for number, name in enumerate(self.names):
            for side in SIDES:
                yield AnswerRow(
                    query_id=name,
                    stratum=self.stratum[number],
                    cluster=None,
                    side=side,
                    sample=0,
                    status="right" if self.right[side][number] else "wrong",
                    prompt=self.prompts[number],
                    references=("a word",),
                    choices=(),
                    text=self.texts[side][number],
                    extracted=None,
                    score=float(self.right[side][number]),
                    reason=None,
                    prompt_tokens=11 * WORDS,
                    completion_tokens=WORDS,
                    finish_reason="stop",
                    choice_logprobs=None,
                )

    def report(self, day: date) -> Report:
        gap = measured(-0.1)
        return Report(
            teacher=self.model("teacher", "t" * 64),
            student=self.model("student", f"{(self.week + 1) // 2:064x}"),
            suite=SuiteInfo(
                name="large",
                version="1",
                digest="d" * 64,
                source="synthetic",
                task="generate",
                n_queries=len(self.names),
            ),
            strata=tuple(map(self.result, self.strata)),
            overall=OverallResult(gap=gap, teacher_accuracy=gap, student_accuracy=gap),
            interaction=gap,
            latency=tuple(self.latency(name, side) for name in self.strata for side in SIDES),
            cost=tuple(
                CostSummary(
                    stratum=name,
                    side=side,
                    tokens_per_query=measured(480),
                    tokens_per_correct=measured(550),
                    seconds_per_correct=measured(1.2),
                )
                for name in self.strata
                for side in SIDES
            ),
            verdict=Verdict(
                outcome="pass", reasons=(), requirements=(), policy="default", margin=0.05
            ),
            findings=(),
            fingerprint=Fingerprint(
                versions={"python": "3.11.7", "tailqa": "0.1.0"},
                options={"temperature": 0.0, "max_tokens": 96},
                hardware="x86_64, 2 cores",
            ),
            seed=0,
            created=day.isoformat(),
            operations=self.operations(),
        )

    def result(self, name: str) -> StratumResult:
        here = np.array([stratum == name for stratum in self.stratum])
        teacher, student = self.right["teacher"][here], self.right["student"][here]
        n = int(here.sum())
        return StratumResult(
            name=name,
            kind="head" if name.startswith("head") else "tail",
            tier="critical",
            weight=1 / len(self.strata),
            both=int((teacher & student).sum()),
            teacher_only=int((teacher & ~student).sum()),
            student_only=int((~teacher & student).sum()),
            neither=int((~teacher & ~student).sum()),
            failed=0,
            ungraded=0,
            gap=measured(-0.1, n),
            retention=measured(0.9, n),
            flips=measured(0.1, n),
            teacher_accuracy=measured(0.9, n),
            student_accuracy=measured(0.8, n),
            mcnemar_p=0.01,
        )

    def latency(self, name: str, side: Side) -> LatencySummary:
        asked = zip(self.names, self.stratum, strict=True)
        timed = [query for query, stratum in asked if stratum == name][:30]
        return LatencySummary(
            stratum=name,
            side=side,
            batch_size=1,
            time_to_first_token_s=measured(0.1, 30),
            time_per_output_token_s=measured(0.01, 30),
            answer_s=measured(1.0, 30),
            answer_p95_s=measured(1.5, 30),
            completion_tokens=measured(40, 30),
            raw_first_token_s=(0.1,) * len(timed),
            raw_answer_s=tuple(self.rng.uniform(0.5, 1.5, len(timed)).tolist()),
            raw_completion_tokens=(WORDS,) * len(timed),
            raw_query_ids=tuple(timed),
        )

    def operations(self) -> Operations:
        return Operations(
            name="chat",
            digest="c" * 64,
            pipeline={},
            options=tuple(
                OptionCost(
                    option=option,
                    scope=scope,
                    figures={figure: measured(1.5) for figure in FIGURES},
                )
                for scope in (*self.strata, ALL_TRAFFIC)
                for option in OPTIONS
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
            n_resamples=1000,
            n_requests=100_000,
            seed=0,
        )

    @staticmethod
    def model(name: str, weights: str) -> ModelInfo:
        return ModelInfo(
            name=name,
            revision=None,
            weights_digest=weights,
            tokenizer_digest="a" * 64,
            template_digest=None,
            architecture="LlamaForCausalLM",
            n_parameters=1_000_000,
            dtype="float32",
            device="cpu",
            engine="transformers 5.23.0",
        )


def least(rounds: int, work: Callable[[], object]) -> dict[str, float]:
    clock, processor = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), spent()
        work()
        clock.append(time.perf_counter() - started)
        processor.append(spent() - used)
    return {"clock_s": round(min(clock), 2), "processor_s": round(min(processor), 2)}


def spent() -> float:
    """Processor seconds of this process and of those it has waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def tailqa(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tailqa", *arguments], check=True, capture_output=True)


def fill(db: str, weeks: Weeks, last: date, n_runs: int) -> date:
    """Brings the history to so many runs; the day after its newest one."""
    with open_history(db) as history:
        there = history.runs()
        if not there:
            for number in range(n_runs):
                day = last - timedelta(weeks=n_runs - number)
                made = new_run(weeks.next_run(day), f"run-{number}", f"{number:064x}")
                history.add(made)
    weeks.week = n_runs
    return date.fromisoformat(there[-1].date) + timedelta(days=1) if there else last


def more_runs(weeks: Weeks, last: date, rounds: int, folder: Path) -> Iterator[Path]:
    for number in range(rounds):
        made = weeks.next_run(last + timedelta(days=number))
        target = folder / f"more-{number}"
        save_answers(made.answers, target)
        save_report(made.report, target)
        yield target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--queries", type=int, default=5_000)
    parser.add_argument("--strata", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--db", help="by default a file in a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = options.db or str(folder / "history.db")
        weeks = Weeks(options.queries, options.strata)
        first = fill(db, weeks, date.today() - timedelta(days=60), options.runs)
        more = list(more_runs(weeks, first, options.rounds, folder))
        found: dict[str, object] = {"queries": options.queries}
        waiting = iter(more)
        found["add"] = least(
            options.rounds, lambda: tailqa("history", "add", str(next(waiting)), "--db", db)
        )
        with open_history(db) as history:
            runs = [run.run for run in history.runs()]
            found["n_runs"] = len(runs)
            found["runs"] = least(options.rounds, history.runs)
            found["marks_40"] = least(options.rounds, lambda: history.marks(runs[-40:]))
            found["marks_all"] = least(options.rounds, lambda: history.marks(runs))
        newest = (first + timedelta(days=options.rounds - 1)).isoformat()
        page = ("weekly", "--db", db, "--out", str(folder / "page"), "--today", newest)
        found["page_12_weeks"] = least(options.rounds, lambda: tailqa(*page))
        everything = ("--since", f"{options.runs}w")
        found["page_all_weeks"] = least(1, lambda: tailqa(*page, *everything))
        if "://" not in db:
            found["mib"] = round(Path(db).stat().st_size / 2**20)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
