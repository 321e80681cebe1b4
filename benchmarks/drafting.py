"""Does drafting gain what tailqa says? Predicted from one part of a suite, done on another.

    pip install .
    python benchmarks/drafting.py

The prediction is that of `tailqa compare --fidelity` on 60 queries per stratum, 30 of them timed.
On other queries the pair then really generates, greedily: transformers' assisted generation with a
fixed draft length (no confidence threshold), in turns with the teacher alone. Tokens per
verification are counted by the teacher's forward calls. Every forward call is timed, so that what
is left of the wall-clock time is the loop around them. Last comes what each assumption does to the
tokens per verification of those queries: the formula, one endless text, the answers as they are,
and as drafted. Prints Markdown rows.
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tailqa import stats
from tailqa import suite as suite_room
from tailqa.core.answer import Failed
from tailqa.core.drafting import DraftingResult, DraftLength
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.ports import Engine, Request, Silent
from tailqa.core.query import Suite
from tailqa.cost.drafting import verification_counts
from tailqa.cost.speculative import speculative_tokens
from tailqa.demo import model_folder
from tailqa.engine import answer_fidelity, open_engine, shared_vocabulary
from tailqa.engine.texts import end_ids
from tailqa.report import format as shown
from tailqa.workflows.asking import Options, requests
from tailqa.workflows.compare import run_compare
from tailqa.workflows.suites import load_suite


@dataclass
class Watched:
    """A model whose forward calls are counted and timed."""

    model: Any
    n_calls: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._forward = self.model.forward
        self.model.forward = self._timed

    def _timed(self, *arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return self._forward(*arguments, **named)
        finally:
            self.n_calls += 1
            self.seconds += time.perf_counter() - start

    def reset(self) -> None:
        self.n_calls, self.seconds = 0, 0.0


@dataclass(frozen=True, kw_only=True)
class Went:
    """One answer: how long it took, in all and in the forward calls, and what it said."""

    ids: tuple[int, ...]
    wall_s: float
    teacher_s: float
    student_s: float
    n_teacher: int
    n_student: int

    @property
    def forward_s(self) -> float:
        return self.teacher_s + self.student_s


@dataclass
class Pair:
    """Both models and how they are asked."""

    teacher: Watched
    student: Watched
    stops: list[int]
    pad: int
    tokenizer: Any
    max_tokens: int
    alone: dict[tuple[str, int], list[Went]] = field(default_factory=dict)
    drafted: dict[tuple[str, int], list[Went]] = field(default_factory=dict)

    def generate(self, prompt: Sequence[int], length: int | None) -> Went:
        """The answer to one prompt, with drafts of `length` or without."""
        named: dict[str, Any] = {}
        if length is not None:
            settings = self.student.model.generation_config
            settings.num_assistant_tokens = length
            settings.num_assistant_tokens_schedule = "constant"
            settings.assistant_confidence_threshold = 0.0
            named["assistant_model"] = self.student.model
        ids = torch.tensor([prompt])
        for side in (self.teacher, self.student):
            side.reset()
        start = time.perf_counter()
        with torch.inference_mode():
            out = self.teacher.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self.max_tokens,
                do_sample=False,
                eos_token_id=self.stops,
                pad_token_id=self.pad,
                **named,
            )
        return Went(
            ids=tuple(out[0, len(prompt) :].tolist()),
            wall_s=time.perf_counter() - start,
            teacher_s=self.teacher.seconds,
            student_s=self.student.seconds,
            n_teacher=self.teacher.n_calls,
            n_student=self.student.n_calls,
        )

    def run(self, stratum: str, prompts: Sequence[Sequence[int]], length: int) -> None:
        """All prompts of a stratum, both ways in turns (AB BA AB …)."""
        alone, drafted = [], []
        for turn, prompt in enumerate(prompts):
            ways = [(alone, None), (drafted, length)]
            for found, chosen in ways if turn % 2 == 0 else reversed(ways):
                found.append(self.generate(prompt, chosen))
        self.alone[stratum, length] = alone
        self.drafted[stratum, length] = drafted


def ratio(top: Sequence[float], bottom: Sequence[float]) -> Measured:
    return stats.stratified_ratio([top], [bottom])


def predicted(arguments: argparse.Namespace, folder: Path) -> dict[str, DraftingResult]:
    report = run_compare(
        arguments.teacher,
        arguments.student,
        arguments.suite,
        Options(limit=arguments.limit, speed=arguments.speed, out=folder, fidelity=True),
    ).report
    return {result.name: result for result in report.drafting}


def open_pair(arguments: argparse.Namespace, suite: Suite) -> Pair:
    models, tokenizer = [], None
    for name in (arguments.teacher, arguments.student):
        folder = folder_of(name)
        models.append(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval())
        tokenizer = tokenizer or AutoTokenizer.from_pretrained(folder)
    ends = end_ids(models[0], tokenizer)
    stopping = {
        token
        for token in range(len(tokenizer))
        if any(stop in tokenizer.decode([token]) for stop in suite.generation.stop)
    }
    return Pair(
        teacher=Watched(models[0]),
        student=Watched(models[1]),
        stops=sorted(ends | stopping),
        pad=next(iter(ends)),
        tokenizer=tokenizer,
        max_tokens=suite.generation.max_tokens,
    )


def folder_of(name: str) -> str:
    return str(model_folder(name.removeprefix("demo:"))) if name.startswith("demo:") else name


def others(arguments: argparse.Namespace, suite: Suite) -> dict[str, list[Request]]:
    """Queries of each stratum that took no part in the prediction; the draws are nested."""
    used = {query.id for query in suite_room.draw(suite, arguments.limit, seed=0).queries}
    drawn = suite_room.draw(suite, arguments.limit + arguments.others, seed=0)
    stratum_of = {query.id: query.stratum for query in drawn.queries}
    found: dict[str, list[Request]] = {stratum.name: [] for stratum in suite.strata}
    for request in requests(drawn, 0):
        if request.query_id not in used:
            found[stratum_of[request.query_id]].append(request)
    return found


def open_engines(arguments: argparse.Namespace) -> list[Engine]:
    names = (arguments.teacher, arguments.student)
    return [open_engine(folder_of(name), device="cpu", dtype="float32") for name in names]


def followed(
    engines: Sequence[Engine], asked: Sequence[Request], answers: Sequence[str]
) -> list[np.ndarray]:
    """Whether the student finds the same token likeliest, along each answer of the teacher."""
    read = [replace(one, choices=(text,)) for one, text in zip(asked, answers, strict=True)]
    rows = answer_fidelity(
        engines[0],
        engines[1],
        read,
        vocabulary=shared_vocabulary(engines[0], engines[1]),
        progress=Silent(),
    )
    return [row.same_top1.astype(float) for row in rows if not isinstance(row, Failed)]


def assumptions(
    stratum: str, length: int, answers: Sequence[np.ndarray], drafted: Sequence[Went]
) -> Iterator[str]:
    """Tokens per verification of the drafted answers themselves, with ever fewer assumptions."""
    everything = np.concatenate(answers)
    ended = [np.append(answer, 0.0) for answer in answers]
    endless = len(everything) / verification_counts([everything], length).sum()
    counted = sum(map(len, ended)) / verification_counts(ended, length).sum()
    done = sum(len(went.ids) for went in drafted) / sum(went.n_teacher for went in drafted)
    formula = speculative_tokens(float(everything.mean()), length)
    yield from (stratum, str(length))
    yield from (f"{tokens:.3f}" for tokens in (formula, endless, counted, done))


def error(prediction: Measured, observation: Measured) -> str:
    if not isinstance(prediction, Estimate) or not isinstance(observation, Estimate):
        return shown.NONE
    return f"{100 * (prediction.value / observation.value - 1):+.1f}".replace("-", shown.MINUS)


def row_of(
    stratum: str, row: DraftLength, alone: Sequence[Went], drafted: Sequence[Went]
) -> Iterator[str]:
    tokens = ratio([len(went.ids) for went in drafted], [went.n_teacher for went in drafted])
    forward = ratio([went.forward_s for went in alone], [went.forward_s for went in drafted])
    wall = ratio([went.wall_s for went in alone], [went.wall_s for went in drafted])
    yield from (
        stratum,
        str(row.length),
        shown.bracketed(row.tokens, shown.RATIO),
        shown.bracketed(tokens, shown.RATIO),
        error(row.tokens, tokens),
        error(row.formula_tokens, tokens),
        shown.bracketed(row.speedup, shown.RATIO),
        shown.bracketed(forward, shown.RATIO),
        error(row.speedup, forward),
        shown.bracketed(wall, shown.RATIO),
    )


def parts_of(
    stratum: str, length: int, alone: Sequence[Went], drafted: Sequence[Went]
) -> Iterator[str]:
    """Where the time goes, milliseconds: per token alone, per verification with drafts."""
    n_alone, n_checks = (sum(went.n_teacher for went in side) for side in (alone, drafted))

    def each(total: float, n: int) -> str:
        return f"{1000 * total / n:.2f}"

    forward = sum(went.teacher_s for went in alone)
    yield from (
        stratum,
        str(length),
        each(forward, n_alone),
        each(sum(went.wall_s for went in alone) - forward, n_alone),
        each(sum(went.teacher_s for went in drafted), n_checks),
        f"{sum(went.n_student for went in drafted) / n_checks:.2f}",
        each(sum(went.student_s for went in drafted), sum(went.n_student for went in drafted)),
        each(sum(went.wall_s - went.forward_s for went in drafted), n_checks),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", default="demo:teacher")
    parser.add_argument("--student", default="demo:student")
    parser.add_argument("--suite", default="demo")
    parser.add_argument("--limit", type=int, default=60, help="queries behind the prediction")
    parser.add_argument("--speed", type=int, default=30, help="of them timed")
    parser.add_argument("--others", type=int, default=40, help="queries that are really drafted")
    parser.add_argument("--lengths", default="1,2,4,8")
    arguments = parser.parse_args()
    suite = load_suite(arguments.suite)
    lengths = [int(length) for length in arguments.lengths.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        results = predicted(arguments, Path(folder))
    asked, engines = others(arguments, suite), open_engines(arguments)
    prompts = {
        stratum: [engines[0].encode(request).token_ids for request in rows]
        for stratum, rows in asked.items()
    }
    pair = open_pair(arguments, suite)
    for length in (None, lengths[0]):
        pair.generate(next(iter(prompts.values()))[0], length)
    for length in lengths:
        for stratum, rows in prompts.items():
            pair.run(stratum, rows, length)
    keys = [(stratum, length) for stratum in prompts for length in lengths]
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads")
    for stratum, length in keys:
        found = next(row for row in results[stratum].lengths if row.length == length)
        both = pair.alone[stratum, length], pair.drafted[stratum, length]
        print(f"| {' | '.join(row_of(stratum, found, *both))} |")
    for stratum, length in keys:
        both = pair.alone[stratum, length], pair.drafted[stratum, length]
        print(f"| {' | '.join(parts_of(stratum, length, *both))} |")
    for stratum in prompts:
        alone = pair.alone[stratum, lengths[0]]
        texts = [pair.tokenizer.decode(went.ids[:-1]) for went in alone]
        answers = followed(engines, asked[stratum], texts)
        for length in lengths:
            row = assumptions(stratum, length, answers, pair.drafted[stratum, length])
            print(f"| {' | '.join(row)} |")
    for stratum in prompts:
        draft_cost = shown.bracketed(results[stratum].draft_cost, shown.RATIO)
        accepted = shown.bracketed(results[stratum].acceptance, shown.PERCENT)
        print(f"{stratum}: draft cost {draft_cost}, accepted {accepted} %")
    same = [
        alone.ids == drafted.ids
        for key in keys
        for alone, drafted in zip(pair.alone[key], pair.drafted[key], strict=True)
    ]
    print(f"{sum(same)} of {len(same)} texts are equal with and without drafts")


if __name__ == "__main__":
    main()
