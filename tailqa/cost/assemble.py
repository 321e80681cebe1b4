"""A pipeline as the simulation takes it: stations, rules, and when requests arrive."""

import math
from typing import TYPE_CHECKING

from tailqa.core.operations import Option
from tailqa.cost.arrivals import Bursty, Poisson, Requests, Trace
from tailqa.cost.graph import in_order, repeated, resolved_after
from tailqa.cost.line import Rules, Station
from tailqa.cost.schema import Escalate, Pipeline, Stage, ToPerson, ToTeacher

if TYPE_CHECKING:
    import numpy as np

    from tailqa.cost.line import Floats


def stations(pipeline: Pipeline, option: Option) -> tuple[Station, ...]:
    """The stages, each after all that it waits for, and for `escalated` where that goes.

    `teacher` and `student` have the same stations: who answers at generation is not theirs to
    know. Raises ValueError for `escalated` where the pipeline escalates nothing.

    >>> from tailqa.cost.load import load_pipeline
    >>> [(at.name, at.role, at.repeats) for at in stations(load_pipeline("chat"), "escalated")]
    [('guard', 'stage', False), ('generation', 'generation', True), ('teacher', 'teacher', False)]
    """
    escalate = _escalation(pipeline, option)
    order = in_order(pipeline.stages)
    again = repeated(pipeline.stages, pipeline.repeat_from)
    place = {pipeline.stages[index].name: at for at, index in enumerate(order)}
    after = resolved_after(pipeline.stages)
    line = tuple(
        _station(
            pipeline.stages[index],
            after=tuple(sorted({place[name] for name in after[index]})),
            repeats=pipeline.stages[index].name in again,
        )
        for index in order
    )
    if isinstance(escalate, ToTeacher):
        servers, concurrency = escalate.servers, escalate.concurrency
        teacher = Station(
            name="teacher", servers=servers, time=None, role="teacher", concurrency=concurrency
        )
        return (*line, teacher)
    if isinstance(escalate, ToPerson):
        time = escalate.time.times()
        return (*line, Station(name="person", servers=escalate.servers, time=time, role="person"))
    return line


def rules_of(pipeline: Pipeline, option: Option) -> Rules:
    """What happens to an attempt that is not accepted; only `escalated` escalates.

    Raises ValueError for `escalated` where the pipeline escalates nothing.

    >>> from tailqa.cost.load import load_pipeline
    >>> rules_of(load_pipeline("chat"), "student").escalate_to is None
    True
    """
    policy, escalate = pipeline.policy, _escalation(pipeline, option)
    return Rules(
        max_attempts=policy.max_attempts,
        sensitivity=policy.verifier.sensitivity,
        false_accepts=policy.verifier.false_accepts,
        lift=policy.retry.lift,
        added_prompt_tokens=policy.retry.adds_prompt_tokens,
        back_off_s=policy.retry.back_off_s,
        back_off_factor=policy.retry.back_off_factor,
        timeout_s=math.inf if policy.timeout_s is None else policy.timeout_s,
        hedge_after_s=math.inf if policy.hedge_after_s is None else policy.hedge_after_s,
        calls=pipeline.chain.calls,
        escalate_to=None if escalate is None else escalate.to,
        second_attempts=escalate.attempts if isinstance(escalate, ToTeacher) else 1,
        person_right=escalate.right if isinstance(escalate, ToPerson) else 1.0,
    )


def arrival_times(pipeline: Pipeline, n: int, rng: "np.random.Generator") -> "Floats | None":
    """When each of `n` requests arrives, seconds from 0, not falling; None for a closed loop.

    A trace that has fewer rows is repeated end to end, a mean gap apart: request i is row
    i modulo its length.

    >>> import numpy as np
    >>> from tailqa.cost.load import load_pipeline
    >>> times = arrival_times(load_pipeline("rag"), 10_000, np.random.default_rng(1))
    >>> round(float(times[-1]), -3)
    10000.0
    """
    arrivals = pipeline.arrivals
    if isinstance(arrivals, Poisson):
        return rng.exponential(1 / arrivals.rate, n).cumsum()
    if isinstance(arrivals, Bursty):
        return _bursty(arrivals, n, rng)
    recorded = trace(pipeline)
    return None if recorded is None else _repeated(recorded.arrival_s, n)


def trace(pipeline: Pipeline) -> Requests | None:
    """The recorded requests, faster by `speed_up`, the first at 0; None without a trace."""
    arrivals = pipeline.arrivals
    if not isinstance(arrivals, Trace):
        return None
    rows = arrivals.rows
    return Requests(
        arrival_s=rows.arrival_s / arrivals.speed_up,
        context_tokens=rows.context_tokens,
        generated_tokens=rows.generated_tokens,
    )


def _escalation(pipeline: Pipeline, option: Option) -> Escalate | None:
    if option != "escalated":
        return None
    if pipeline.policy.escalate is None:
        raise ValueError(f"pipeline {pipeline.name} has no policy.escalate")
    return pipeline.policy.escalate


def _station(stage: Stage, *, after: tuple[int, ...], repeats: bool) -> Station:
    return Station(
        name=stage.name,
        servers=stage.servers,
        time=None if stage.time is None else stage.time.times(),
        role="generation" if stage.model else "stage",
        concurrency=stage.concurrency,
        probability=stage.probability,
        after=after,
        repeats=repeats,
    )


def _bursty(arrivals: Bursty, n: int, rng: "np.random.Generator") -> "Floats":
    """A Poisson process of rate 1 on the clock of the expected requests so far (time change)."""
    import numpy as np

    wanted = rng.exponential(1.0, n).cumsum()
    states = [(arrivals.calm_s, arrivals.rate), (arrivals.burst_s, arrivals.burst_rate)]
    # In the long run it is a burst for this share of the time, and so at a moment of one's own.
    if rng.random() < arrivals.burst_s / (arrivals.calm_s + arrivals.burst_s):
        states.reverse()
    mean_s, rate = np.array(states).T
    ends_s, expected = np.zeros(1), np.zeros(1)
    turns = 16 + math.ceil(n / float(mean_s @ rate))
    while n and expected[-1] < wanted[-1]:
        lengths = rng.exponential(np.broadcast_to(mean_s, (turns, 2)))
        ends_s = np.concatenate([ends_s, ends_s[-1] + lengths.ravel().cumsum()])
        more = (lengths * rate).ravel().cumsum()
        expected = np.concatenate([expected, expected[-1] + more])
    return np.asarray(np.interp(wanted, expected, ends_s), dtype=np.float64)


def _repeated(arrival_s: "Floats", n: int) -> "Floats":
    import numpy as np

    rows = len(arrival_s)
    period = float(arrival_s[-1]) * rows / (rows - 1)
    times, row = np.divmod(np.arange(n), rows)
    return np.asarray(times * period + arrival_s[row], dtype=np.float64)
