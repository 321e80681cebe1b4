"""On how much a figure rests: on so many queries, or on the pipeline alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from tailqa.core.operations import Figure
from tailqa.cost.draws import COUNTED
from tailqa.cost.line import Rules
from tailqa.cost.offered import Setting
from tailqa.cost.outcomes import Chances, expected_outcomes
from tailqa.cost.population import Population

_SAME = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """On how much a figure rests: queries, and the units (clusters) that are resampled."""

    n: int
    units: int


def size_of(people: Population, column: int = -1) -> Size:
    """Of a stratum; of all traffic in the last column, which is -1 too."""
    import numpy as np

    whole = column in (-1, len(people.strata))
    units = people.unit if whole else people.unit[people.stratum == column]
    return Size(n=len(units), units=len(np.unique(units)))


def certain_figures(setting: Setting) -> Mapping[Figure, float]:
    """Counts of answers, per query, that are the same whatever share of them is right.

    So is that nothing is escalated where there is no escalation. Timeouts and copies only change
    how many answers are accepted, so what is certain for every such share stays so.

    >>> asked_once = Setting(option="student", stations=(), rules=Rules(), rate=None)
    >>> certain_figures(asked_once)
    {'attempts': 1.0, 'uncaught': 0.0, 'escalated': 0.0}
    """
    import numpy as np

    share = np.repeat([0.0, 0.4, 1.0], 3)
    nan = np.full(len(share), np.nan)
    own, teacher = (
        Chances(a=nan, b=nan, share=one) for one in (share, share.reshape(3, 3).T.ravel())
    )
    accepted = (0.0, 0.5, 1.0) if setting.timed else (1.0,)
    found = [
        expected_outcomes(_accepting(setting.rules, *times), own, teacher)
        for times in product(accepted, accepted)
    ]
    counts = {
        figure: np.concatenate(
            [
                counts["right"] + counts["wrong"] + counts["second_right"] + counts["second_wrong"]
                if figure == "attempts"
                else counts[figure]  # type: ignore[index]
                for counts in found
            ]
        )
        for figure in COUNTED
    }
    return {
        figure: float(values.mean().round(9)) + 0.0
        for figure, values in counts.items()
        if np.ptp(values) < _SAME
    }


def _accepting(rules: Rules, right: float, wrong: float) -> Rules:
    return replace(
        rules, sensitivity=right * rules.sensitivity, false_accepts=wrong * rules.false_accepts
    )
