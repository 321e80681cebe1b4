"""What the history keeps of every run, week after week, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.estimate import Cells, Measured
from tailqa.core.query import Kind, Tier
from tailqa.core.report import Outcome

Facet = Literal[
    "student",
    "teacher",
    "data",
    "template",
    "tokenizer",
    "dtype",
    "engine",
    "settings",
    "versions",
    "hardware",
    "pipeline",
]
"""What a run was made with. `student` and `teacher` are the weights (digest or commit, how they
are kept), `data` is the suite's version and digest, `settings` what else was asked for (seed,
limit, shots, temperature), `pipeline` the name and digest of the pipeline file. Everything but the
weights is the harness, and but the pipeline, which moves costs and no answer."""

FACETS: tuple[Facet, ...] = (
    "student",
    "teacher",
    "data",
    "template",
    "tokenizer",
    "dtype",
    "engine",
    "settings",
    "versions",
    "hardware",
    "pipeline",
)
HARNESS: frozenset[Facet] = frozenset(FACETS) - {"student", "teacher", "pipeline"}

Mark = Literal["1", "0", "f", "u", "."]
"""One query of one side: right, wrong, failed, ungraded, not asked."""

HistoryFigure = Literal[
    "tokens_per_query",
    "tokens_per_correct",
    "seconds_per_correct",
    "answer_s",
    "answer_p95_s",
    "attempts",
    "p95_s",
    "resolved",
    "tokens_per_resolved",
    "seconds_per_resolved",
    "usd_per_resolved",
]
"""Figures of a side (first five, by stratum) or of an option of a pipeline (the others)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptStratum:
    """The counts of one stratum in one run; `margin` is the largest loss a policy accepts."""

    name: str
    kind: Kind
    tier: Tier
    weight: float
    both: int
    teacher_only: int
    student_only: int
    neither: int
    failed: int
    ungraded: int
    margin: float | None = None

    @property
    def cells(self) -> Cells:
        """The paired table."""
        return (self.both, self.teacher_only, self.student_only, self.neither)

    @property
    def n(self) -> int:
        """Graded pairs."""
        return sum(self.cells)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFigure:
    """A cost of one run. `scope` is a stratum or `all traffic`, `who` a side or an option."""

    scope: str
    who: Literal["teacher", "student", "escalated"]
    figure: HistoryFigure
    measured: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRun:
    """One run in the history. `run` is the SHA-256 of its result.json: the same run is kept once.

    `student` is the name under which builds are followed over the weeks; `build` says which one
    this is (name and revision as the run had them). `date` is ISO 8601. `facets` are short, stable
    texts that are equal where nothing changed. `added_s` is seconds since 1970, when it was added.
    """

    run: str
    name: str
    date: str
    student: str
    build: str
    teacher: str
    suite: str
    suite_version: str
    suite_digest: str
    facets: Mapping[Facet, str]
    verdict: Outcome
    policy: str
    policy_digest: str | None
    n_queries: int
    seed: int
    tailqa_version: str
    format_version: int
    strata: tuple[KeptStratum, ...]
    figures: tuple[KeptFigure, ...] = ()
    pipeline: str | None = None
    added_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptQuery:
    """One query as it was asked, and what was right."""

    query_id: str
    stratum: str
    cluster: str | None
    prompt: str
    references: tuple[str, ...]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAnswer:
    """One side's first answer to one query in one run (text of a model: escape it).

    `tokens` counts prompt and completion together, `answer_s` is known for timed queries only.
    """

    query_id: str
    side: Side
    mark: Mark
    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    answer_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRun:
    """A run on its way into the history, with its queries and both sides' answers."""

    kept: KeptRun
    queries: tuple[KeptQuery, ...]
    answers: tuple[KeptAnswer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """What became of every query in several runs, by the column.

    Column q is query `query_ids[q]` of stratum `strata[q]` in cluster `clusters[q]`; a row of
    `student` and of `teacher` belongs to the run of the same place in `runs` and holds one `Mark`
    (an ASCII byte) per column.

    >>> marks = Marks(runs=("a",), query_ids=("q1", "q2"), strata=("head", "tail"),
    ...               clusters=(None, None), student=(b"1.",), teacher=(b"1.",))
    >>> chr(marks.student[0][1])
    '.'
    """

    runs: tuple[str, ...]
    query_ids: tuple[str, ...]
    strata: tuple[str, ...]
    clusters: tuple[str | None, ...]
    student: tuple[bytes, ...]
    teacher: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What adding a run did: `new` is False where the history had it already."""

    run: KeptRun
    new: bool
    notes: tuple[str, ...] = field(default=())
