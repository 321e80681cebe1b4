"""What is asked, with which options, and how the answers are paired and graded."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tailqa import suite as suite_room
from tailqa.core.answer import Answer, Answered, Grade, Pair
from tailqa.core.errors import TailqaError
from tailqa.core.ports import Request
from tailqa.core.query import Query, Suite
from tailqa.grade import Grader, make_grader
from tailqa.workflows.costs import PipelineLike
from tailqa.workflows.gate import PolicyLike
from tailqa.workflows.models import Loading
from tailqa.workflows.suites import CODE_GRADER, load_suite


@dataclass(frozen=True, kw_only=True)
class Options(Loading):
    """How a comparison is run, as the flags of the same names; `created` is today by default."""

    sources: Mapping[str, Path] = field(default_factory=dict)
    limit: int | None = None
    num_fewshot: int | None = None
    samples: int | None = None
    temperature: float | None = None
    batch_size: int | None = None
    seed: int = 0
    speed: int = 30
    fidelity: bool = False
    fidelity_texts: Path | None = None
    noise_floor: bool = False
    noise_floor_dtype: str | None = None
    policy: PolicyLike = None
    pipeline: PipelineLike = None
    until_decided: bool = False
    ignore_clusters: bool = False
    out: Path = Path("outputs")
    store: Path | None = None
    trust_suite_code: bool = False
    created: str = ""


def chosen_suite(name: str, options: Options) -> Suite:
    """The suite with the options' say on its draw. Raises InputError and TailqaError."""
    suite = load_suite(name, sources=options.sources, num_fewshot=options.num_fewshot)
    drawn = suite.generation
    generation = replace(
        drawn,
        samples=drawn.samples if options.samples is None else options.samples,
        temperature=drawn.temperature if options.temperature is None else options.temperature,
    )
    if generation.samples > 1 and generation.temperature == 0:
        raise TailqaError("several samples of a greedy answer are all the same; set --temperature")
    suite = replace(suite, generation=generation)
    if options.ignore_clusters:
        alone = tuple(replace(query, cluster=None) for query in suite.queries)
        suite = replace(suite, queries=alone)
    return suite_room.draw(suite, options.limit, seed=options.seed) if options.limit else suite


def chosen_grader(suite: Suite, options: Options) -> Grader:
    """The grader. Raises TailqaError when its code is not trusted, InputError for its faults."""
    if suite.grader.name == CODE_GRADER and not options.trust_suite_code:
        raise TailqaError(
            f"the suite {suite.name} grades with the metric {suite.grader.options.get('metric')}; "
            "its code would run: if you trust it, say --trust-suite-code"
        )
    return make_grader(suite.grader)


def requests(suite: Suite, seed: int) -> list[Request]:
    """One request per query and sample; the choices of a query are scored once."""
    return [
        Request(
            query_id=query.id,
            prompt=query.prompt,
            generation=suite.generation,
            choices=query.choices,
            sample=sample,
            seed=_request_seed(seed, query.id, sample),
        )
        for query in suite.queries
        for sample in range(suite.generation.samples if not query.choices else 1)
    ]


def _request_seed(seed: int, query_id: str, sample: int) -> int:
    """A seed of its own for every attempt, so that it can be drawn again alone."""
    text = f"{seed}:{sample}:{query_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def graded_pairs(
    queries: Sequence[Query],
    teacher: Sequence[Answer],
    student: Sequence[Answer],
    grader: Grader,
) -> tuple[Pair, ...]:
    """Every query with both answers and their grades, in the order of `queries`."""

    def grade(query: Query, given: Answer) -> Grade | None:
        return grader.grade(query, given) if isinstance(given, Answered) else None

    sides = zip(queries, teacher, student, strict=True)
    return tuple(
        Pair(
            query=query,
            teacher=first,
            student=second,
            teacher_grade=grade(query, first),
            student_grade=grade(query, second),
        )
        for query, first, second in sides
    )
