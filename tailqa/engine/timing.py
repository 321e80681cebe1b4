"""Speed on its own: two models in alternation at batch 1."""

from collections.abc import Sequence

from tailqa.core.ports import Encoded, Engine, Progress, Request, Timing
from tailqa.engine.fitting import fitted

_WARM_UPS = 2


def measure(
    teacher: Engine,
    student: Engine,
    requests: Sequence[Request],
    *,
    progress: Progress,
    task: str = "speed",
) -> list[tuple[Timing, Timing]]:
    """(teacher, student) times of every request, each answered alone; nothing is stored.

    The two models take turns on every request and the one that begins changes each time (AB BA
    AB …), so that a machine that drifts slows both. The first requests are run before on both
    models and not counted. Progress counts requests. Raises ModelError.

    >>> from tailqa.core.ports import Silent
    >>> from tailqa.core.query import Generation
    >>> from tailqa.engine.scripted import ScriptedEngine
    >>> slow, fast = (ScriptedEngine({"q": "a b c"}, token_s=s) for s in (0.5, 0.25))
    >>> ask = Request(query_id="q", prompt="?", generation=Generation())
    >>> [(a, b)] = measure(slow, fast, [ask], progress=Silent())
    >>> a.answer_s, b.answer_s, b.first_token_s
    (1.5, 0.75, 0.25)
    """
    progress.start(task, len(requests))
    try:
        encoded = [(fitted(teacher, request), fitted(student, request)) for request in requests]
        for ours, theirs in encoded[:_WARM_UPS]:
            teacher.time(ours)
            student.time(theirs)
        times = []
        for turn, (ours, theirs) in enumerate(encoded):
            pair = _take_turns(teacher, student, ours, theirs, teacher_first=turn % 2 == 0)
            times.append(pair)
            progress.advance(task, 1, sum(timing.completion_tokens for timing in pair))
    finally:
        progress.finish(task)
    return times


def _take_turns(
    teacher: Engine, student: Engine, ours: Encoded, theirs: Encoded, *, teacher_first: bool
) -> tuple[Timing, Timing]:
    if teacher_first:
        return teacher.time(ours), student.time(theirs)
    student_time = student.time(theirs)
    return teacher.time(ours), student_time
