"""Early stopping: verdicts that may be read after every pair, and the interval that goes along.

The guarantee holds at any stopping time, whatever made one stop, provided that the pairs come in
random order.
"""

import math
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.betting import N_FIXED, Gambler, blocks, compound, fixed_bets, pooled
from tailqa.stats.checks import check_share

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SequentialVerdict = Literal["pass", "fail", "undecided"]


class EProcess:
    """Evidence on the mean of x = student − factor·teacher + shift, for and against, pair by pair.

    "pass" is against E[x] ≤ 0 and "fail" against E[x] ≥ 0, each by betting (`Gambler`), aimed at
    the mean that x has where the student is as good as the teacher and at its mirror image.
    """

    def __init__(self, factor: float, shift: float, alpha: float) -> None:
        self._factor, self._shift, self._alpha = factor, shift, check_share("alpha", alpha)
        self._up, self._down = Gambler(factor - shift), Gambler(1 + shift)
        self._teacher_sum = 0.0
        self._path = array("d")
        self._verdict: SequentialVerdict = "undecided"
        self._decided_at: int | None = None

    def update(self, teacher_correct: float, student_correct: float) -> SequentialVerdict:
        """The verdict after one more pair: bools, or scores in [0, 1].

        Raises ValueError for a score outside [0, 1] or NaN.
        """
        return self.extend([teacher_correct], [student_correct])

    def extend(self, teacher: Sequence[float], student: Sequence[float]) -> SequentialVerdict:
        """The verdict after these pairs, taken in order: the same as one by one.

        `teacher` and `student` hold bools or scores in [0, 1], of equal length, also as arrays.
        The first verdict stands; later pairs go on to be counted and weighed. Raises ValueError
        for other lengths and for a score outside [0, 1] or NaN, and then nothing has changed.
        """
        teacher_scores, student_scores = _scores(teacher, student)
        for rows in blocks(len(teacher_scores)):
            self._extend(teacher_scores[rows], student_scores[rows])
        return self._verdict

    @property
    def verdict(self) -> SequentialVerdict:
        """The first verdict reached, or "undecided"."""
        return self._verdict

    @property
    def decided_at(self) -> int | None:
        """The number of pairs after which the verdict was reached; None while undecided."""
        return self._decided_at

    @property
    def n(self) -> int:
        """The number of pairs seen."""
        return len(self._path) // 2

    @property
    def threshold(self) -> float:
        """log(1/alpha), the evidence that a verdict takes."""
        return -math.log(self._alpha)

    @property
    def evidence_pass(self) -> float:
        """The natural logarithm of the e-value to pass; 0 before the first pair."""
        return self._path[-2] if self._path else 0.0

    @property
    def evidence_fail(self) -> float:
        """The natural logarithm of the e-value to fail; 0 before the first pair."""
        return self._path[-1] if self._path else 0.0

    @property
    def path(self) -> "Floats":
        """`evidence_pass` and `evidence_fail` after every pair, shape (n, 2)."""
        import numpy as np

        return np.array(self._path).reshape(-1, 2)

    def _extend(self, teacher: "Floats", student: "Floats") -> None:
        import numpy as np

        sums = np.cumsum(np.concatenate([[self._teacher_sum], teacher]))
        # One pair that is half right stands for what is not known before the first.
        accuracy = (0.5 + sums[:-1]) / (1 + self.n + np.arange(len(teacher)))
        aims = self._shift + (1 - self._factor) * accuracy
        values = student - self._factor * teacher + self._shift
        path = np.column_stack([self._up.extend(values, aims), self._down.extend(-values, aims)])
        crossed = np.flatnonzero((path >= self.threshold).any(axis=1))
        if self._decided_at is None and len(crossed):
            first = int(crossed[0])
            self._decided_at = self.n + first + 1
            self._verdict = "pass" if path[first, 0] >= self.threshold else "fail"
        self._teacher_sum = float(sums[-1])
        self._path.frombytes(path.tobytes())


class GapEProcess(EProcess):
    """Is the student worse by the margin? Pairs one by one, until the answer is known.

    "pass" rejects "gap ≤ −margin" and "fail" rejects "gap ≥ −margin" (gap = student − teacher);
    each is wrong with probability at most alpha, at whatever pair one stops, also when every pair
    was looked at. Pairs must come in random order. margin and alpha lie in (0, 1), else
    ValueError. What stands in `EProcess` is the interface.

    >>> process = GapEProcess(0.05)
    >>> process.update(True, True)
    'undecided'
    >>> process.extend([True, False] * 100, [True, False] * 100)
    'pass'
    >>> process.decided_at, round(process.evidence_fail, 2)
    (79, -3.18)
    """

    def __init__(self, margin: float, *, alpha: float = 0.05) -> None:
        super().__init__(1.0, check_share("margin", margin), alpha)


class RetentionEProcess(EProcess):
    """Does the student keep a share `floor` of the teacher's accuracy? As `GapEProcess`.

    "pass" rejects "student ≤ floor·teacher" and "fail" rejects "student ≥ floor·teacher", in
    accuracy. Raises ValueError unless floor lies in (0, 1] and alpha in (0, 1). At floor 1 a
    student that is as good as the teacher lies on the border and mostly stays undecided.

    >>> RetentionEProcess(0.9).extend([True] * 40, [True, False] * 20)
    'fail'
    """

    def __init__(self, floor: float, *, alpha: float = 0.05) -> None:
        if not 0 < floor <= 1:
            raise ValueError(f"floor must lie in (0, 1], got {floor!r}")
        super().__init__(float(floor), 0.0, alpha)


def gap_confidence_sequence(
    teacher: Sequence[float], student: Sequence[float], *, level: float = 0.95
) -> Measured:
    """The gap with an interval that holds at all times at once, for pairs in random order.

    `teacher` and `student` hold bools or scores in [0, 1] in the order in which they came. A gap
    g lies outside when a gambler against "gap ≤ g", or one against "gap ≥ g", has at any time
    multiplied the money by 2/(1 − level): the running intersection. Each spreads it over 25 fixed
    shares of the largest bet that cannot ruin, for which the wealth falls with g, so that the
    limits are roots. Where the pairs drift so that it would leave out the gap observed in all, it
    is stretched to that. TooFew without a pair. Raises ValueError for unequal lengths, a score
    outside [0, 1] or NaN, and level outside (0, 1).

    >>> gap = gap_confidence_sequence([True] * 400, ([True] * 19 + [False]) * 20)
    >>> round(gap.value, 3), round(gap.low, 3), round(gap.high, 3)
    (-0.05, -0.088, -0.023)
    """
    tail = (1 - check_share("level", level)) / 2
    teacher_scores, student_scores = _scores(teacher, student)
    gaps = student_scores - teacher_scores
    if not len(gaps):
        return TooFew(reason="no pairs", n=0)
    value = float(gaps.mean())
    return Estimate(
        value=value,
        low=min(value, _lower_limit(gaps, tail)),
        high=max(value, -_lower_limit(-gaps, tail)),
        level=level,
        method="betting",
        n=len(gaps),
    )


def _lower_limit(gaps: "Floats", tail: float) -> float:
    """The largest g for which the wealth against "gap ≤ g" has reached 1/tail at any time."""
    import numpy as np
    from scipy.optimize import brentq

    threshold = -math.log(tail)

    def excess(gap: float) -> float:
        logs, most = np.full(N_FIXED, -math.log(N_FIXED)), 0.0
        for rows in blocks(len(gaps)):
            path = compound(logs, fixed_bets(1 + gap), gaps[rows] - gap)
            logs, most = path[-1], max(most, float(pooled(path).max()))
        # The logarithm grows with the square of the distance: its root takes half the steps.
        return math.sqrt(most) - math.sqrt(threshold)

    lowest = -1 + 1e-9
    return float(brentq(excess, lowest, 1.0, xtol=1e-9)) if excess(lowest) > 0 else -1.0


def _scores(teacher: Sequence[float], student: Sequence[float]) -> "tuple[Floats, Floats]":
    import numpy as np

    arrays = np.asarray(teacher, dtype=np.float64), np.asarray(student, dtype=np.float64)
    for name, scores in zip(("teacher", "student"), arrays, strict=True):
        if scores.ndim != 1:
            raise ValueError(f"{name} must hold one score per pair, got shape {scores.shape}")
        outside = ~((scores >= 0) & (scores <= 1))
        if outside.any():
            raise ValueError(f"{name} must lie in [0, 1], got {float(scores[outside][0])!r}")
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(
            f"teacher and student must be equally long, got {len(arrays[0])} and {len(arrays[1])}"
        )
    return arrays
