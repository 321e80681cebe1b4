"""Units and cells of a bench, for the terminal and the page alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.bench import SIDES, Bench, Cell, PaddingAudit, PaddingCount
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.report import format as shown
from tailqa.report.escape import one_line

RATE = shown.Unit(symbol="tokens/s")
MEBIBYTES = shown.Unit(symbol="MiB", scale=1 / (1 << 20))
GIGABYTES_PER_S = shown.Unit(symbol="GB/s", scale=1e-9)
GIGAOPERATIONS_PER_S = shown.Unit(symbol="GFLOP/s", scale=1e-9)
REASON_CHARACTERS = 160


def ratio_number(ratio: float) -> str:
    """A ratio of times, never shown as 1 where it is not: the interval must look as it is.

    A millionth off is rounding of the sums.

    >>> ratio_number(1.037), ratio_number(0.99951), ratio_number(12.34), ratio_number(1 + 1e-9)
    ('1.04', '0.9995', '12.3', '1.00')
    """
    decimals = 1 if ratio >= 10 else 2
    text = f"{ratio:,.{decimals}f}"
    while abs(ratio - 1) >= 1e-6 and float(text.replace(",", "")) == 1 and decimals < 6:
        decimals += 1
        text = f"{ratio:,.{decimals}f}"
    return text


def ratio_value(measured: Measured) -> str:
    """The ratio alone; a dash where there is none."""
    return ratio_number(measured.value) if isinstance(measured, Estimate) else shown.NONE


def ratio_interval(measured: Measured) -> str:
    """The interval of a ratio in brackets; empty where there is none."""
    if not isinstance(measured, Estimate):
        return ""
    return f"[{ratio_number(measured.low)}, {ratio_number(measured.high)}]"


def memory(cell: Cell) -> str:
    """Peak memory in MiB; a dash where the system does not tell."""
    peak = cell.times.peak_bytes
    return shown.NONE if peak is None else MEBIBYTES.number(peak)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoofRow:
    """What one model needs, what the machine gives, and the shares reached.

    Decoding is judged where weights are all that counts: the smallest batch and shortest prompt;
    prefill where there is most to multiply.
    """

    side: str
    decode: Cell
    prefill: Cell


def roof_rows(bench: Bench) -> list[RoofRow]:
    """One row per model that ran a cell, in the same cells where both ran one."""
    ran = {side: [c for c in bench.cells if _ran(c, side)] for side in SIDES}
    both = {_place(c) for c in ran["teacher"]} & {_place(c) for c in ran["student"]}
    return [
        RoofRow(
            side=side,
            decode=min(cells, key=lambda c: (c.times.batch_size, c.times.prompt_tokens)),
            prefill=max(cells, key=lambda c: c.times.batch_size * c.times.prompt_tokens),
        )
        for side, own in ran.items()
        if (cells := [c for c in own if _place(c) in both or not both])
    ]


def _ran(cell: Cell, side: str) -> bool:
    return cell.times.side == side and cell.times.failure is None


def _place(cell: Cell) -> tuple[int, int]:
    return cell.times.batch_size, cell.times.prompt_tokens


def above_the_roof(bench: Bench) -> list[str]:
    """The sides whose decode steps beat the measured bandwidth: their weights stay in a cache."""
    return [
        row.side
        for row in roof_rows(bench)
        if isinstance(row.decode.decode_roofline, Estimate) and row.decode.decode_roofline.low > 1
    ]


def unmeasured(bench: Bench) -> list[str]:
    """Which cells have no figures or no intervals, and why, one sentence per reason and side."""
    places: dict[tuple[str, str], list[str]] = {}
    for cell in bench.cells:
        if isinstance(cell.answer_s, TooFew):
            place = f"{cell.times.prompt_tokens:,} tokens × {cell.times.batch_size:,}"
            places.setdefault((cell.times.side, cell.answer_s.reason), []).append(place)
    return [
        f"{side}, {', '.join(found)}: {one_line(reason, REASON_CHARACTERS)}"
        for (side, reason), found in places.items()
    ]


def padding_rows(audit: PaddingAudit) -> list[tuple[int, dict[str, int]]]:
    """Computed tokens by way of padding, per batch size."""
    sizes = sorted({count.batch_size for count in audit.counts if count.batch_size is not None})
    fixed = {c.padding: c.computed_tokens for c in audit.counts if c.batch_size is None}
    return [(size, fixed | _of_size(audit.counts, size)) for size in sizes]


def _of_size(counts: Sequence[PaddingCount], size: int) -> dict[str, int]:
    return {c.padding: c.computed_tokens for c in counts if c.batch_size == size}
