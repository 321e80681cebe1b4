"""Generated arithmetic in words, with worked answers, in four strata.

A worked answer is a chain of equations whose last number is the result, such as
``14*5=50+20=70; 70+28=98``. Problems are split by a hash of the worked answer: a computation that
is held out never occurs in training, in any wording.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tailqa.demo.wording import (
    CHAINS,
    INDIRECT,
    NAMES,
    PLAIN,
    TERMINOLOGY,
    TERMS,
    THINGS,
    WITHHELD,
    Term,
)

T = TypeVar("T")

HEAD = "head/plain"
PHRASING = "tail/phrasing"
TERMS_STRATUM = "tail/terminology"
MULTI_STEP = "tail/multi-step"
STRATA = (HEAD, PHRASING, TERMS_STRATUM, MULTI_STEP)

BALANCED: Mapping[str, float] = {HEAD: 0.15, PHRASING: 0.20, TERMS_STRATUM: 0.25, MULTI_STEP: 0.40}
TRAFFIC: Mapping[str, float] = {HEAD: 0.82, PHRASING: 0.06, TERMS_STRATUM: 0.06, MULTI_STEP: 0.06}

_OPERATIONS = {"add": 0.3, "subtract": 0.3, "multiply": 0.25, "divide": 0.15}
_TERM_KINDS = {"convert": 0.4, "add": 0.25, "subtract": 0.25, "invert": 0.1}
_SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_HELD_OUT_OF_256 = 32


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One question with its worked answer; `cluster` is what its errors are correlated by."""

    question: str
    worked: str
    answer: str
    stratum: str
    template: str
    cluster: str
    n_steps: int


def held_out(worked: str) -> bool:
    """Whether a computation is kept for evaluation (one in eight); training never contains it.

    >>> held_out("12-8=4"), held_out("13-7=6")
    (False, False)
    """
    return hashlib.sha256(worked.encode()).digest()[0] < _HELD_OUT_OF_256


def step(operation: str, a: int, b: int) -> tuple[str, int]:
    """One written step and its result; long products and quotients are taken apart by digits.

    >>> step("multiply", 14, 5)
    ('14*5=50+20=70', 70)
    >>> step("divide", 84, 6)
    ('84/6=60/6+24/6=10+4=14', 14)
    """
    task = f"{a}{_SYMBOLS[operation]}{b}"
    if operation == "add":
        return f"{task}={a + b}", a + b
    if operation == "subtract":
        return f"{task}={a - b}", a - b
    if operation == "multiply":
        parts = [place * min(a, b) for place in _places(max(a, b))]
        middle = "+".join(map(str, parts)) + "=" if len(parts) > 1 else ""
        return f"{task}={middle}{a * b}", a * b
    places = _places(a // b)
    middle = ""
    if len(places) > 1:
        middle = "+".join(f"{p * b}/{b}" for p in places) + "=" + "+".join(map(str, places)) + "="
    return f"{task}={middle}{a // b}", a // b


def _places(number: int) -> list[int]:
    digits = str(number)
    places = [int(digit) * 10 ** (len(digits) - i - 1) for i, digit in enumerate(digits)]
    return [place for place in places if place]


class Generator:
    """Draws problems: evenly over sentences and terms, or Zipf-distributed as in traffic.

    `zipf` asks the r-th sentence, term and length 1/r times as often as the first and leaves out
    the withheld phrasings; `held_out` draws only computations kept for evaluation, otherwise none
    of them.

    >>> problem = Generator(seed=1, zipf=True).draw(MULTI_STEP)
    >>> problem.worked.endswith(problem.answer)
    True
    """

    def __init__(self, *, seed: int, zipf: bool, held_out: bool = False) -> None:
        self._random = random.Random(seed)
        self._zipf = zipf
        self._held_out = held_out

    def draw(self, stratum: str) -> Problem:
        """One problem of a stratum."""
        make = {
            HEAD: self._plain,
            PHRASING: self._phrasing,
            TERMS_STRATUM: self._terminology,
            MULTI_STEP: self._multi_step,
        }[stratum]
        while True:
            problem = make()
            if held_out(problem.worked) is self._held_out:
                return problem

    def sample(self, n: int, mix: Mapping[str, float]) -> list[Problem]:
        """`n` problems whose strata are drawn by the weights of `mix`."""
        return [self.draw(self._weighted(mix)) for _ in range(n)]

    def distinct(self, n: int, stratum: str) -> list[Problem]:
        """`n` problems of a stratum with different questions."""
        found: dict[str, Problem] = {}
        while len(found) < n:
            problem = self.draw(stratum)
            found.setdefault(problem.question, problem)
        return list(found.values())

    def _weighted(self, weights: Mapping[str, float]) -> str:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def _ranked(self, choices: Sequence[T]) -> T:
        if not self._zipf:
            return self._random.choice(choices)
        return self._random.choices(choices, [1 / rank for rank in range(1, len(choices) + 1)])[0]

    def _filled(self, sentence: str, **slots: object) -> str:
        name, other = self._random.sample(NAMES, 2)
        things = self._random.choice(THINGS)
        return sentence.format(name=name, other=other, things=things, **slots)

    def _operands(self, operation: str) -> tuple[int, int]:
        pick = self._random.randint
        if operation == "add":
            return pick(2, 199), pick(2, 199)
        if operation == "subtract":
            a = pick(6, 299)
            return a, pick(2, a - 2)
        a, b = pick(2, 99), pick(2, 9)
        return (a, b) if operation == "multiply" else (a * b, b)

    def _plain(self) -> Problem:
        operation = self._weighted(_OPERATIONS)
        number = self._ranked(range(len(PLAIN[operation])))
        return self._one_step(HEAD, operation, number, PLAIN[operation][number])

    def _phrasing(self) -> Problem:
        operation = self._weighted(_OPERATIONS)
        sentences = INDIRECT[operation]
        numbers = [i for i in range(len(sentences)) if not (self._zipf and i in WITHHELD)]
        number = self._ranked(numbers)
        return self._one_step(PHRASING, operation, number, sentences[number])

    def _one_step(self, stratum: str, operation: str, number: int, sentence: str) -> Problem:
        a, b = self._operands(operation)
        worked, result = step(operation, a, b)
        template = f"{stratum}/{operation}-{number}"
        return Problem(
            question=self._filled(sentence, a=a, b=b),
            worked=worked,
            answer=str(result),
            stratum=stratum,
            template=template,
            cluster=template,
            n_steps=1,
        )

    def _terminology(self) -> Problem:
        term = self._ranked(TERMS)
        kind = self._weighted(_TERM_KINDS)
        number = self._ranked(range(len(TERMINOLOGY[kind])))
        n = self._random.randint(2, _most(term))
        worked, total = step("multiply", n, term.value)
        n_steps, k = 1, total
        if kind == "invert":
            worked, total = step("divide", total, term.value)
        elif kind != "convert":
            k = self._random.randint(2, 99 if kind == "add" else min(99, total - 2))
            text, total = step(kind, total, k)
            worked, n_steps = f"{worked}; {text}", 2
        sentence = TERMINOLOGY[kind][number]
        slots = {"n": f"{n} {term.plural}", "k": k, "unit": term.unit, "terms": term.plural}
        return Problem(
            question=self._filled(sentence, **slots),
            worked=worked,
            answer=str(total),
            stratum=TERMS_STRATUM,
            template=f"{TERMS_STRATUM}/{kind}-{number}",
            cluster=f"{TERMS_STRATUM}/{term.name}",
            n_steps=n_steps,
        )

    def _multi_step(self) -> Problem:
        number = self._ranked(range(len(CHAINS)))
        chain = CHAINS[number]
        n_steps = self._ranked((2, 3, 4))
        start = value = self._random.randint(3, 60)
        steps, clauses = [], []
        for _ in range(n_steps):
            operation, k = self._next(value)
            text, value = step(operation, value, k)
            steps.append(text)
            clauses.append(self._random.choice(chain.clauses[operation]).replace("{k}", str(k)))
        told = chain.opening + chain.joint.join(clauses) + chain.question
        template = f"{MULTI_STEP}/{number}-{n_steps}"
        return Problem(
            question=self._filled(told, n=start),
            worked="; ".join(steps),
            answer=str(value),
            stratum=MULTI_STEP,
            template=template,
            cluster=template,
            n_steps=n_steps,
        )

    def _next(self, value: int) -> tuple[str, int]:
        """An operation and operand that keep the running value whole and between 2 and 999."""
        divisors = [k for k in range(2, 10) if value % k == 0 and 2 <= value // k <= 99]
        weights = dict(_OPERATIONS)
        if not divisors:
            del weights["divide"]
        if value > 99:
            del weights["multiply"]
        if value < 5:
            del weights["subtract"]
        if value > 800:
            del weights["add"]
        operation = self._weighted(weights)
        if operation == "divide":
            return operation, self._random.choice(divisors)
        if operation == "multiply":
            return operation, self._random.randint(2, 9)
        most = min(99, value - 2) if operation == "subtract" else 99
        return operation, self._random.randint(2, most)


def _most(term: Term) -> int:
    """The largest count asked of a term, so that products stay within four digits."""
    if term.value % 10 == 0 or term.value < 10:
        return 60 if term.value < 100 else 19
    return 19 if term.value < 100 else 9
