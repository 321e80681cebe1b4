"""Student against teacher in one pipeline: ratios, the trap and Amdahl's view."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import (
    ALL_TRAFFIC,
    UNTIMED,
    AmdahlView,
    Figure,
    Option,
    OptionCost,
    OptionRatio,
    TrapFinding,
)
from tailqa.cost.certain import Size, size_of
from tailqa.cost.draws import ratio_of
from tailqa.cost.figures import measured
from tailqa.cost.pipeline import amdahl
from tailqa.cost.prediction import Predicted
from tailqa.cost.scene import Scene

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Rows = Mapping[Figure, Floats]

PER_RESOLVED: tuple[Figure, ...] = (
    "seconds_per_resolved",
    "tokens_per_resolved",
    "usd_per_resolved",
)


def option_ratios(costs: Sequence[OptionCost], *, level: float) -> tuple[OptionRatio, ...]:
    """Every figure of every way of using the student over the teacher's, all traffic."""
    whole = {cost.option: cost for cost in costs if cost.scope == ALL_TRAFFIC}
    return tuple(
        OptionRatio(
            option=option,
            figure=figure,
            ratio=ratio_of(cost, whole["teacher"], figure, level=level),
        )
        for option, cost in whole.items()
        if option != "teacher"
        for figure in get_args(Figure)
    )


def per_token_ratio(scene: Scene) -> "Floats | None":
    """Student's seconds per generated token over the teacher's, (rows,); None without speeds."""
    import numpy as np

    student, teacher = scene.speeds["student"], scene.speeds["teacher"]
    if student is None or teacher is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(
            [speed.completion_token_s for speed in student],
            [speed.completion_token_s for speed in teacher],
        )


def trap_findings(
    scene: Scene,
    rows: Mapping[Option, "Rows"],
    unknown: Mapping[Option, Mapping[Figure, TooFew]],
    *,
    level: float,
) -> tuple[TrapFinding, ...]:
    """Is the student faster per token, and slower or dearer per resolved query?

    For both ways of using it, by seconds, tokens and money, all traffic first. What is not known
    of either option is left out.
    """
    fast = _per_token(scene, level=level)
    scopes = [*enumerate(scene.people.strata)]
    scopes.insert(0, (len(scopes), ALL_TRAFFIC))
    found = []
    for option in (option for option in rows if option != "teacher"):
        for figure in PER_RESOLVED:
            if figure in unknown[option] or figure in unknown["teacher"]:
                continue
            for column, scope in scopes:
                above, below = (rows[who][figure][:, column] for who in (option, "teacher"))
                ratio = _ratio(above, below, size=size_of(scene.people, column), level=level)
                found.append(
                    TrapFinding(
                        scope=scope,
                        option=option,
                        figure=figure,
                        occurs=_occurs(fast, ratio),
                        per_token=fast,
                        per_resolved=ratio,
                    )
                )
    return tuple(found)


def _per_token(scene: Scene, *, level: float) -> Measured:
    ratio = per_token_ratio(scene)
    if ratio is None:
        return TooFew(reason=UNTIMED, n=0)
    if not math.isfinite(ratio[0]):
        return TooFew(reason="the teacher's time does not grow with its tokens", n=scene.people.n)
    return measured(ratio, level=level, size=size_of(scene.people))


def amdahl_view(
    scene: Scene,
    loaded: Mapping[Option, Predicted],
    unloaded: Mapping[Option, Predicted],
    *,
    level: float,
) -> AmdahlView | None:
    """Generation's speed-up against the speed-up end to end; None without speeds.

    The times of `unloaded` are of the same pipeline without any wait. None also where a timeout or
    a hedge cuts work off, so that what generation takes has no closed form.
    """
    teacher, student = unloaded["teacher"], unloaded["student"]
    if teacher.setting.timed or student.setting.timed:
        return None
    if teacher.expected.own_s is None or student.expected.own_s is None:
        return None
    generation = teacher.expected.own_s[:, -1] / student.expected.own_s[:, -1]
    whole = teacher.lasting["mean_s"][:, -1]
    share = (teacher.expected.own_s[:, -1] / whole).clip(0.0, 1.0)
    by_law = _rows([amdahl(f, s) for f, s in zip(share, generation, strict=True)])
    size = size_of(scene.people)
    ends = {
        name: found["teacher"].lasting["mean_s"][:, -1] / found["student"].lasting["mean_s"][:, -1]
        for name, found in (("unloaded", unloaded), ("loaded", loaded))
        if not any(p.saturated for p in (found["teacher"], found["student"]))
    }
    full: Measured = TooFew(reason="a stage is saturated", n=size.n)
    return AmdahlView(
        share=measured(share, level=level, size=size),
        generation=measured(generation, level=level, size=size),
        by_law=measured(by_law, level=level, size=size),
        unloaded=measured(ends["unloaded"], level=level, size=size),
        loaded=measured(ends["loaded"], level=level, size=size) if "loaded" in ends else full,
        next_bottleneck=_next(loaded["student"]),
    )


def _rows(values: Sequence[float]) -> "Floats":
    import numpy as np

    return np.array(values, dtype=float)


def _next(predicted: Predicted) -> str:
    """The busiest stage but generation; by its time where none has a limit."""
    others = [
        (float(busy), float(service), station.name)
        for busy, service, station in zip(
            predicted.utilisation[0],
            predicted.service_s[0],
            predicted.setting.stations,
            strict=True,
        )
        if station.role == "stage"
    ]
    known = [(0.0 if math.isnan(busy) else busy, service, name) for busy, service, name in others]
    return max(known)[2] if known else "none: generation is the only stage"


def _ratio(above: "Floats", below: "Floats", *, size: Size, level: float) -> Measured:
    import numpy as np

    if np.isnan(above[0] + below[0]):
        return TooFew(reason="too few simulated requests", n=size.n)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((below > 0) & np.isfinite(below), above / below, np.inf)
    if not math.isfinite(ratio[0]):
        who = "the student" if math.isinf(above[0]) else "the teacher"
        return TooFew(reason=f"{who} resolves nothing there", n=size.n)
    return measured(ratio, level=level, size=size)


def _occurs(per_token: Measured, per_resolved: Measured) -> Literal["yes", "no", "unclear"]:
    fast = _against_one(per_token)
    dear = _against_one(per_resolved)
    if fast == "below" and dear == "above":
        return "yes"
    return "no" if fast == "above" or dear == "below" else "unclear"


def _against_one(ratio: Measured) -> Literal["below", "above", "unclear"]:
    if isinstance(ratio, Estimate) and (ratio.high < 1 or ratio.low > 1):
        return "below" if ratio.high < 1 else "above"
    return "unclear"
