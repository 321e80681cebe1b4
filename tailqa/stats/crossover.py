"""Is the student slower, and from which batch size on is it not?"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from tailqa.core.bench import Speed, SpeedRun
from tailqa.core.estimate import Measured, TooFew
from tailqa.stats.sample import quantile_estimate


def median_ratio(
    student_s: Sequence[float], teacher_s: Sequence[float], *, level: float = 0.95
) -> Measured:
    """Median of student_s[i] / teacher_s[i], times of one repeat each, taken one after the other.

    The interval is that of `quantile_estimate`, between order statistics of the ratios, so a
    machine that slows down for one repeat slows both and moves nothing. At level .95 it takes 6
    repeats. Raises ValueError unless all times are positive and as many on both sides.

    >>> ratio = median_ratio([3, 4, 3, 3, 6, 3], [2, 2, 2, 2, 4, 2])
    >>> ratio.value, ratio.low, ratio.high
    (1.5, 1.5, 2.0)
    """
    if len(student_s) != len(teacher_s):
        raise ValueError(f"student_s has {len(student_s)} times, teacher_s {len(teacher_s)}")
    if any(seconds <= 0 for seconds in (*student_s, *teacher_s)):
        raise ValueError("times must all be positive")
    ratios = [ours / theirs for ours, theirs in zip(student_s, teacher_s, strict=True)]
    return quantile_estimate(ratios, 0.5, level=level)


def speed_of(ratio: Measured) -> Speed:
    """What the interval of student time / teacher time allows to say; with 1 in it, nothing.

    >>> speed_of(median_ratio([3] * 6, [2] * 6)), speed_of(median_ratio([3], [2]))
    ('slower', 'unmeasured')
    """
    if isinstance(ratio, TooFew):
        return "unmeasured"
    if ratio.low > 1:
        return "slower"
    return "faster" if ratio.high < 1 else "unclear"


def crossover(speeds: Mapping[int, Speed]) -> tuple[SpeedRun, ...]:
    """Neighbouring batch sizes of equal `speeds`, joined, from the smallest on.

    The crossover lies where `slower` meets `faster`, or between them.

    >>> [(run.speed, run.last) for run in crossover({1: "slower", 16: "faster", 4: "slower"})]
    [('slower', 4), ('faster', 16)]
    """
    runs = []
    for speed, batch in groupby(sorted(speeds), key=lambda size: speeds[size]):
        sizes = list(batch)
        runs.append(SpeedRun(speed=speed, first=sizes[0], last=sizes[-1]))
    return tuple(runs)
