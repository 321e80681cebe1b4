"""What the student is worth as a drafter, from the fidelity pass and the speed pass."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tailqa import stats
from tailqa.core.drafting import DraftingResult, DraftingScope
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.query import Suite
from tailqa.core.report import LatencySummary, Report
from tailqa.cost.drafting import draft_length_of, verification_counts
from tailqa.workflows.speed import SIDES

if TYPE_CHECKING:
    from tailqa.engine.divergence import QueryFidelity

DRAFT_LENGTHS = range(1, 9)
NOT_ASKED = "fidelity was not measured; run tailqa compare with --fidelity"


def drafting_results(
    report: Report,
    suite: Suite,
    followed: "Mapping[str, Sequence[QueryFidelity]]",
    ended: Collection[str] = (),
    *,
    missing: str = NOT_ASKED,
) -> tuple[DraftingResult, ...]:
    """One result per stratum, of head and of tail where there are both, and of all traffic.

    `followed` holds, per stratum, how the student follows the teacher's answers, and `missing`
    says why there is none. `ended` names the queries whose answer ended with a token of its own,
    which takes a place in a verification and is not among those that were compared. Empty for
    choices, which are scored and not generated.
    """
    if suite.task != "generate":
        return ()
    strata = [
        _Stratum(
            name=stratum.name,
            weight=stratum.weight,
            rows=followed.get(stratum.name, ()),
            cost_ratios=_cost_ratios(report.latency, stratum.name),
        )
        for stratum in suite.strata
    ]
    kinds = {stratum.name: stratum.kind for stratum in suite.strata}
    parts = {kind: [s for s in strata if kinds[s.name] == kind] for kind in ("head", "tail")}
    make = _Maker(temperature=suite.generation.temperature, ended=ended, missing=missing)
    results = [make.result(stratum.name, "stratum", [stratum]) for stratum in strata]
    whole = make.result("by traffic", "all", strata)
    if parts["head"] and parts["tail"]:
        head, tail = (
            make.result("head", "head", parts["head"]),
            make.result("tail", "tail", parts["tail"]),
        )
        results += [head, tail]
        difference = stats.tail_interaction(head.acceptance, tail.acceptance)
        whole = replace(whole, tail_minus_head=difference)
    return (*results, whole)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stratum:
    """What was measured in one stratum; `cost_ratios` holds one ratio per timed query."""

    name: str
    weight: float
    rows: "Sequence[QueryFidelity]"
    cost_ratios: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Maker:
    temperature: float
    ended: Collection[str]
    missing: str

    def result(self, name: str, scope: DraftingScope, strata: Sequence[_Stratum]) -> DraftingResult:
        """The strata put together by their weights."""
        used = [stratum for stratum in strata if stratum.weight > 0] or list(strata)
        total = sum(stratum.weight for stratum in used)
        weights = [stratum.weight / total if total else 1 / len(used) for stratum in used]
        rows = [stratum.rows for stratum in used]
        same = [([row.n_same_top1 for row in of], [row.n_positions for row in of]) for of in rows]
        overlap = [
            ([row.acceptance_sum for row in of], [row.n_positions for row in of]) for of in rows
        ]
        found = DraftingResult(
            name=name,
            scope=scope,
            temperature=self.temperature,
            n_queries=sum(len(of) for of in rows),
            same_top1=self._known(stats.clustered_share(same, weights), rows),
            overlap=self._known(stats.clustered_mean(overlap, weights, highest=1.0), rows),
            draft_cost=_draft_cost([stratum.cost_ratios for stratum in used], weights),
            lengths=(),
            best_length=None,
        )
        lengths = tuple(
            draft_length_of(
                length,
                acceptance=found.acceptance,
                draft_cost=found.draft_cost,
                tokens=self._known(self._tokens(rows, weights, length), rows),
            )
            for length in DRAFT_LENGTHS
        )
        speeds = {
            row.length: row.speedup.value for row in lengths if isinstance(row.speedup, Estimate)
        }
        best = max(speeds, key=lambda length: speeds[length], default=None)
        return replace(found, lengths=lengths, best_length=best)

    def _known(self, measured: Measured, rows: "Sequence[Sequence[QueryFidelity]]") -> Measured:
        """With the reason why there is nothing, where there is nothing."""
        return measured if any(rows) else TooFew(reason=self.missing, n=0)

    def _tokens(
        self, rows: "Sequence[Sequence[QueryFidelity]]", weights: Sequence[float], length: int
    ) -> Measured:
        """Tokens per verification, counted along the teacher's answers."""
        texts = [[self._chances(row) for row in of] for of in rows]
        if not all(texts):
            return TooFew(reason="a stratum has fewer than 2 measured queries", n=0)
        return stats.stratified_ratio(
            [[len(text) for text in of] for of in texts],
            [verification_counts(of, length).tolist() for of in texts],
            weights,
        )

    def _chances(self, row: "QueryFidelity") -> np.ndarray:
        """Each token's chance to be accepted.

        Whether the last is does not matter: behind accepted ones it is the teacher's own.
        """
        chances = row.accepted if self.temperature else row.same_top1
        return np.append(chances, 0.0) if row.query_id in self.ended else chances


def _draft_cost(ratios: Sequence[Sequence[float]], weights: Sequence[float]) -> Measured:
    """The median over timed queries, by weight, of a student's step over a teacher's."""
    if not any(ratios):
        return TooFew(reason="speed was not measured", n=0)
    values = [[np.array([ratio]) for ratio in of] for of in ratios]
    [median] = stats.clustered_quantiles(values, (0.5,), weights)
    return median


def _cost_ratios(latency: Sequence[LatencySummary], stratum: str) -> tuple[float, ...]:
    """Per timed query the student's time per decode step over the teacher's."""
    steps = {
        summary.side: list(_steps(summary)) for summary in latency if summary.stratum == stratum
    }
    if not all(side in steps for side in SIDES):
        return ()
    return tuple(
        student / teacher
        for teacher, student in zip(*(steps[side] for side in SIDES), strict=True)
        if teacher and student
    )


def _steps(summary: LatencySummary) -> Iterator[float | None]:
    """Mean seconds per token after the first, per query; None where there is no such token."""
    for first, whole, n in zip(
        summary.raw_first_token_s,
        summary.raw_answer_s,
        summary.raw_completion_tokens,
        strict=True,
    ):
        yield (whole - first) / (n - 1) if n > 1 and whole > first else None
