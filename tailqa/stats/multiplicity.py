"""Several tests at once: p-values adjusted for how many there are."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in [0, 1]: at most α says so with an error of α over all tests together.

    Holm's step-down (Scand J Stat 1979, 6: 65–70), valid however the tests depend on each other;
    for "which strata regressed". In the order given; () for none. Raises ValueError for values
    outside [0, 1].

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    ordered, ranks = _ordered(p_values)
    adjusted, highest = [], 0.0
    for rank, p in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - rank) * p))
        adjusted.append(highest)
    return tuple(adjusted[rank] for rank in ranks)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in [0, 1]: at most q names slices of which a share q is false.

    The false discovery rate (Benjamini & Hochberg, JRSS B 1995, 57: 289–300), for independent or
    positively dependent tests; for exploring slices. In the order given; () for none. Raises
    ValueError for values outside [0, 1].

    >>> benjamini_hochberg([0.01, 0.04, 0.02])
    (0.03, 0.04, 0.03)
    """
    ordered, ranks = _ordered(p_values)
    adjusted, lowest = ordered[:], 1.0
    for rank in reversed(range(len(ordered))):
        lowest = min(lowest, ordered[rank] * (len(ordered) / (rank + 1)))
        adjusted[rank] = lowest
    return tuple(adjusted[rank] for rank in ranks)


def _ordered(p_values: Sequence[float]) -> tuple[list[float], list[int]]:
    """The values from small to large, and the rank of each in the order given."""
    for i, p in enumerate(p_values):
        if not 0 <= p <= 1:
            raise ValueError(f"p_values[{i}] must lie in [0, 1], got {p!r}")
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    ranks = [0] * len(order)
    for rank, position in enumerate(order):
        ranks[position] = rank
    return [float(p_values[position]) for position in order], ranks
