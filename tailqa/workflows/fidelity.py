"""The fidelity pass of a comparison: what both models read, and what it says per stratum."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa import stats
from tailqa.core.answer import Answered, Failed, Pair, Scored
from tailqa.core.digest import digest
from tailqa.core.errors import ModelError, TailqaError
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.ports import Engine, Progress, Request
from tailqa.core.query import Suite
from tailqa.core.report import FidelityResult, FidelityScope, Report
from tailqa.engine import answer_fidelity, shared_vocabulary, text_fidelity
from tailqa.workflows.drafting import drafting_results

if TYPE_CHECKING:
    from tailqa.engine.divergence import QueryFidelity


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The results, the findings (what was left out and why) and the answers behind the results."""

    results: tuple[FidelityResult, ...] = ()
    findings: tuple[str, ...] = ()
    of_stratum: "Mapping[str, Sequence[QueryFidelity]]" = field(default_factory=dict)
    missing: str = "no answer could be compared"


def read_text(path: Path) -> str:
    """The given text. Raises TailqaError where it cannot be read, is not UTF-8 or is empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TailqaError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise TailqaError(f"{path}: is not UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise TailqaError(f"{path}: holds no text")
    return text


def add_fidelity(
    report: Report,
    suite: Suite,
    engines: Sequence[Engine],
    pairs: Sequence[Pair],
    text: str | None,
    *,
    progress: Progress,
) -> Report:
    """The report with the fidelity over the teacher's answers, and over `text` if one is given.

    One result per stratum, one of all traffic and one of the text, and what the student is worth
    as a drafter. Where the vocabularies differ, or `engines` does not hold both models, there is
    none, and a finding says so.
    """
    found = _measure(suite, engines, pairs, text, progress=progress)
    ended = {
        pair.query.id
        for pair in pairs
        if isinstance(pair.teacher, Answered) and pair.teacher.attempts[0].finish_reason == "stop"
    }
    drafting = drafting_results(report, suite, found.of_stratum, ended, missing=found.missing)
    options = {**report.fingerprint.options, "fidelity": True}
    if text is not None:
        options["fidelity_texts"] = digest(text)
    return replace(
        report,
        fidelity=found.results,
        drafting=drafting,
        findings=(*report.findings, *found.findings),
        fingerprint=replace(report.fingerprint, options=options),
    )


def _measure(
    suite: Suite,
    engines: Sequence[Engine],
    pairs: Sequence[Pair],
    text: str | None,
    *,
    progress: Progress,
) -> _Found:
    if len(engines) < 2:
        return _none("it takes both models in memory together")
    teacher, student = engines
    try:
        vocabulary = shared_vocabulary(teacher, student)
    except ModelError as error:
        return _none(str(error))
    requests = list(_requests(suite, pairs))
    read = [request for request in requests if request.choices[0]]
    found = answer_fidelity(teacher, student, read, vocabulary=vocabulary, progress=progress)
    findings = [*_beyond(vocabulary.n_beyond), *_empty(len(requests) - len(read), len(requests))]
    findings += _left_out(found, "answers")
    of_stratum = _by_stratum(suite, pairs, _measured(found))
    results = _of_answers(suite, pairs, of_stratum)
    if text is not None:
        try:
            windows = text_fidelity(
                teacher, student, text, vocabulary=vocabulary, progress=progress
            )
        except ModelError as error:
            findings.append(f"The given texts were left out of the fidelity: {error}.")
        else:
            findings += _left_out(windows, "windows of the given texts")
            none = TooFew(reason="given texts are neither right nor wrong", n=0)
            results.append(_result("given texts", "texts", [_measured(windows)], (1.0,), none))
    return _Found(results=tuple(results), findings=tuple(findings), of_stratum=of_stratum)


def _none(why: str) -> _Found:
    return _Found(
        findings=(f"Fidelity was not measured: {why}.",),
        missing=f"fidelity was not measured: {why}",
    )


def _requests(suite: Suite, pairs: Sequence[Pair]) -> Iterator[Request]:
    """The teacher's first answer to each query, as the only choice after the prompt."""
    for pair in pairs:
        if not isinstance(pair.teacher, Answered):
            continue
        attempt, query = pair.teacher.attempts[0], pair.query
        text, chosen = attempt.text, attempt.choice_logprobs is not None
        if attempt.choice_logprobs is not None:
            best = attempt.choice_logprobs.index(max(attempt.choice_logprobs))
            text = query.choices[best]
        yield Request(
            query_id=query.id,
            prompt=query.prompt,
            generation=suite.generation,
            choices=(text,),
            continues=not chosen,
        )


def _by_stratum(
    suite: Suite, pairs: Sequence[Pair], rows: "Sequence[QueryFidelity]"
) -> "dict[str, list[QueryFidelity]]":
    of_query = {row.query_id: row for row in rows}
    strata: dict[str, list[QueryFidelity]] = {stratum.name: [] for stratum in suite.strata}
    for pair in pairs:
        if pair.query.id in of_query:
            strata[pair.query.stratum].append(of_query[pair.query.id])
    return strata


def _of_answers(
    suite: Suite, pairs: Sequence[Pair], strata: "Mapping[str, Sequence[QueryFidelity]]"
) -> list[FidelityResult]:
    of_query = {row.query_id: row for rows in strata.values() for row in rows}
    flips: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in strata}
    for pair in pairs:
        row = of_query.get(pair.query.id)
        if row is None:
            continue
        if isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored):
            stayed = pair.teacher_grade.correct == pair.student_grade.correct
            flips[pair.query.stratum][stayed].append(row.mean_kl)
    results = [
        _result(name, "stratum", [rows], (1.0,), stats.ranking_auc(*flips[name]))
        for name, rows in strata.items()
    ]
    everywhere = [[kl for both in flips.values() for kl in both[side]] for side in (0, 1)]
    weights = [stratum.weight for stratum in suite.strata]
    auc = stats.ranking_auc(*everywhere)
    return [*results, _result("by traffic", "all", list(strata.values()), weights, auc)]


def _result(
    name: str,
    scope: FidelityScope,
    strata: "Sequence[Sequence[QueryFidelity]]",
    weights: Sequence[float],
    flip_auc: Measured,
) -> FidelityResult:
    import numpy as np

    def totals(of: "Callable[[QueryFidelity], float]") -> list[stats.Clusters]:
        return [([of(row) for row in rows], [row.n_positions for row in rows]) for rows in strata]

    never = [
        ([float(row.first_divergence is None) for row in rows], [1] * len(rows)) for rows in strata
    ]
    first = [[np.array([row.first_divergence or math.inf]) for row in rows] for rows in strata]
    kl = stats.clustered_quantiles(
        [[row.kl for row in rows] for rows in strata], (0.5, 0.9, 0.99, 0.999), weights
    )
    [half] = stats.clustered_quantiles(first, (0.5,), weights)
    return FidelityResult(
        name=name,
        scope=scope,
        n_queries=sum(len(rows) for rows in strata),
        n_positions=sum(row.n_positions for rows in strata for row in rows),
        kl=stats.clustered_mean(totals(lambda row: row.kl_sum), weights, skewed=True),
        reverse_kl=stats.clustered_mean(
            totals(lambda row: row.reverse_kl_sum), weights, skewed=True
        ),
        kl_p50=kl[0],
        kl_p90=kl[1],
        kl_p99=kl[2],
        kl_p999=kl[3],
        same_top1=stats.clustered_share(totals(lambda row: row.n_same_top1), weights),
        acceptance=stats.clustered_mean(
            totals(lambda row: row.acceptance_sum), weights, highest=1.0
        ),
        first_divergence_tokens=half,
        never_diverged=stats.clustered_share(never, weights),
        perplexity_ratio=stats.clustered_geometric_mean(
            totals(lambda row: row.teacher_logprob_sum - row.student_logprob_sum), weights
        ),
        flip_auc=flip_auc,
    )


def _measured(found: "Sequence[QueryFidelity | Failed]") -> "list[QueryFidelity]":
    return [row for row in found if not isinstance(row, Failed)]


def _beyond(n: int) -> Iterator[str]:
    if n:
        yield f"{n:,} token ids that only one tokenizer names were left out of the fidelity."


def _empty(n: int, n_answers: int) -> Iterator[str]:
    if n:
        yield f"Without fidelity, as it is empty: {n:,} of the teacher's {n_answers:,} answers."


def _left_out(found: "Sequence[QueryFidelity | Failed]", what: str) -> Iterator[str]:
    failed = [row for row in found if isinstance(row, Failed)]
    example = {row.reason: row.query_id for row in reversed(failed)}
    for reason, n in Counter(row.reason for row in failed).most_common(5):
        yield (
            f"{n:,} of {len(found):,} {what} were left out of the fidelity: {reason}; "
            f"the first is {example[reason]}."
        )
