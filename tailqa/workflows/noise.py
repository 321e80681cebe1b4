"""The noise floor: the teacher against itself, asked again in another way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tailqa import stats
from tailqa.core.answer import Answer, Answered, Grade, Pair, Scored
from tailqa.core.ports import Engine, Progress
from tailqa.core.query import Stratum, Suite
from tailqa.core.report import ModelInfo, NoiseFloor, NoiseResult
from tailqa.engine import ResponseStore, answer
from tailqa.engine.variant import in_other_batches
from tailqa.grade import Grader
from tailqa.workflows.asking import Options, requests
from tailqa.workflows.models import Chosen
from tailqa.workflows.outcomes import stratum_results

TASK = "again"
MOST_AT_A_TIME = 32
"""Half of the batches of a CPU or less. Fewer change no more answers, and take far longer."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """The teacher's second answers by query id, and the teacher that gave them."""

    answers: Mapping[str, Answer]
    info: ModelInfo
    at_a_time: int


def ask_again(
    engine: Engine, store: ResponseStore, suite: Suite, *, seed: int, progress: Progress
) -> Again:
    """One more answer to every query, in smaller batches and from the last query to the first.

    `seed` is that of the first asking; a sampled answer is drawn with another one. The answers
    have keys of their own in the store: none is taken from the first asking, and a run that was
    cut off goes on where it was. Raises ModelError and StoreError as `answer` does.
    """
    once = replace(suite, generation=replace(suite.generation, samples=1))
    asked = requests(once, seed + 1)
    at_a_time = max(1, min(MOST_AT_A_TIME, len(asked) // 2))
    other = in_other_batches(engine, at_a_time)
    given = answer(other, store, asked, progress=progress, task=TASK)
    return Again(
        answers={one.query_id: one for one in given}, info=engine.info, at_a_time=at_a_time
    )


def ask_again_in(
    dtype: str,
    teacher: Chosen,
    store: ResponseStore,
    suite: Suite,
    options: Options,
    *,
    progress: Progress,
) -> Again:
    """The same of the teacher loaded with another dtype, alone in memory."""
    args = replace(teacher.args, dtype=None)
    engine = replace(teacher, dtype=dtype, args=args).open(batch_size=options.batch_size)
    try:
        return ask_again(engine, store, suite, seed=options.seed, progress=progress)
    finally:
        engine.close()


def noise_floor(
    suite: Suite, pairs: Sequence[Pair], again: Again, grader: Grader, teacher: ModelInfo
) -> NoiseFloor:
    """How many of the teacher's grades flip between its answers in `pairs` and those in `again`.

    Only the first attempts count. A query that failed or was not graded either time is left out.
    Per stratum Wilson's interval, over all the strata by weight.
    """

    def regraded(pair: Pair) -> Pair:
        given = again.answers[pair.query.id]
        grade: Grade | None = None
        if isinstance(given, Answered):
            first = replace(given, attempts=given.attempts[:1])
            grade = grader.grade(pair.query, first)
        return replace(pair, student=given, student_grade=grade)

    both = [regraded(pair) for pair in pairs]
    results = tuple(_results(suite.strata, both))
    return NoiseFloor(
        how=_how(suite, again, teacher.dtype),
        strata=results,
        overall=stats.pooled_accuracy(
            [(result.flipped, result.n) for result in results],
            [stratum.weight for stratum in suite.strata],
        ),
    )


def _results(strata: Sequence[Stratum], pairs: Sequence[Pair]) -> Iterator[NoiseResult]:
    changed = [pair.query.stratum for pair in pairs if _changed(pair)]
    for found in stratum_results(strata, pairs):
        yield NoiseResult(
            name=found.name,
            n=found.n,
            flipped=found.teacher_only + found.student_only,
            changed=changed.count(found.name),
            flips=found.flips,
        )


def _changed(pair: Pair) -> bool:
    """Whether two graded answers differ at all: in their text, or in what was chosen."""
    first, second = pair.teacher_grade, pair.student_grade
    if not (isinstance(first, Scored) and isinstance(second, Scored)):
        return False
    if pair.query.choices:
        return first.extracted != second.extracted
    return pair.teacher.attempts[0].text != pair.student.attempts[0].text


def _how(suite: Suite, again: Again, dtype: str) -> str:
    parts = [f"in batches of at most {again.at_a_time}", "in another order"]
    if again.info.dtype != dtype:
        parts.append(f"in {again.info.dtype} instead of {dtype}")
    if suite.task == "generate" and suite.generation.temperature > 0:
        parts.append("with another seed, as its answers are drawn at random")
    return ", ".join(parts)
