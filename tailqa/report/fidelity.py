"""Fidelity in tables and words: how far the student's next token is from the teacher's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.report import FidelityResult, Report
from tailqa.report import format as shown
from tailqa.report.cells import FULL, NARROW, PLAIN, figure_text, make_table, text, two_lines
from tailqa.report.escape import one_line
from tailqa.report.reading import worst_first

if TYPE_CHECKING:
    from rich.table import Table

CHANCE = 0.5
NOTE = (
    "The student's next token against the teacher's, at every token of the teacher's answers; KL "
    "in nats per token. Intervals take a query as the unit."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One figure of a result; the terminal shows it from `detail` on."""

    title: str
    field: str
    unit: shown.Unit
    detail: int = FULL

    def of(self, result: FidelityResult) -> Measured:
        """The figure of one result."""
        measured: Measured = getattr(result, self.field)
        return measured


DIVERGENCE = (
    Column(title="KL mean", field="kl", unit=shown.NATS, detail=NARROW),
    Column(title="KL p50", field="kl_p50", unit=shown.NATS),
    Column(title="KL p90", field="kl_p90", unit=shown.NATS),
    Column(title="KL p99", field="kl_p99", unit=shown.NATS),
    Column(title="KL p99.9", field="kl_p999", unit=shown.NATS),
    Column(title="reverse KL mean", field="reverse_kl", unit=shown.NATS),
    Column(title="perplexity, student / teacher", field="perplexity_ratio", unit=shown.RATIO),
)
AGREEMENT = (
    Column(title="same top-1", field="same_top1", unit=shown.PERCENT, detail=NARROW),
    Column(title="draft accepted", field="acceptance", unit=shown.PERCENT),
    Column(title="never diverged", field="never_diverged", unit=shown.PERCENT),
    Column(title="half diverged by token", field="first_divergence_tokens", unit=shown.ORDINAL),
    Column(title="flips AUC", field="flip_auc", unit=shown.RATIO, detail=PLAIN),
)
_ON_TERMINAL = (DIVERGENCE[0], DIVERGENCE[3], AGREEMENT[0], AGREEMENT[1], AGREEMENT[4])


def in_order(report: Report) -> tuple[FidelityResult, ...]:
    """The strata worst gap first, then all traffic, then given texts."""
    places = {stratum.name: place for place, stratum in enumerate(worst_first(report.strata))}
    scopes = ("stratum", "all", "texts")
    return tuple(
        sorted(
            report.fidelity,
            key=lambda result: (scopes.index(result.scope), places.get(result.name, 0)),
        )
    )


def fidelity_table(report: Report, detail: int) -> "Table":
    """The table of the terminal; names are shown as they are given."""
    results = in_order(report)
    table = make_table(detail)
    table.add_column("stratum", overflow="fold", min_width=8)
    table.add_column("posi-\ntions", justify="right", no_wrap=True)
    columns = [column for column in _ON_TERMINAL if detail >= column.detail]
    for column in columns:
        title = f"{column.title}, {column.unit.symbol}".removesuffix(", ")
        table.add_column(two_lines(title), justify="right", no_wrap=True)
    for result in results:
        cells = (figure_text(column.of(result), column.unit) for column in columns)
        table.add_row(text(one_line(result.name)), text(shown.count(result.n_positions)), *cells)
    table.caption, table.caption_justify = NOTE, "left"
    return table


def fidelity_rows(
    report: Report, columns: Sequence[Column]
) -> list[tuple[FidelityResult, list[tuple[Measured, shown.Unit]]]]:
    """The rows of one table of the page."""
    return [
        (result, [(column.of(result), column.unit) for column in columns])
        for result in in_order(report)
    ]


def kl_and_flips(report: Report) -> str:
    """In a sentence whether a high KL tells which queries flip; empty where nothing was measured.

    Nothing is claimed that the interval does not bear out.
    """
    whole = next((result for result in report.fidelity if result.scope == "all"), None)
    if whole is None:
        return ""
    auc = whole.flip_auc
    if not isinstance(auc, Estimate):
        return f"Whether KL tells which queries flip was not measured: {auc.reason}."
    claim = {
        "worse": "KL tells which queries flip, but the wrong way round",
        "better": "KL tells which queries flip",
        "unclear": "KL is not shown to tell which queries flip",
    }[_against_chance(auc)]
    share = f"{shown.PERCENT.number(auc.value)} %"
    limits = f"{shown.PERCENT.number(auc.low)} to {shown.PERCENT.number(auc.high)}"
    return (
        f"{claim}: in {share} of all pairs of a flipped query and another the flipped one has the "
        f"higher mean KL ({shown.level(auc)} interval {limits}, n = {shown.count(auc.n)}; 50 % is "
        f"chance){_strata(report)}."
    )


def _strata(report: Report) -> str:
    aucs = [result.flip_auc for result in report.fidelity if result.scope == "stratum"]
    known = [auc for auc in aucs if isinstance(auc, Estimate)]
    if len(aucs) < 2:
        return ""
    n = sum(_against_chance(auc) == "better" for auc in known)
    untold = f" ({len(aucs) - len(known)} not measured)" if len(known) < len(aucs) else ""
    return f"; within a stratum it is shown in {n} of {len(aucs)}{untold}"


def _against_chance(auc: Estimate) -> str:
    if auc.low > CHANCE:
        return "better"
    return "worse" if auc.high < CHANCE else "unclear"
