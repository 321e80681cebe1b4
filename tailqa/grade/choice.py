"""The grader of queries that are answered by picking one of several choices."""

import math
from typing import Literal

from tailqa.core.answer import Answered, Attempt, Scored, Ungraded
from tailqa.core.errors import TailqaError
from tailqa.core.query import Query
from tailqa.grade.base import Mark, OptionsModel, scored


class Choice(OptionsModel):
    """Right if the choice with the highest log-probability is among the references.

    With `normalise: bytes` the log-probability of each choice is divided by the length of its
    text in UTF-8 bytes, so that long choices are not at a disadvantage. Between equal values the
    first choice wins. Nothing is ever unparsed; log-probabilities that are not numbers, or do not
    match the choices, make the query Ungraded.
    """

    normalise: Literal["none", "bytes"] = "none"

    def query_fault(self, query: Query) -> str | None:
        """Says so if there is nothing to choose, or nothing right among the choices."""
        if len(query.choices) < 2:
            return f"query {query.id} needs two or more choices"
        if not all(query.choices):
            return f"query {query.id} has an empty choice"
        choices = {choice.strip() for choice in query.choices}
        if not any(reference.strip() in choices for reference in query.references):
            return f"no reference of query {query.id} is one of its choices"
        return None

    def grade(self, query: Query, answered: Answered) -> Scored | Ungraded:
        """1 or 0 per attempt, with the choice that was made.

        Raises TailqaError if the query was answered with a text.

        >>> query = Query(id="q", stratum="s", prompt="2+2=", choices=("3", "four"),
        ...               references=("four",))
        >>> attempt = Attempt(prompt="2+2=", prompt_tokens=4, completion_tokens=2, text="",
        ...                   finish_reason="choice", choice_logprobs=(-2.0, -3.0))
        >>> answered = Answered(query_id="q", attempts=(attempt,))
        >>> Choice().grade(query, answered).extracted
        '3'
        >>> Choice(normalise="bytes").grade(query, answered).extracted
        'four'
        """
        fault = self.query_fault(query)
        if fault is not None:
            return Ungraded(reason=fault)
        right = {reference.strip() for reference in query.references}
        marks: list[Mark] = []
        for attempt in answered.attempts:
            values = self._values(query, attempt)
            if isinstance(values, Ungraded):
                return values
            picked = query.choices[values.index(max(values))]
            marks.append(Mark(float(picked.strip() in right), picked))
        return scored(marks)

    def _values(self, query: Query, attempt: Attempt) -> list[float] | Ungraded:
        if attempt.choice_logprobs is None:
            raise TailqaError(
                f"query {query.id} was answered with a text; the grader choice judges "
                f"log-probabilities, so the suite's task must be choose"
            )
        values = list(attempt.choice_logprobs)
        if len(values) != len(query.choices):
            return Ungraded(reason=f"{len(values)} log-probabilities, {len(query.choices)} choices")
        if any(math.isnan(value) for value in values) or not math.isfinite(max(values)):
            return Ungraded(reason=f"the log-probabilities are not numbers: {values}")
        if self.normalise == "bytes":
            lengths = [len(choice.encode("utf-8", "surrogatepass")) for choice in query.choices]
            values = [value / length for value, length in zip(values, lengths, strict=True)]
        return values
