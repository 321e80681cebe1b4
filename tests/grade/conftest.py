"""Short ways to a query and its answer."""

from collections.abc import Callable

import pytest

from tailqa.core.answer import Answered, Attempt, Scored, Ungraded
from tailqa.core.query import GraderSpec, Json, Query
from tailqa.grade import make_grader

Judge = Callable[..., Scored | Ungraded]


@pytest.fixture
def judge() -> Judge:
    """Grades texts with the named grader: judge("exact", ["Paris"], ["paris"], **options)."""

    def grade(
        name: str, texts: list[str], references: list[str], **options: Json
    ) -> Scored | Ungraded:
        query = Query(id="q1", stratum="s", prompt="?", references=tuple(references))
        attempts = tuple(
            Attempt(
                prompt="?",
                prompt_tokens=1,
                completion_tokens=1,
                text=text,
                finish_reason="stop",
                sample=sample,
            )
            for sample, text in enumerate(texts)
        )
        grader = make_grader(GraderSpec(name=name, options=options))
        return grader.grade(query, Answered(query_id="q1", attempts=attempts))

    return grade


@pytest.fixture
def correct(judge: Judge) -> Callable[..., bool]:
    """Whether one text is right."""

    def grade(name: str, text: str, *references: str, **options: Json) -> bool:
        graded = judge(name, [text], list(references), **options)
        assert isinstance(graded, Scored)
        return graded.correct

    return grade
