"""What every grader is, and what those that read a text share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from tailqa.core.answer import Answered, Scored, Ungraded
from tailqa.core.errors import TailqaError
from tailqa.core.query import Query


class Grader(Protocol):
    """Grades every attempt at one query."""

    def grade(self, query: Query, answered: Answered) -> Scored | Ungraded:
        """One score and one right or wrong per attempt, or the reason why there is none."""


class Mark(NamedTuple):
    """The score of one attempt in [0, 1], and what was read out of the answer."""

    score: float
    extracted: str | None


def scored(marks: Sequence[Mark], pass_mark: float = 1.0) -> Scored:
    """The grade of a query from the marks of its attempts; right from `pass_mark` on."""
    return Scored(
        scores=tuple(mark.score for mark in marks),
        corrects=tuple(mark.score >= pass_mark for mark in marks),
        extracted=marks[0].extracted,
    )


class OptionsModel(BaseModel):
    """A grader's options as people write them: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    def prepare(self) -> None:
        """Does once what is slow or can fail, before the first answer is graded."""

    def query_fault(self, query: Query) -> str | None:
        """Why no answer to `query` can be graded, if so."""
        if query.choices:
            return f"query {query.id} offers choices, which the grader choice judges"
        return None


class TextGrader(OptionsModel, ABC):
    """Marks the text of each attempt on its own."""

    @property
    def pass_mark(self) -> float:
        """The lowest score that counts as correct."""
        return 1.0

    @abstractmethod
    def mark(self, text: str, references: tuple[str, ...]) -> Mark | Ungraded:
        """The best mark of `text` over `references`."""

    def grade(self, query: Query, answered: Answered) -> Scored | Ungraded:
        """One score per attempt; Ungraded as a whole if any attempt cannot be graded.

        Raises TailqaError if the query was answered by choosing.
        """
        marks: list[Mark] = []
        for attempt in answered.attempts:
            if attempt.choice_logprobs is not None:
                raise TailqaError(
                    f"query {query.id} was answered by choosing, which only the grader choice "
                    f"judges, not {type(self).__name__}"
                )
            mark = self.mark(attempt.text, query.references)
            if isinstance(mark, Ungraded):
                return Ungraded(reason=f"attempt {attempt.sample}: {mark.reason}")
            marks.append(mark)
        return scored(marks, self.pass_mark)


class ParsingGrader(TextGrader, ABC):
    """A grader that must first find something in the answer.

    With `unparsed: wrong` finding nothing is a wrong answer: keeping to the format is the model's
    job. With `unparsed: ungraded` it is not, and the query leaves the comparison with a reason.
    """

    unparsed: Literal["wrong", "ungraded"] = "wrong"

    def not_found(self, reason: str) -> Mark | Ungraded:
        """The mark of an answer that does not parse."""
        return Mark(0.0, None) if self.unparsed == "wrong" else Ungraded(reason=reason)
