"""The noise floor in a column and in words: how often the teacher contradicts itself."""

from tailqa.core.estimate import Measured, TooFew
from tailqa.core.report import Report
from tailqa.report.escape import one_line
from tailqa.report.format import PERCENT, count, figure


def noise_of(report: Report, stratum: str) -> Measured | None:
    """The share of the teacher's own grades that flipped in one stratum; None if not measured."""
    if report.noise_floor is None:
        return None
    found = (result.flips for result in report.noise_floor.strata if result.name == stratum)
    return next(found, None)


def noise_words(report: Report) -> str:
    """What the noise floor is and how it was found, in sentences; empty where it was not."""
    floor = report.noise_floor
    if floor is None:
        return ""
    asked = f"Noise floor: asked again ({one_line(floor.how)}), the teacher"
    if isinstance(floor.overall, TooFew):
        return f"{asked}'s own grades could not be compared: {one_line(floor.overall.reason)}."
    n = sum(result.n for result in floor.strata)
    changed = sum(result.changed for result in floor.strata)
    return (
        f"{asked} contradicts its own grade in {figure(floor.overall, PERCENT)} of the traffic; "
        f"{count(changed)} of {count(n)} answers changed at all. A margin below that is finer "
        "than the teacher's own grades."
    )
