"""An axis of a drawing: where numbers stand on it, and which of them are written there."""

import math
from dataclasses import dataclass

_MOST_TICKS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """Values from `low` to `high` between two ends of a drawing."""

    low: float
    high: float
    log: bool
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where `value` stands; what lies beyond is put at the edge."""
        value = min(self.high, max(self.low, value))
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


def ticks_of(axis: Axis) -> list[float]:
    """Round numbers on the axis, a handful of them."""
    if axis.log:
        first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
        decades = [10.0**power for power in range(first, last + 1)]
        for factors in ((1, 2, 5), (1, 3), (1,)):
            ticks = [
                f * ten for ten in decades for f in factors if axis.low <= f * ten <= axis.high
            ]
            if len(ticks) <= _MOST_TICKS:
                return ticks
        return ticks
    step = 10.0 ** math.floor(math.log10((axis.high - axis.low) / _MOST_TICKS))
    step *= next(f for f in (1, 2, 5, 10) if (axis.high - axis.low) / (step * f) <= _MOST_TICKS)
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]
