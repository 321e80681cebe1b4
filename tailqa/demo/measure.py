"""Accuracies of the pair on computations that no training contained, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tailqa.demo.arithmetic import MULTI_STEP, PHRASING, STRATA, Generator, Problem
from tailqa.demo.models import answer
from tailqa.demo.wording import WITHHELD

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Accuracy = dict[str, float]


def evaluation_sets(*, seed: int, n: int) -> dict[str, list[Problem]]:
    """Held-out problems by set: per stratum as in traffic and evenly, withheld phrasings, lengths.

    >>> sets = evaluation_sets(seed=7, n=3)
    >>> len(sets), {len(problems) for problems in sets.values()}
    (12, {3})
    """
    traffic = Generator(seed=seed, zipf=True, held_out=True)
    even = Generator(seed=seed + 1, zipf=False, held_out=True)
    sets = {f"traffic {name}": traffic.distinct(n, name) for name in STRATA}
    sets |= {f"balanced {name}": even.distinct(n, name) for name in STRATA}
    sets["withheld phrasings"] = _first(
        n, (p for p in _endless(even, PHRASING) if int(p.template.split("-")[-1]) in WITHHELD)
    )
    for steps in (2, 3, 4):
        sets[f"{steps} steps"] = _first(
            n, (p for p in _endless(even, MULTI_STEP) if p.n_steps == steps)
        )
    return sets


def _endless(generator: Generator, stratum: str) -> Iterable[Problem]:
    while True:
        yield generator.draw(stratum)


def _first(n: int, problems: Iterable[Problem]) -> list[Problem]:
    found: dict[str, Problem] = {}
    for problem in problems:
        found.setdefault(problem.question, problem)
        if len(found) == n:
            break
    return list(found.values())


def accuracies(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    sets: Mapping[str, list[Problem]],
) -> dict[str, Accuracy]:
    """Per set: `n`, `accuracy` and the ends of its 95 % interval; greedy answers, last number."""
    # The known length of an answer serves to batch like with like, for speed only.
    every = sorted((p for problems in sets.values() for p in problems), key=lambda p: len(p.worked))
    questions = [p.question for p in every]
    texts = dict(zip(questions, answer(model, tokenizer, questions), strict=True))
    found = {}
    for name, problems in sets.items():
        n_right = sum(last_number(texts[p.question]) == p.answer for p in problems)
        low, high = wilson(n_right, len(problems))
        found[name] = {
            "n": len(problems),
            "accuracy": n_right / len(problems),
            "low": low,
            "high": high,
        }
    return found


def last_number(text: str) -> str:
    """The digits after the last sign that is no digit.

    >>> last_number("14*5=50+20=70; 70-9=61")
    '61'
    """
    return text[len(text.rstrip("0123456789")) :]


def wilson(n_right: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927).

    >>> [round(end, 3) for end in wilson(90, 100)]
    [0.826, 0.945]
    """
    z = 1.959964
    middle = (n_right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(n_right * (n - n_right) / n + z * z / 4)
    return middle - half, middle + half
