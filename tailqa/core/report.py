"""The report of one comparison: the one thing that `report/` and `gate/` read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.drafting import DraftingResult
from tailqa.core.estimate import Cells, Measured
from tailqa.core.operations import Operations
from tailqa.core.query import Kind, Task, Tier
from tailqa.core.retries import RetryResult
from tailqa.core.routing import Routing

Outcome = Literal["pass", "fail", "inconclusive"]
FidelityScope = Literal["stratum", "all", "texts"]
Quantity = Literal[
    "gap",
    "retention",
    "score",
    "overall gap",
    "interaction",
    "fidelity",
    "prompts",
    "cost",
    "cost ratio",
    "strata",
]
AuditKind = Literal["bos", "template", "stop", "truncation", "format", "length"]
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class GradedScores:
    """Scores in [0, 1] of one stratum, one per graded pair, both sides in the same order."""

    teacher: tuple[float, ...]
    student: tuple[float, ...]
    gap: Measured
    teacher_mean: Measured
    student_mean: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class StratumResult:
    """One stratum, both models. Gap, retention (student / teacher accuracy) and flips are rates.

    Only queries that both sides answered and that were graded on both sides are in the cells.
    `clusters` holds the cells of each cluster where queries are not independent, `graded` the
    scores where a grader gives more than right or wrong. `chance` is the accuracy of guessing.
    `adjusted_p` is McNemar's p for all strata tested together: by Holm, of advisory strata by
    Benjamini–Hochberg.
    """

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
    gap: Measured
    retention: Measured
    flips: Measured
    teacher_accuracy: Measured
    student_accuracy: Measured
    mcnemar_p: float | None
    adjusted_p: float | None = None
    chance: float = 0.0
    clusters: Mapping[str, Cells] = field(default_factory=dict)
    graded: GradedScores | None = None

    @property
    def cells(self) -> Cells:
        """The paired table."""
        return (self.both, self.teacher_only, self.student_only, self.neither)

    @property
    def n(self) -> int:
        """Graded pairs."""
        return sum(self.cells)


@dataclass(frozen=True, kw_only=True, slots=True)
class OverallResult:
    """The traffic-weighted figures over all strata."""

    gap: Measured
    teacher_accuracy: Measured
    student_accuracy: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencySummary:
    """Speed of one model on one stratum at batch 1; raw times in seconds, one per timed query of
    `raw_query_ids`, which are the same for both sides.

    `time_to_first_token_s` and `answer_s` give the p50 with its order-statistic interval;
    `answer_p95_s` the p95. `time_per_output_token_s` is the p50 over queries of the mean time
    between tokens after the first.
    """

    stratum: str
    side: Side
    batch_size: int
    time_to_first_token_s: Measured
    time_per_output_token_s: Measured
    answer_s: Measured
    answer_p95_s: Measured
    completion_tokens: Measured
    raw_first_token_s: tuple[float, ...]
    raw_answer_s: tuple[float, ...]
    raw_completion_tokens: tuple[int, ...]
    raw_query_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CostSummary:
    """What one *correct* answer takes: wrong answers are paid for too."""

    stratum: str
    side: Side
    tokens_per_query: Measured
    tokens_per_correct: Measured
    seconds_per_correct: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class FidelityResult:
    """How the student's next-token distributions follow the teacher's, over the same tokens.

    Of one stratum, of all traffic (strata by weight) or of given texts, where a query is a window
    of text. KL(teacher‖student), its percentiles and the reverse are nats per position;
    `same_top1` and `acceptance` (Σ min(p, q), the chance that a drafted token is taken) are
    shares of positions. `first_divergence_tokens` is the token, counted from 1, by which half of
    the answers had another likeliest token; `never_diverged` the share of answers without one.
    `perplexity_ratio` is student / teacher. `flip_auc` is the chance that a flipped query has a
    higher mean KL than one that is not.
    """

    name: str
    scope: FidelityScope
    n_queries: int
    n_positions: int
    kl: Measured
    reverse_kl: Measured
    kl_p50: Measured
    kl_p90: Measured
    kl_p99: Measured
    kl_p999: Measured
    same_top1: Measured
    acceptance: Measured
    first_divergence_tokens: Measured
    never_diverged: Measured
    perplexity_ratio: Measured
    flip_auc: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One rule of the policy, tested: `detail` says in words and numbers what was found.

    `name` is unique in a verdict: the stratum, or the stratum and the quantity. `estimate` is
    what was held against `limit`, `queries_needed` how many would settle it, where that is known.
    `key` says which figure or finding of its quantity is meant, where that has several. `n` is how
    many queries were looked at where there is no estimate to say so.
    """

    name: str
    tier: Tier
    outcome: Outcome
    detail: str
    quantity: Quantity = "gap"
    stratum: str | None = None
    estimate: Measured | None = None
    limit: float | None = None
    queries_needed: int | None = None
    key: str | None = None
    n: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The answer to "may this student replace this teacher?", with its reasons.

    `margin` is the largest loss of accuracy that the policy accepts, in (0, 1), where it is one
    for all strata; `policy_digest` the SHA-256 of the policy.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    policy: str
    margin: float | None = None
    policy_digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseResult:
    """One stratum, the teacher against itself: how many grades `flipped` among `n` queries.

    `flips` is their share, `changed` the number of answers whose text or choice changed at all.
    """

    name: str
    n: int
    flipped: int
    changed: int
    flips: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseFloor:
    """What the teacher's own answers are worth: asked again, `how` says what was different."""

    how: str
    strata: tuple[NoiseResult, ...]
    overall: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class StoppingResult:
    """One stratum of a run that stops when it knows enough.

    `outcomes` holds one letter per graded pair in the order of asking: b (both right), t (teacher
    only), s (student only), n (neither). `path` holds (pairs, evidence that the gap is inside the
    margin, evidence that it is outside), natural logarithms of e-values, at most a few hundred
    points; `threshold` is what either must reach. None where the policy tests no gap there.
    """

    name: str
    n_available: int
    n_asked: int
    outcome: Outcome
    outcomes: str
    margin: float | None
    threshold: float | None
    path: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopping:
    """How a run until decided went: queries are counted per model, tokens over both.

    `saved_tokens` estimates what the queries that were not asked would have taken.
    """

    block: int
    n_available: int
    n_asked: int
    asked_tokens: int
    saved_tokens: Measured
    strata: tuple[StoppingResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditExample:
    """A query that shows a finding, and what was seen there (text of a model: escape it)."""

    query_id: str
    seen: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFinding:
    """Something about prompts or answers that speaks against the comparison.

    It shows in `n` of `of` queries that were looked at; these are counts, not estimates. `message`
    says what it means and what to do, without them. `side` is None where it concerns the two
    together. `template` is a prompt that lacks or changes what the suite asks, or a template that
    one side alone has; two templates around the same contents are no finding.
    """

    kind: AuditKind
    side: Side | None
    n: int
    of: int
    message: str
    examples: tuple[AuditExample, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """What identifies a model and the way it was run; digests are SHA-256.

    Of a run that another harness made, what it did not write down is None, or `not recorded`.

    `weights_digest` covers the weight files (or is the hub commit) and an adapter,
    `tokenizer_digest` the tokenizer, `template_digest` the chat template (None without one).
    `weights` says how the weights are kept where it is not as `dtype`, which they are computed
    with: `bnb-4bit`, `torchao-int8`, `GGUF, packed`, `GGUF, dequantised`, … `notes` say what a
    reader must know of the way it was run, in sentences.
    """

    name: str
    revision: str | None
    weights_digest: str | None
    tokenizer_digest: str | None
    template_digest: str | None
    architecture: str | None
    n_parameters: int | None
    dtype: str
    device: str
    engine: str
    weights: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteInfo:
    """The suite as it was run; `n_queries` is smaller than the suite under `--limit`."""

    name: str
    version: str
    digest: str
    source: str
    task: Task
    n_queries: int


IMPORTED_FROM = "imported from"
"""The option of a fingerprint that names where an imported run comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """What a rerun must share to be comparable."""

    versions: Mapping[str, str]
    options: Mapping[str, str | int | float | bool | None]
    hardware: str

    @property
    def imported(self) -> bool:
        """Whether the answers were given elsewhere, so that nothing can be asked again.

        >>> Fingerprint(versions={}, options={"imported from": "Inspect"}, hardware="").imported
        True
        """
        return IMPORTED_FROM in self.options


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything that one comparison found; saved as result.json."""

    teacher: ModelInfo
    student: ModelInfo
    suite: SuiteInfo
    strata: tuple[StratumResult, ...]
    overall: OverallResult
    interaction: Measured
    latency: tuple[LatencySummary, ...]
    cost: tuple[CostSummary, ...]
    verdict: Verdict
    findings: tuple[str, ...]
    fingerprint: Fingerprint
    seed: int
    created: str
    fidelity: tuple[FidelityResult, ...] = ()
    noise_floor: NoiseFloor | None = None
    stopping: Stopping | None = None
    audit: tuple[AuditFinding, ...] = ()
    retries: tuple[RetryResult, ...] = ()
    operations: Operations | None = None
    routing: Routing | None = None
    drafting: tuple[DraftingResult, ...] = ()
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRecord:
    """What was decided about a run, by which rules and with what, to be looked up later.

    `rules` is the policy as it applied to this run, every default written out (JSON values).
    Digests are SHA-256: of the policy's content, of the bytes of result.json. `run_versions` made
    the run, `tailqa_version` judged it, on `date` (ISO 8601, passed in). `pipeline` is the name of
    the one whose cost was judged, with its digest; None where the policy sets no limit on cost.
    """

    date: str
    teacher: ModelInfo
    student: ModelInfo
    suite: SuiteInfo
    policy: str
    policy_digest: str
    rules: Mapping[str, object]
    result_digest: str
    verdict: Verdict
    run_versions: Mapping[str, str]
    tailqa_version: str
    pipeline: str | None = None
    pipeline_digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerRow:
    """One attempt of one side, flat: a row of answers.parquet and of the answer browser.

    `mean_logprob` is that of the completion's tokens; None in choices, in runs that other
    harnesses made and in older ones.
    """

    query_id: str
    stratum: str
    cluster: str | None
    side: Side
    sample: int
    status: Literal["right", "wrong", "failed", "ungraded"]
    prompt: str
    references: tuple[str, ...]
    choices: tuple[str, ...]
    text: str
    extracted: str | None
    score: float | None
    reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: str | None
    choice_logprobs: tuple[float, ...] | None
    mean_logprob: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run folder in memory: the report and the answers behind it."""

    report: Report
    answers: tuple[AnswerRow, ...] = field(default=())
