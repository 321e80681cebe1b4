"""What a reader must know of a run: its faults, and what a rerun must share with it."""

import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from tailqa.core.answer import Answered, Pair
from tailqa.core.report import Fingerprint, ModelInfo
from tailqa.engine import UNPACKED

PACKAGES = ("tailqa", "torch", "transformers", "tokenizers", "numpy")


def findings(pairs: Sequence[Pair], teacher: ModelInfo, student: ModelInfo) -> tuple[str, ...]:
    """What a reader must know before believing the comparison, in sentences."""
    return (
        *model_findings(teacher, student),
        *_different_prompts(pairs),
        *_cut_prompts(pairs),
        *_cut_answers(pairs),
        *_failures(pairs),
    )


def model_findings(teacher: ModelInfo, student: ModelInfo) -> tuple[str, ...]:
    """What of the way the two models were run is no part of the models."""
    return (
        *_unpacked(teacher, student),
        *_different_dtypes(teacher, student),
        *(f"{info.name}: {note}" for info in (teacher, student) for note in info.notes),
    )


def fingerprint(options: Mapping[str, str | int | float | bool | None]) -> Fingerprint:
    """Versions, hardware and the options that change an answer."""
    return Fingerprint(
        versions={
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in PACKAGES},
        },
        options=options,
        hardware=f"{platform.machine()}, {os.cpu_count()} cores",
    )


def _unpacked(teacher: ModelInfo, student: ModelInfo) -> Iterator[str]:
    for side, info in (("teacher", teacher), ("student", student)):
        if info.weights == UNPACKED:
            yield (
                f"The {side}'s GGUF weights were unpacked to {info.dtype}: its answers come from "
                "the quantised weights, its speed and memory are those of a model without them."
            )


def _different_dtypes(teacher: ModelInfo, student: ModelInfo) -> Iterator[str]:
    if teacher.dtype != student.dtype:
        yield (
            f"The teacher was computed in {teacher.dtype}, the student in {student.dtype}, which "
            "changes answers and speed as well; --dtype gives both the same."
        )


def _different_prompts(pairs: Sequence[Pair]) -> Iterator[str]:
    both = [
        (pair.query.id, pair.teacher.attempts[0].prompt, pair.student.attempts[0].prompt)
        for pair in pairs
        if isinstance(pair.teacher, Answered) and isinstance(pair.student, Answered)
    ]
    different = [query for query, teacher, student in both if teacher != student]
    if different:
        yield (
            f"The two models were sent different texts in {len(different):,} of {len(both):,} "
            f"queries (their chat templates differ), e.g. {different[0]}."
        )


def _cut_prompts(pairs: Sequence[Pair]) -> Iterator[str]:
    for side in ("teacher", "student"):
        answers = [pair.teacher if side == "teacher" else pair.student for pair in pairs]
        cuts = [a.attempts[0].cut_tokens for a in answers if isinstance(a, Answered)]
        if n := sum(cut > 0 for cut in cuts):
            yield (
                f"The {side}'s prompt did not fit its context in {n:,} of {len(cuts):,} answered "
                f"queries and lost its begin, up to {max(cuts):,} tokens, as the suite says "
                "(truncate: left)."
            )


def _cut_answers(pairs: Sequence[Pair]) -> Iterator[str]:
    for side in ("teacher", "student"):
        answers = [pair.teacher if side == "teacher" else pair.student for pair in pairs]
        reasons = [a.attempts[0].finish_reason for a in answers if isinstance(a, Answered)]
        if cut := reasons.count("length"):
            yield (
                f"The {side} ran into the limit of generated tokens in {cut:,} of "
                f"{len(reasons):,} answers."
            )


def _failures(pairs: Sequence[Pair]) -> Iterator[str]:
    reasons = Counter(
        (side, given.reason)
        for pair in pairs
        for side, given in (("teacher", pair.teacher), ("student", pair.student))
        if not isinstance(given, Answered)
    )
    for (side, reason), n in reasons.most_common(5):
        yield f"{n:,} queries failed on the {side}: {reason}."
