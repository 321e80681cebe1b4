"""Graders that compare words: exact, contains, regex, token F1."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tailqa.core.answer import Ungraded
from tailqa.grade.base import Mark, ParsingGrader, TextGrader
from tailqa.grade.normalise import Normalised


class Exact(Normalised, TextGrader):
    """Right if the whole answer equals a reference after normalisation.

    Every text is an answer: nothing is ever unparsed, an empty answer is wrong.
    """

    def mark(self, text: str, references: tuple[str, ...]) -> Mark:
        """1 or 0.

        >>> Exact().mark("the Nile.", ("Amazon", "Nile"))
        Mark(score=1.0, extracted='nile')
        """
        answer = self.normalise(text)
        return Mark(float(any(answer == self.normalise(r) for r in references)), answer)


class Contains(Normalised, TextGrader):
    """Right if any reference stands in the answer after normalisation.

    With `whole_words` it must stand there as words of its own ("art" is not in "party"); turn
    that off for languages written without spaces. Punctuation between words separates them in one
    reading and joins them in another; either may match. Every text is an answer: nothing is ever
    unparsed. A denial ("not Paris") contains the reference like any other sentence.
    """

    whole_words: bool = True

    def mark(self, text: str, references: tuple[str, ...]) -> Mark:
        """1 or 0, with the reference that was found.

        >>> Contains().mark("It is Paris/Lyon.", ("paris",))
        Mark(score=1.0, extracted='paris')
        """
        readings = [self._edged(text, gap) for gap in ("", " ")]
        for reference in references:
            for reading, gap in zip(readings, ("", " "), strict=True):
                wanted = self._edged(reference, gap)
                if wanted.strip() and wanted in reading:
                    return Mark(1.0, reference)
        return Mark(0.0, None)

    def _edged(self, text: str, gap: str) -> str:
        normalised = self.normalise(text, gap=gap)
        return f" {' '.join(normalised.split())} " if self.whole_words else normalised


class Regex(Normalised, ParsingGrader):
    """Right if what `pattern` finds equals a reference after normalisation.

    `pattern` is a Python regular expression, `match` says which of several finds counts, `group`
    which part of it (by default the first group, or the whole find without groups). No find is
    a wrong answer, or Ungraded with `unparsed: ungraded`. A pattern with nested repetitions can
    take exponential time on long answers.
    """

    pattern: str
    match: Literal["first", "last"] = "last"
    group: int | str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"must be a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _has_group(self) -> "Regex":
        compiled = re.compile(self.pattern)
        known = {None, *range(compiled.groups + 1), *compiled.groupindex}
        if self.group not in known:
            raise ValueError(f"`group` must be a group of the pattern (got {self.group!r})")
        return self

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, ready to search."""
        return re.compile(self.pattern)

    def mark(self, text: str, references: tuple[str, ...]) -> Mark | Ungraded:
        """1 or 0, with what was found.

        >>> Regex(pattern=r"answer is (\\w+)").mark("The answer is Oslo.", ("oslo",))
        Mark(score=1.0, extracted='Oslo')
        """
        if self.match == "first":
            found = self.compiled.search(text)
        else:
            found = _last(self.compiled.finditer(text))
        group = self.group if self.group is not None else min(self.compiled.groups, 1)
        part = found[group] if found else None
        if part is None:
            return self.not_found(f"the pattern {self.pattern!r} finds nothing in the answer")
        answer = self.normalise(part)
        return Mark(float(any(answer == self.normalise(r) for r in references)), part)


class TokenF1(Normalised, TextGrader):
    """F1 of the words shared with the best reference; correct from `threshold` on.

    SQuAD's F1 (Rajpurkar 2016) over words separated by white space, with repetitions counted.
    Every text is an answer: nothing is ever unparsed.
    """

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5

    @property
    def pass_mark(self) -> float:
        """The threshold."""
        return self.threshold

    def mark(self, text: str, references: tuple[str, ...]) -> Mark:
        """The F1 in [0, 1].

        >>> TokenF1().mark("in the city of Paris", ("Paris",))
        Mark(score=0.4, extracted='in city of paris')
        """
        answer = self.normalise(text)
        words = answer.split()
        best = max((_f1(words, self.normalise(r).split()) for r in references), default=0.0)
        return Mark(best, answer)


def _last(finds: Iterator[re.Match[str]]) -> re.Match[str] | None:
    return next(iter(deque(finds, maxlen=1)), None)


def _f1(answer: list[str], reference: list[str]) -> float:
    if not answer or not reference:
        return float(answer == reference)
    shared = sum((Counter(answer) & Counter(reference)).values())
    # Dice's form of 2PR/(P+R): one division, so equal counts give exactly 1.
    return 2 * shared / (len(answer) + len(reference))
