"""How a replay differs from its pipeline, and what its prediction rests on, in sentences."""

import math
from collections.abc import Iterator, Mapping

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.core.query import Suite
from tailqa.core.words import count_of
from tailqa.cost.arrivals import Closed
from tailqa.cost.assemble import stations
from tailqa.workflows.live_stages import WITH_MODEL
from tailqa.workflows.replay_lift import Lift
from tailqa.workflows.replay_setup import Setup


def drawn_once(suite: Suite) -> bool:
    """Whether answers were drawn at random, but one of each query only."""
    return suite.generation.temperature > 0 and suite.generation.samples == 1


def notes(setup: Setup, *, shared: bool, lifts: Mapping[Side, Lift]) -> Iterator[str]:
    """How the replay differs from the pipeline, and what its prediction rests on."""
    pipeline = setup.pipeline
    models = [s for o in setup.chosen for s in stations(pipeline, o) if s.role in WITH_MODEL]
    if any(station.servers * station.concurrency != 1 for station in models):
        yield (
            "A model answers one request at a time here, whatever servers and concurrency the "
            "pipeline gives it: more at once on one machine would only slow each other down."
        )
    if shared and any(station.role == "teacher" for station in models):
        yield (
            "Teacher and student are on one device and take turns there, first come, first "
            "served; the prediction does the same."
        )
    if not isinstance(pipeline.arrivals, Closed):
        yield (
            f"The pipeline's arrivals are {pipeline.arrivals.kind}; a replay is a closed loop, "
            f"here of {setup.clients} clients."
        )
    yield from _retry_notes(setup, lifts)
    rules = setup.rules(setup.chosen[0])
    if math.isfinite(min(rules.timeout_s, rules.hedge_after_s)):
        yield (
            "A model at work cannot be called off: what timed out or lost to its copy keeps the "
            "model busy until it is done, where the prediction frees it at once."
        )
    if setup.known.n_left_out:
        left_out = count_of(setup.known.n_left_out, "query was", "queries were")
        yield f"{left_out} not answered or graded on both sides in the run, and in neither half."


def cut_off(option: Option, reason: str) -> str:
    """That an option is not in the tables.

    >>> cut_off("escalated", "only 2 answers of the teacher were rehearsed")[:50]
    'The option escalated is left out: only 2 answers o'
    """
    return f"The option {option} is left out: {reason}. Its answers are in the file of requests."


def _retry_notes(setup: Setup, lifts: Mapping[Side, Lift]) -> Iterator[str]:
    pipeline, retry = setup.pipeline, setup.pipeline.policy.retry
    if retry.text is None and (retry.lift or retry.adds_prompt_tokens):
        yield (
            "The pipeline says what a retry adds to its prompt in numbers alone; without a "
            "policy.retry.text there is nothing to add, so that a retry asks the same again and "
            "the prediction assumes no more."
        )
    for side, lift in lifts.items():
        if lift.below:
            yield (
                f"The added text makes retries of the {side} worse than asking the same again; "
                "the pipeline has no negative lift, so the prediction takes it as 0."
            )
    if pipeline.policy.max_attempts > 1 and setup.suite.generation.temperature == 0:
        yield (
            "The run is greedy: asked the same again, a model gives the same answer, and a retry "
            "helps only where the verifier erred."
        )
    elif pipeline.policy.max_attempts > 1 and drawn_once(setup.suite):
        yield (
            "The run has one sample per query, which says nothing of retries; run tailqa compare "
            "with --samples, or set policy.icc."
        )
