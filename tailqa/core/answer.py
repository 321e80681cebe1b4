"""What came back: attempts, answers and their grades."""

from dataclasses import dataclass
from typing import Literal

from tailqa.core.query import Query

FinishReason = Literal["stop", "length", "choice"]
Side = Literal["teacher", "student"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One answer of a model to one query.

    For the task `choose`, `choice_logprobs` holds the sum of the log-probabilities of each choice
    (natural logarithm, same order as `Query.choices`), `text` is empty and `completion_tokens`
    counts the scored tokens of all choices. `mean_logprob` is the mean log-probability of the
    completion's tokens (natural logarithm, before temperature), None where the engine does not
    tell. `latency_s` is None unless the attempt was timed on its own.
    `prompt_tokens` were left when `cut_tokens` had been taken from the begin of the prompt. Tokens
    and `finish_reason` are None where another harness made the attempt and did not write them down.
    """

    prompt: str
    prompt_tokens: int | None
    completion_tokens: int | None
    text: str
    finish_reason: FinishReason | None
    sample: int = 0
    choice_logprobs: tuple[float, ...] | None = None
    mean_logprob: float | None = None
    latency_s: float | None = None
    cut_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """All attempts of one model at one query, in the order of their sample index; at least one."""

    query_id: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """An infrastructure failure (never a wrong answer), with the attempts that did come back."""

    query_id: str
    reason: str
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """The grade of one query: one score in [0, 1] and one right/wrong per attempt.

    `extracted` is what the grader read out of the first attempt.

    >>> Scored(scores=(0.5, 1.0), corrects=(False, True)).correct
    False
    """

    scores: tuple[float, ...]
    corrects: tuple[bool, ...]
    extracted: str | None = None

    @property
    def score(self) -> float:
        """The score of the first attempt."""
        return self.scores[0]

    @property
    def correct(self) -> bool:
        """Whether the first attempt was right; this is what the paired table counts."""
        return self.corrects[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ungraded:
    """An answer that could not be graded, with the reason; never counted as 0."""

    reason: str


Answer = Answered | Failed
Grade = Scored | Ungraded


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One query with both sides. A side that failed has no grade."""

    query: Query
    teacher: Answer
    student: Answer
    teacher_grade: Grade | None
    student_grade: Grade | None
