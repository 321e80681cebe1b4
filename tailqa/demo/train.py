"""Trains the embedded pair from a seed: ``python -m tailqa.demo.train --out DIR``.

The teacher learns from evenly drawn problems; the student is distilled from it on head-heavy
traffic; a control student of the same size is distilled on the teacher's mix, to say which part of
the student's gap is its training and which its size. What is already in DIR is kept, so that an
interrupted run goes on with the model it was at. Needs torch 2.9 (Muon) and, to be fast, a C++
compiler.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.demo import measure, models, training
from tailqa.demo.arithmetic import BALANCED, STRATA, TRAFFIC, Generator, Problem

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

_log = logging.getLogger(__name__)

SEED = 2026
SUITE_QUERIES_PER_STRATUM = 200


_TEACHER_SCHEDULE = training.Schedule(n_steps=1_800)
_STUDENT_SCHEDULE = training.Schedule(n_steps=1_250, label_share=0.2)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is trained, on how much; `tiny` shrinks the models, too."""

    seed: int = SEED
    n_teacher_examples: int = 115_000
    n_traffic: int = 40_000
    teacher: training.Schedule = _TEACHER_SCHEDULE
    student: training.Schedule = _STUDENT_SCHEDULE
    teacher_size: models.Size = models.TEACHER
    student_size: models.Size = models.STUDENT
    n_measured: int = 500
    compiled: bool = True

    def scaled(self, scale: float) -> Plan:
        """The same plan with `scale` times the examples and steps."""
        return replace(
            self,
            n_teacher_examples=max(200, round(scale * self.n_teacher_examples)),
            n_traffic=max(200, round(scale * self.n_traffic)),
            teacher=replace(self.teacher, n_steps=max(4, round(scale * self.teacher.n_steps))),
            student=replace(self.student, n_steps=max(4, round(scale * self.student.n_steps))),
            n_measured=max(20, min(self.n_measured, round(4 * scale * self.n_measured))),
        )


TINY = replace(
    Plan(compiled=False).scaled(0.0),
    n_measured=5,
    teacher=training.Schedule(n_steps=30, n_rows=4),
    student=training.Schedule(n_steps=30, n_rows=4, label_share=0.2),
    teacher_size=models.Size(n_layers=2, hidden=32, mlp=64, n_heads=2),
    student_size=models.Size(n_layers=1, hidden=16, mlp=32, n_heads=2),
)
"""Seconds instead of minutes: it shows that everything works, not that anything is learnt."""


def teacher_problems(plan: Plan) -> list[Problem]:
    """What the teacher learns from: evenly drawn, none held out."""
    return Generator(seed=plan.seed, zipf=False).sample(plan.n_teacher_examples, BALANCED)


def traffic_problems(plan: Plan) -> list[Problem]:
    """The queries the student is distilled on: head-heavy, Zipf over sentences and terms."""
    return Generator(seed=plan.seed + 1, zipf=True).sample(plan.n_traffic, TRAFFIC)


def control_problems(plan: Plan) -> list[Problem]:
    """The queries the control student is distilled on: drawn like the teacher's."""
    return Generator(seed=plan.seed + 2, zipf=False).sample(plan.n_traffic, BALANCED)


def suite_problems(seed: int = SEED) -> list[Problem]:
    """The embedded suite: per stratum as many held-out queries, drawn as the traffic draws them."""
    generator = Generator(seed=seed + 3, zipf=True, held_out=True)
    return [p for name in STRATA for p in generator.distinct(SUITE_QUERIES_PER_STRATUM, name)]


def suite_lines(problems: Sequence[Problem]) -> str:
    """The suite's data as JSON lines, each problem with an id."""
    rows = ({"id": f"{p.stratum}-{i:04d}", **asdict(p)} for i, p in enumerate(problems, 1))
    return "".join(json.dumps(row) + "\n" for row in rows)


def train_pair(plan: Plan, out: Path) -> None:
    """Trains tokenizer, teacher, student and control into `out`, and measures all three.

    `out` then holds a folder per model, NAME.json with its seconds and the loss of every step,
    `suite/arithmetic.jsonl` and `measured.json`.
    """
    (out / "suite").mkdir(parents=True, exist_ok=True)
    (out / "suite" / "arithmetic.jsonl").write_text(suite_lines(suite_problems(plan.seed)))
    if not _notes(out / "teacher").is_file():
        _train_teacher(plan, out / "teacher")
    tokenizer = models.load_tokenizer(out / "teacher")
    teacher = models.load(out / "teacher")
    for name, problems in (("student", traffic_problems), ("control", control_problems)):
        if not _notes(out / name).is_file():
            _train_student(plan, out / name, problems(plan), teacher, tokenizer)
    if not (out / "measured.json").is_file():
        _measure(plan, out, tokenizer)


def labelled(
    teacher: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, queries: Sequence[Problem]
) -> list[training.Example]:
    """The queries with the teacher's greedy answers, right or wrong."""
    # The known length of an answer serves to batch like with like, for speed only.
    ordered = sorted(queries, key=lambda p: len(p.worked))
    texts = models.answer(teacher, tokenizer, [p.question for p in ordered])
    return training.encode(tokenizer, [p.question for p in ordered], texts)


def _train_teacher(plan: Plan, folder: Path) -> None:
    started_s = time.monotonic()
    problems = teacher_problems(plan)
    questions, answers = [p.question for p in problems], [p.worked for p in problems]
    tokenizer = models.train_tokenizer(
        [models.PROMPT.format(question=question) for question in questions] + answers
    )
    model = models.new_model(plan.teacher_size, tokenizer, seed=plan.seed)
    losses = training.train(
        model,
        training.encode(tokenizer, questions, answers),
        plan.teacher,
        seed=plan.seed,
        compiled=plan.compiled,
        report=_reporter("teacher", plan.teacher.n_steps),
    )
    models.save(model, tokenizer, folder)
    _note(folder, losses, time.monotonic() - started_s)


def _train_student(
    plan: Plan,
    folder: Path,
    queries: Sequence[Problem],
    teacher: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    started_s = time.monotonic()
    examples = labelled(teacher, tokenizer, queries)
    _log.info("%s: %d queries labelled", folder.name, len(examples))
    model = models.new_model(plan.student_size, tokenizer, seed=plan.seed)
    losses = training.train(
        model,
        examples,
        plan.student,
        seed=plan.seed,
        teacher=teacher,
        compiled=plan.compiled,
        report=_reporter(folder.name, plan.student.n_steps),
    )
    models.save(model, tokenizer, folder)
    _note(folder, losses, time.monotonic() - started_s)


def _reporter(name: str, n_steps: int) -> Callable[[int, float], None]:
    def report(step: int, loss: float) -> None:
        if step % 50 == 0 or step == n_steps:
            _log.info("%s: step %d of %d, loss %.3f", name, step, n_steps, loss)

    return report


def _notes(folder: Path) -> Path:
    return folder.with_suffix(".json")


def _note(folder: Path, losses: Sequence[float], training_s: float) -> None:
    """Writes the seconds and losses beside the model; their file says that it is complete."""
    notes = {"training_s": round(training_s, 1), "losses": [round(loss, 4) for loss in losses]}
    _notes(folder).write_text(json.dumps(notes) + "\n")


def _measure(plan: Plan, out: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    sets = measure.evaluation_sets(seed=plan.seed + 4, n=plan.n_measured)
    found: dict[str, object] = {"seed": plan.seed}
    for name in ("teacher", "student", "control"):
        model = models.load(out / name)
        found[name] = {
            "n_parameters": model.num_parameters(),
            "training_s": json.loads(_notes(out / name).read_text())["training_s"],
            "accuracy": measure.accuracies(model, tokenizer, sets),
        }
        _log.info("%s measured", name)
    (out / "measured.json").write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    """Reads the options and trains."""
    parser = argparse.ArgumentParser(prog="python -m tailqa.demo.train", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-pair"), help="folder to write to")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiplies examples and steps (default 1)"
    )
    parser.add_argument("--tiny", action="store_true", help="tiny models, for trying the script")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    plan = replace(TINY, seed=options.seed) if options.tiny else Plan(seed=options.seed)
    if not options.tiny:
        plan = replace(plan.scaled(options.scale), compiled=not options.no_compile)
    train_pair(plan, options.out)


if __name__ == "__main__":
    main()
