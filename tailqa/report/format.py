"""All rounding happens here: numbers as text, with their unit, interval and n."""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tailqa.core.estimate import Estimate, Measured

_NEARLY_ALL = 99.99
_BEYOND_ROUNDING = 1e15
MINUS = "−"
NONE = "–"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What a figure is shown in: multiplied by `scale`, followed by `symbol`.

    With `decimals` a fixed number of them, else three significant digits, but three decimals at
    most unless it is a `tiny` quantity; `signed` shows the plus.
    """

    symbol: str
    scale: float = 1.0
    decimals: int | None = None
    signed: bool = False
    tiny: bool = False

    def number(self, value: float) -> str:
        """`value` (unscaled) as a number without its symbol.

        What is not zero is never shown as zero, and what is below 100 never as 100: an interval
        that excludes zero must look so. A share that is all but 100 % is more than 99.99.

        >>> POINTS.number(-0.0831), POINTS.number(0.0002), PERCENT.number(0.9999)
        ('−8.3', '+0.02', '99.99')
        >>> PERCENT.number(0.99999), PERCENT.number(1)
        ('>99.99', '100.0')
        >>> PERCENT.number(0.8125), PERCENT.number(13 / 16 - 1e-16)
        ('81.3', '81.3')
        >>> NATS.number(0.031273), NATS.number(0.0000214)
        ('0.0313', '2.1e-5')
        """
        scaled = value * self.scale
        size = abs(scaled)
        if self.tiny and 0 < size < 1:
            return (MINUS if scaled < 0 else "") + _small(size)
        decimals = _decimals(size) if self.decimals is None else self.decimals
        text = _fixed(size, decimals)
        while decimals < 6 and _reached(float(text.replace(",", "")), size):
            if self.symbol == "%" and size > _NEARLY_ALL:
                return f">{_NEARLY_ALL}"
            decimals += 1
            text = _fixed(size, decimals)
        if float(text.replace(",", "")) == 0:
            return text
        return (MINUS if scaled < 0 else "+" if self.signed else "") + text


POINTS = Unit(symbol="points", scale=100, decimals=1, signed=True)
PERCENT = Unit(symbol="%", scale=100, decimals=1)
TOKENS = Unit(symbol="tokens")
SECONDS = Unit(symbol="s")
NATS = Unit(symbol="nats", tiny=True)
RATIO = Unit(symbol="", decimals=2)
ORDINAL = Unit(symbol="", decimals=0)
MILLISECONDS = Unit(symbol="ms", scale=1000)


def time_unit(*measured: Measured) -> Unit:
    """Milliseconds where every value is below one second, else seconds."""
    values = [item.value for item in measured if isinstance(item, Estimate)]
    return MILLISECONDS if values and max(values) < 1 else SECONDS


def value(measured: Measured, unit: Unit) -> str:
    """The value alone, without unit and interval; a dash where there is none."""
    return unit.number(measured.value) if isinstance(measured, Estimate) else NONE


def interval(measured: Measured, unit: Unit) -> str:
    """The interval alone, in brackets; empty where there is none."""
    if not isinstance(measured, Estimate):
        return ""
    return f"[{unit.number(measured.low)}, {unit.number(measured.high)}]"


def bracketed(measured: Measured, unit: Unit) -> str:
    """Value and interval without the unit, for a column that names it; or the dash.

    >>> bracketed(Estimate(value=-.08, low=-.11, high=-.06, level=.95, method="", n=9), POINTS)
    '−8.0 [−11.0, −6.0]'
    """
    return f"{value(measured, unit)} {interval(measured, unit)}".strip()


def figure(measured: Measured, unit: Unit) -> str:
    """Value, unit, interval and n in words, for a sentence; or why there is none.

    >>> figure(Estimate(value=-.08, low=-.11, high=-.06, level=.95, method="", n=900), POINTS)
    '−8.0 points (95 % interval −11.0 to −6.0, n = 900)'
    """
    if not isinstance(measured, Estimate):
        return f"not measured ({measured.reason}, n = {count(measured.n)})"
    found = f"{unit.number(measured.value)} {unit.symbol}".rstrip()
    return (
        f"{found} ({level(measured)} interval "
        f"{unit.number(measured.low)} to {unit.number(measured.high)}, n = {count(measured.n)})"
    )


def level(measured: Estimate) -> str:
    """The confidence level, as in 95 %."""
    return f"{measured.level * 100:g} %"


def count(n: int) -> str:
    """A count with thousands set apart."""
    return f"{n:,}"


def p_value(p: float | None) -> str:
    """A p value with two significant digits, never shown as 0; a dash where there is none.

    >>> p_value(0.0123), p_value(0.00001), p_value(0.621), p_value(None)
    ('0.012', '<0.001', '0.62', '–')
    """
    if p is None:
        return NONE
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def times(ratio: float) -> str:
    """A ratio rounded down, so that "at least" stays true.

    >>> times(5.29), times(12.9), times(1.04)
    ('5.2', '12', '1.0')
    """
    return f"{int(ratio):,}" if ratio >= 10 else f"{int(ratio * 10) / 10:.1f}"


def _fixed(size: float, decimals: int) -> str:
    """Halves go up, as on paper; what lies within rounding errors of one is one."""
    if not size < _BEYOND_ROUNDING:
        return f"{size:,.{decimals}f}"
    rounded = Decimal(f"{size:.12g}").quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded:,f}"


def _decimals(size: float) -> int:
    return 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3


def _small(size: float) -> str:
    if size < 1e-4:
        digits, _, exponent = f"{size:.1e}".partition("e")
        return f"{digits}e{int(exponent)}"
    return f"{size:.{2 - math.floor(math.log10(size))}f}"


def _reached(rounded: float, size: float) -> bool:
    return (rounded == 0 and size > 0) or (rounded == 100 and size < 100)
