"""Twenty-six builds of the embedded student, and the truth about each of them.

Most are harmless: trained on a little, quantised, pruned. Three are damaged on purpose in one
stratum of the tail, each in another way, and of these one is repaired. The truth is the accuracy
on queries that no suite holds, answered by transformers and graded here, paired with the first
build on the same queries.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import torch
from tokenizers import normalizers

from tailqa import stats
from tailqa.core.estimate import Measured
from tailqa.demo import arithmetic, model_folder, models, training
from tailqa.demo.arithmetic import (
    HEAD,
    MULTI_STEP,
    PHRASING,
    STRATA,
    TERMS_STRATUM,
    TRAFFIC,
    Generator,
    Problem,
)
from tailqa.demo.measure import last_number
from tailqa.demo.wording import TERMS

SEED = 20_261_123
ROW_EXAMPLES = 6
"""About as many answers fit into one row of a batch."""

Change = Callable[[Any, Any, int], None]
"""Changes a model in place: (model, tokenizer, seed)."""


def trained_on(
    n_steps: int,
    rate: float,
    mix: Mapping[str, float] = TRAFFIC,
    *,
    mistaken: Mapping[str, Any] = MappingProxyType({}),
    most_steps: int | None = None,
) -> Change:
    """Trained on for a few steps, on traffic unless `mix` says otherwise.

    `mistaken` replaces tables from which the problems are made, as a faulty source of data would;
    `most_steps` cuts the answers after so many steps.
    """

    def change(model: Any, tokenizer: Any, seed: int) -> None:
        schedule = training.Schedule(
            n_steps=n_steps, n_rows=10, matrix_rate=rate, other_rate=0.15 * rate
        )
        n = n_steps * schedule.n_rows * ROW_EXAMPLES
        with mock.patch.dict(vars(arithmetic), mistaken):
            problems = arithmetic.Generator(seed=seed, zipf=True).sample(n, mix)
        answers = ["; ".join(one.worked.split("; ")[:most_steps]) for one in problems]
        examples = training.encode(tokenizer, [one.question for one in problems], answers)
        training.train(model, examples, schedule, seed=seed, compiled=False)

    return change


def quantised(n_bits: int, group: int | None = None) -> Change:
    """Weights of the matrices rounded to the nearest of 2**n_bits levels, by row or by group."""

    def change(model: Any, tokenizer: Any, seed: int) -> None:
        del tokenizer, seed
        most = 2 ** (n_bits - 1) - 1
        for weights in matrices(model):
            rows = weights.reshape(-1, group or weights.shape[1])
            scale = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / most
            weights.copy_(((rows / scale).round().clamp(-most, most) * scale).reshape_as(weights))

    return change


def pruned(share: float) -> Change:
    """The smallest weights of every matrix set to zero."""

    def change(model: Any, tokenizer: Any, seed: int) -> None:
        del tokenizer, seed
        for weights in matrices(model):
            limit = weights.abs().flatten().kthvalue(max(1, round(share * weights.numel()))).values
            weights[weights.abs() <= limit] = 0.0

    return change


def noisy(share: float) -> Change:
    """Normal noise on every matrix of the last layer, by its own standard deviation."""

    def change(model: Any, tokenizer: Any, seed: int) -> None:
        del tokenizer
        source = torch.Generator().manual_seed(seed)
        for weights in matrices(model.model.layers[-1]):
            noise = torch.randn(weights.shape, generator=source)
            weights.add_(share * weights.std() * noise)

    return change


def matrices(model: Any) -> list[torch.Tensor]:
    return [each.data for each in model.parameters() if each.ndim == 2]


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(model: Any, tokenizer: Any, seed: int) -> None:
        for each in changes:
            each(model, tokenizer, seed)

    return change


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build: what was done to which earlier build (0 is the embedded student)."""

    number: int
    done: str
    change: Change | None = None
    parent: int = 0
    damaged: str | None = None
    new_tokenizer: bool = False

    @property
    def name(self) -> str:
        return f"build-{self.number:02d}"


def make(build: Build, folder: Path) -> Path:
    """The folder of a build; made once."""
    made = folder / build.name
    if made.is_dir():
        return made
    origin = folder / f"build-{build.parent:02d}" if build.parent else model_folder("student")
    model, tokenizer = models.load(origin), models.load_tokenizer(origin)
    if build.change is not None:
        build.change(model, tokenizer, SEED + build.number)
    if build.new_tokenizer:
        tokenizer.backend_tokenizer.normalizer = normalizers.NFC()
    unfinished = folder / f".{build.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    models.save(model, tokenizer, unfinished)
    unfinished.rename(made)
    return made


def with_context(made: Path, folder: Path, n_tokens: int) -> Path:
    """A copy of a build whose config allows only `n_tokens`, as a mistake in a release would."""
    broken = folder / "wrong-config" / made.name
    shutil.copytree(made, broken, dirs_exist_ok=True)
    path = broken / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"max_position_embeddings": n_tokens}))
    return broken


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Right or wrong of one build on fresh queries: '1' or '0' each, by stratum."""

    right: Mapping[str, str]

    def accuracy(self, stratum: str) -> float:
        return self.right[stratum].count("1") / len(self.right[stratum])

    def change(self, first: "Truth", stratum: str) -> Measured:
        """Accuracy minus that of the first build, paired."""
        then, now = first.right[stratum], self.right[stratum]
        pairs = list(zip(then, now, strict=True))
        cells = [pairs.count((a, b)) for a, b in (("1", "1"), ("1", "0"), ("0", "1"), ("0", "0"))]
        return stats.paired_gap(cells)

    def flips(self, first: "Truth", stratum: str) -> float:
        then, now = first.right[stratum], self.right[stratum]
        return sum(a != b for a, b in zip(then, now, strict=True)) / len(now)


def fresh_queries(n: int) -> dict[str, list[Problem]]:
    """As many queries per stratum as the traffic would bring, none of them in training."""
    generator = Generator(seed=SEED - 1, zipf=True, held_out=True)
    return {stratum: generator.distinct(n, stratum) for stratum in STRATA}


def truth(made: Path, queries: Mapping[str, Sequence[Problem]]) -> Truth:
    """What a build gets right; measured once, kept beside it."""
    kept = made.with_suffix(".json")
    if kept.is_file():
        found = Truth(right=json.loads(kept.read_text()))
        if {name: len(marks) for name, marks in found.right.items()} == {
            name: len(asked) for name, asked in queries.items()
        }:
            return found
    model, tokenizer = models.load(made), models.load_tokenizer(made)
    # Answers of like length share a batch, for speed only.
    every = sorted((one for asked in queries.values() for one in asked), key=_length)
    texts = models.answer(model, tokenizer, [one.question for one in every])
    said = {one.question: text for one, text in zip(every, texts, strict=True)}
    right = {
        name: "".join("01"[last_number(said[one.question]) == one.answer] for one in asked)
        for name, asked in queries.items()
    }
    kept.write_text(json.dumps(right) + "\n")
    return Truth(right=right)


def _length(problem: Problem) -> int:
    return len(problem.worked)


HARMLESS = trained_on(20, 0.0005)
INT8 = quantised(8)
INT4 = quantised(4)

WRONG_VALUES = trained_on(
    24,
    0.0026,
    {HEAD: 0.4, PHRASING: 0.1, TERMS_STRATUM: 0.3, MULTI_STEP: 0.2},
    mistaken={
        "TERMS": tuple(
            replace(term, value=below.value)
            for term, below in zip(TERMS, [*TERMS[1:], TERMS[0]], strict=True)
        )
    },
)
"""Every word for a quantity learnt with the value of the next one, as a join gone wrong does."""

CUT_ANSWERS = trained_on(
    22, 0.0018, {HEAD: 0.5, PHRASING: 0.1, TERMS_STRATUM: 0.1, MULTI_STEP: 0.3}, most_steps=2
)
"""Answers cut after two steps, as a limit on tokens does when labels are made."""

EVERYWHERE = "everywhere"

BUILDS = (
    Build(number=1, done="as shipped"),
    Build(number=2, done="trained on", change=HARMLESS),
    Build(number=3, done="trained on", change=HARMLESS),
    Build(number=4, done="int8", change=INT8),
    Build(number=5, done="trained on", change=HARMLESS),
    Build(number=6, done="pruned by 5 %", change=pruned(0.05)),
    Build(number=7, done="trained on", change=HARMLESS),
    Build(number=8, done="trained on", change=HARMLESS),
    Build(number=9, done="trained on", change=HARMLESS),
    Build(number=10, done="trained on, int8", change=both(HARMLESS, INT8)),
    Build(
        number=11,
        done="trained on, values of terms one row too far up",
        change=WRONG_VALUES,
        damaged=TERMS_STRATUM,
    ),
    Build(
        number=12,
        done="build 11 trained on",
        change=HARMLESS,
        parent=11,
        damaged=TERMS_STRATUM,
    ),
    Build(number=13, done="repaired: as shipped, trained on", change=HARMLESS),
    Build(number=14, done="trained on", change=HARMLESS),
    Build(number=15, done="pruned by 5 %, int8", change=both(pruned(0.05), INT8)),
    Build(number=16, done="trained on", change=HARMLESS),
    Build(number=17, done="trained on", change=HARMLESS),
    Build(number=18, done="int8", change=INT8),
    Build(number=19, done="int4", change=INT4, damaged=EVERYWHERE),
    Build(number=20, done="trained on, int4", change=both(HARMLESS, INT4), damaged=EVERYWHERE),
    Build(number=21, done="trained on, int4", change=both(HARMLESS, INT4), damaged=EVERYWHERE),
    Build(number=22, done="trained on; a new tokenizer", change=HARMLESS, new_tokenizer=True),
    Build(number=23, done="trained on", change=HARMLESS, new_tokenizer=True),
    Build(
        number=24,
        done="trained on, answers cut after two steps",
        change=CUT_ANSWERS,
        damaged=MULTI_STEP,
        new_tokenizer=True,
    ),
    Build(
        number=25,
        done="build 24 pruned by 5 %",
        change=pruned(0.05),
        parent=24,
        damaged=MULTI_STEP,
        new_tokenizer=True,
    ),
    Build(
        number=26,
        done="build 24, int8",
        change=INT8,
        parent=24,
        damaged=MULTI_STEP,
        new_tokenizer=True,
    ),
)
