"""The student as drafter in tables and words: what speculative decoding with this pair gains."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailqa.core.drafting import DraftingResult
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.report import Report
from tailqa.report import format as shown
from tailqa.report.cells import FULL, NARROW, PLAIN, figure_text, make_table, text, two_lines
from tailqa.report.escape import one_line
from tailqa.report.reading import worst_first

if TYPE_CHECKING:
    from rich.table import Table

NOTE = (
    "The student drafts, the teacher verifies: the texts stay the teacher's own. Speed-up of "
    "decoding over the teacher alone at the best draft length, with the accepted tokens counted "
    "along the teacher's answers and a verification taken for one step of the teacher."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One figure of a result, some at its best draft length; shown from `detail` on."""

    title: str
    field: str
    unit: shown.Unit
    detail: int = NARROW
    at_best: bool = False

    def of(self, result: DraftingResult) -> Measured | None:
        """The figure of one result; None where it is none of a draft length that was found."""
        source = result.best if self.at_best else result
        return None if source is None else getattr(source, self.field)


PAGE = 3
"""More detail than any terminal shows."""

COLUMNS = (
    Column(title="accepted", field="acceptance", unit=shown.PERCENT),
    Column(title="same top-1", field="same_top1", unit=shown.PERCENT, detail=PAGE),
    Column(title="Σ min(p, q)", field="overlap", unit=shown.PERCENT, detail=PAGE),
    Column(title="draft cost", field="draft_cost", unit=shown.RATIO, detail=FULL),
    Column(title="tokens per check", field="tokens", unit=shown.RATIO, detail=FULL, at_best=True),
    Column(title="speed-up", field="speedup", unit=shown.RATIO, at_best=True),
    Column(
        title="breaks even at", field="break_even", unit=shown.PERCENT, detail=PLAIN, at_best=True
    ),
)
LENGTH_COLUMNS = (
    ("tokens per check", "tokens", shown.RATIO),
    ("by formula", "formula_tokens", shown.RATIO),
    ("speed-up", "speedup", shown.RATIO),
    ("by formula", "formula_speedup", shown.RATIO),
    ("breaks even at", "break_even", shown.PERCENT),
)


def best_drafting(report: Report) -> DraftingResult | None:
    """What drafting comes to over all traffic; None where no speed-up was measured.

    Its `best` row holds the draft length of the highest speed-up.
    """
    whole = next((result for result in report.drafting if result.scope == "all"), None)
    return whole if whole is not None and whole.best is not None else None


def drafting_shown(report: Report) -> tuple[DraftingResult, ...]:
    """The strata worst gap first, head and tail where they hold several strata, all traffic.

    Empty where no result has a speed-up.
    """
    if all(result.best is None for result in report.drafting):
        return ()
    places = {stratum.name: place for place, stratum in enumerate(worst_first(report.strata))}
    kinds = [stratum.kind for stratum in report.strata]
    scopes = ("stratum", "head", "tail", "all")
    wanted = [
        result
        for result in report.drafting
        if result.scope not in ("head", "tail") or kinds.count(result.scope) > 1
    ]
    return tuple(
        sorted(wanted, key=lambda result: (scopes.index(result.scope), places.get(result.name, 0)))
    )


def drafting_table(report: Report, detail: int) -> "Table":
    """The table of the terminal; names are shown as they are given."""
    table = make_table(detail)
    table.add_column("stratum", overflow="fold", min_width=8)
    table.add_column("draft\nlength", justify="right", no_wrap=True)
    columns = [column for column in COLUMNS if detail >= column.detail]
    for column in columns:
        title = f"{column.title}, {column.unit.symbol}".removesuffix(", ")
        table.add_column(two_lines(title), justify="right", no_wrap=True)
    table.add_column("clears\nbreak-even", no_wrap=True)
    for result in drafting_shown(report):
        cells = (figure_text(column.of(result), column.unit) for column in columns)
        table.add_row(
            text(one_line(result.name)), text(best_length(result)), *cells, text(clears(result))
        )
    table.caption, table.caption_justify = NOTE, "left"
    return table


def drafting_figures(report: Report) -> dict[str, Any]:
    """What the section of the page is made of."""
    shown_results = drafting_shown(report)
    return {
        "drafting": shown_results,
        "drafting_words": drafting_words(report),
        "drafting_columns": [column for column in COLUMNS if column.field != "acceptance"],
        "drafting_length_columns": LENGTH_COLUMNS,
        "drafting_applies": applies(shown_results[-1].temperature) if shown_results else "",
        "best_length": best_length,
        "clears": clears,
    }


def best_length(result: DraftingResult) -> str:
    """The draft length of the highest speed-up; a dash without."""
    return shown.NONE if result.best_length is None else str(result.best_length)


def clears(result: DraftingResult) -> str:
    """Whether the acceptance is shown to lie above the break-even at that draft length."""
    return (result.best.clears if result.best else None) or shown.NONE


def drafting_words(report: Report) -> str:
    """What drafting gains over all traffic, in a sentence or three.

    Why it is not known where fidelity was measured and the speed-up was not; else empty.
    """
    whole = best_drafting(report)
    if whole is None:
        return _why_not(report)
    best = whole.best
    if best is None or not isinstance(best.speedup, Estimate):
        return ""
    gain = best.speedup
    verdict = {
        "faster": "would decode {gain} times as fast as the teacher alone",
        "slower": "would decode {gain} times as fast as the teacher alone, which is slower",
        "unclear": "would decode {gain} times as fast as the teacher alone, no difference shown",
    }[_against_one(gain)].format(gain=_with_interval(gain, shown.RATIO))
    return (
        f"As a drafter, {best.length} tokens ahead, the student gives the teacher's own texts: the "
        f"pair {verdict} ({shown.level(gain)} interval, n = {shown.count(gain.n)} timed queries) "
        f"if verifying took one step of the teacher and the loop around it no time."
        f"{_acceptance(whole)}{_formula(whole)}{_difference(whole)}"
    )


def applies(temperature: float) -> str:
    """Which acceptance the figures take, in half a sentence."""
    if temperature == 0:
        return "at temperature 0 a draft is accepted where both find the same token likeliest"
    said = "a draft is accepted with the chance Σ min(p, q)"
    if temperature == 1:
        return f"at temperature 1, {said}"
    return f"{said}, measured at temperature 1 although this run's is {temperature:g}"


def _acceptance(result: DraftingResult) -> str:
    best, accepted = result.best, result.acceptance
    if best is None or not isinstance(accepted, Estimate):
        return ""
    said = (
        f" The teacher accepts {_with_interval(accepted, shown.PERCENT)} of drafted tokens "
        f"({applies(result.temperature)})"
    )
    if not isinstance(best.break_even, Estimate):
        return f"{said}."
    return (
        f"{said}; at this pair's draft cost "
        f"{_with_interval(best.break_even, shown.PERCENT)} would break even."
    )


def _formula(result: DraftingResult) -> str:
    best = result.best
    if best is None or not isinstance(best.formula_speedup, Estimate):
        return ""
    return (
        f" The formula for independent acceptances and endless texts says "
        f"{_with_interval(best.formula_speedup, shown.RATIO)}."
    )


def _difference(result: DraftingResult) -> str:
    difference = result.tail_minus_head
    if not isinstance(difference, Estimate):
        return ""
    return f" Tail {shown.MINUS} head, acceptance: {_with_interval(difference, shown.POINTS)}."


def _why_not(report: Report) -> str:
    whole = next((result for result in report.drafting if result.scope == "all"), None)
    if whole is None or not report.fidelity:
        return ""
    for missing in (whole.draft_cost, whole.acceptance, *(row.speedup for row in whole.lengths)):
        if not isinstance(missing, Estimate):
            return f"What the student is worth as a drafter is not known: {missing.reason}."
    return ""


def _against_one(ratio: Estimate) -> str:
    if ratio.low > 1:
        return "faster"
    return "slower" if ratio.high < 1 else "unclear"


def _with_interval(measured: Estimate, unit: shown.Unit) -> str:
    value = f"{shown.value(measured, unit)} {unit.symbol}".strip()
    return f"{value} {shown.interval(measured, unit)}"
