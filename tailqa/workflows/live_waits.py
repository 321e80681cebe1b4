"""Times drawn, and tasks that are given up when they take too long."""

import asyncio
import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tailqa.cost.line import Times
from tailqa.workflows.answerer import Made

if TYPE_CHECKING:
    import numpy as np


def drawn(times: Times, rng: "np.random.Generator") -> float:
    """Seconds drawn from a distribution.

    >>> import numpy as np
    >>> drawn(Times(kind="constant", first=0.5), np.random.default_rng(0))
    0.5
    """
    match times.kind:
        case "constant":
            return times.first
        case "lognormal":
            return float(rng.lognormal(times.first, times.second))
        case "gamma":
            return float(rng.gamma(times.first, times.second))
    return float(times.values[rng.integers(len(times.values))])


async def in_time(attempt: "asyncio.Task[Made]", timeout_s: float) -> Made | None:
    """What the attempt makes, or None where it takes longer; it is called off then."""
    try:
        over, _ = await asyncio.wait({attempt}, timeout=limit_of(timeout_s))
    finally:
        await called_off({attempt})
    return attempt.result() if over else None


async def called_off(tasks: "Collection[asyncio.Task[Any]]") -> None:
    """Ends the tasks that are not over, and waits for them to have ended."""
    open_ones = [task for task in tasks if task.cancel()]
    if open_ones:
        await asyncio.wait(open_ones)


def limit_of(seconds: float) -> float | None:
    """As asyncio takes it: None where there is no limit."""
    return None if seconds == math.inf else seconds
