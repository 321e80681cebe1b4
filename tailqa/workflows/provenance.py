"""What a reader must know of a run: its faults, and what a rerun must share with it."""

import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from tailqa.core.answer import Answered, Pair
from tailqa.core.report import Fingerprint, ModelInfo
from tailqa.core.words import count_of
from tailqa.engine import UNPACKED
from tailqa.records.recording import NOT_RECORDED
from tailqa.workflows.prompt_texts import compare_texts

PACKAGES = ("tailqa", "torch", "transformers", "tokenizers", "numpy")


def findings(pairs: Sequence[Pair], teacher: ModelInfo, student: ModelInfo) -> tuple[str, ...]:
    """What a reader must know before believing the comparison, in sentences."""
    return (
        *model_findings(teacher, student),
        *_other_templates(pairs),
        *_unused_template(pairs, teacher, student),
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
    dtypes = (teacher.dtype, student.dtype)
    if teacher.dtype != student.dtype and NOT_RECORDED not in dtypes:
        yield (
            f"The teacher was computed in {teacher.dtype}, the student in {student.dtype}, which "
            "changes answers and speed as well; --dtype gives both the same."
        )


def _other_templates(pairs: Sequence[Pair]) -> Iterator[str]:
    texts = compare_texts(pairs)
    if texts.framed:
        yield (
            f"In {len(texts.framed):,} of {texts.n:,} queries the two models were sent the same "
            f"contents in chat templates that differ, e.g. {texts.framed[0].query.id}."
        )


def _unused_template(
    pairs: Sequence[Pair], teacher: ModelInfo, student: ModelInfo
) -> Iterator[str]:
    with_template = [
        side
        for side, info in (("teacher", teacher), ("student", student))
        if info.template_digest is not None
    ]
    plain = any(isinstance(pair.query.prompt, str) for pair in pairs)
    if plain and len(with_template) == 1:
        yield (
            f"Of the two, only the {with_template[0]} has a chat template; the suite asks in plain "
            "text, so it was not applied, and a chat model may answer better through it."
        )


def _failures(pairs: Sequence[Pair]) -> Iterator[str]:
    reasons = Counter(
        (side, given.reason)
        for pair in pairs
        for side, given in (("teacher", pair.teacher), ("student", pair.student))
        if not isinstance(given, Answered)
    )
    for (side, reason), n in reasons.most_common(5):
        yield f"{count_of(n, 'query', 'queries')} failed on the {side}: {reason}."
