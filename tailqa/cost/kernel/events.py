"""The event loop of the simulation, and what becomes of an attempt that is over."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numba

from tailqa.cost.kernel import views
from tailqa.cost.kernel.agenda import cancel, schedule
from tailqa.cost.kernel.attempts import begin_attempt, go_on, send_copy, use_of
from tailqa.cost.kernel.records import (
    ABSENT,
    BACKING_OFF,
    EXTRA_PARTS,
    GIVEN_UP,
    IDLE,
    MODEL,
    OVER,
    PERSON,
    RESOLVED,
    SECOND,
    THINKING,
    TIMED_OUT,
    UNCAUGHT,
    WAITING,
    Record,
    Records,
)
from tailqa.cost.kernel.streams import seconds, stream, uniform
from tailqa.cost.kernel.views import compiled
from tailqa.cost.kernel.visits import first_to_finish, leave, source_of, visit_of


@compiled
def _go(world: Record) -> bool:
    n_requests = world.n_requests
    closed = world.closed
    if closed and world.sequence == 0:
        _start_clients(world)
    while True:
        if not closed and world.next_request < n_requests:
            arrival = views.arrival_s(world, world.next_request)
            if world.n_events == 0 or arrival <= views.event(world, 1).time_s:
                number = _free_slot(world)
                if number < 0:
                    return False
                _begin_request(world, number, arrival)
                _settle(world, number, arrival)
                continue
        if world.n_events == 0:
            return True
        now = views.event(world, 1).time_s
        source = views.event(world, 1).source
        cancel(world, source)
        _settle(world, _happen(world, source, now), now)


@compiled
def _start_clients(world: Record) -> None:
    for number in range(min(world.closed, world.n_requests)):
        world.n_slots += 1
        views.slot(world, number).phase = THINKING
        schedule(world, source_of(world, number, world.n_stations + 1), 0.0)


@compiled
def _free_slot(world: Record) -> int:
    if world.free_slot > 0:
        number = world.free_slot - 1
        world.free_slot = views.slot(world, number).next_free
        return number
    if world.n_slots == world.n_room:
        return -1
    world.n_slots += 1
    return world.n_slots - 1


@compiled
def _begin_request(world: Record, number: int, now: float) -> None:
    slot = views.slot(world, number)
    slot.request = world.next_request
    world.next_request += 1
    slot.key = stream(world.key, slot.request)
    slot.call = 0
    slot.uncaught = 0
    slot.who = MODEL
    slot.attempt = 0
    first = visit_of(world, number, 0)
    for s in range(world.n_stations):
        views.visit(world, first + s).over = 0
    slot.arrival_s = now
    slot.prompt_tokens = slot.completion_tokens = 0.0
    slot.second_prompt_tokens = slot.second_completion_tokens = 0.0
    slot.attempts = slot.escalated = slot.timeouts = slot.hedges = 0
    begin_attempt(world, number, now)


@compiled
def _happen(world: Record, source: int, now: float) -> int:
    """Let a source's event happen; the slot that it was about."""
    if source < world.n_servers:
        v = views.place(world, first_to_finish(world, source)).visit
        _complete(world, v, now)
        return views.visit(world, v).slot
    n_stations = world.n_stations
    number, part = divmod(source - world.n_servers, n_stations + EXTRA_PARTS)
    slot = views.slot(world, number)
    if part <= n_stations:
        _complete(world, visit_of(world, number, part), now)
    elif part == n_stations + 2:
        send_copy(world, number, now)
    elif slot.phase == BACKING_OFF:
        begin_attempt(world, number, now)
    elif slot.phase == THINKING:
        slot.phase = IDLE
        if world.next_request < world.n_requests:
            _begin_request(world, number, now)
    else:
        _take_off(world, number, now)
    return number


@compiled
def _complete(world: Record, v: int, now: float) -> None:
    """A server has finished its work for a visit."""
    visit = views.visit(world, v)
    number = visit.slot
    slot = views.slot(world, number)
    s = visit.station
    slot.right = visit.right if views.station(world, s).who <= PERSON else slot.right
    other = -1
    if s == world.generation:
        n_stations = world.n_stations
        cancel(world, source_of(world, number, n_stations + 2))
        if slot.hedged:
            copy = visit_of(world, number, n_stations)
            other = visit_of(world, number, s) if v == copy else copy
            # It must not be served for a moment by the server that becomes free.
            if views.visit(world, other).state == WAITING:
                leave(world, other, False, now)
    leave(world, v, True, now)
    if other >= 0 and views.visit(world, other).state != ABSENT:
        leave(world, other, False, now)
    if views.station(world, s).outside:
        slot.phase = OVER
    else:
        views.stack(world, 0).station = s
        go_on(world, number, 1, now)


@compiled
def _take_off(world: Record, number: int, now: float) -> None:
    """The attempt took too long: take it off every queue and server."""
    slot = views.slot(world, number)
    slot.phase = TIMED_OUT
    slot.timeouts += 1
    n_stations = world.n_stations
    cancel(world, source_of(world, number, n_stations + 2))
    first = visit_of(world, number, 0)
    for v in range(first, first + n_stations + 1):
        if views.visit(world, v).state == WAITING:
            leave(world, v, False, now)
    for v in range(first, first + n_stations + 1):
        if views.visit(world, v).state != ABSENT:
            leave(world, v, False, now)


@compiled
def _settle(world: Record, number: int, now: float) -> None:
    """Decide on attempts of a slot that are over, until one runs or the request has ended."""
    slot = views.slot(world, number)
    while slot.phase in (OVER, TIMED_OUT):
        accepted = slot.phase == OVER and _accepted(world, number)
        if slot.phase == OVER:
            cancel(world, source_of(world, number, world.n_stations + 1))
        if accepted:
            _accept(world, number, now)
        else:
            _refuse(world, number, now)


@compiled
def _accepted(world: Record, number: int) -> bool:
    slot = views.slot(world, number)
    if slot.who == PERSON:
        return True
    use = use_of(world, number, world.n_stations + 1)
    u, _ = uniform(stream(slot.key, use))
    return u < (world.sensitivity if slot.right else world.false_accepts)


@compiled
def _accept(world: Record, number: int, now: float) -> None:
    slot = views.slot(world, number)
    if not slot.right:
        slot.uncaught = 1
    if slot.call + 1 == world.calls:
        _end(world, number, UNCAUGHT if slot.uncaught else RESOLVED, now)
        return
    slot.call += 1
    slot.who = MODEL
    slot.attempt = 0
    begin_attempt(world, number, now)


@compiled
def _refuse(world: Record, number: int, now: float) -> None:
    slot = views.slot(world, number)
    slot.attempt += 1
    if slot.who == SECOND:
        if slot.attempt < world.second_attempts:
            begin_attempt(world, number, now)
        else:
            _end(world, number, GIVEN_UP, now)
    elif slot.attempt < world.max_attempts:
        wait_s = world.back_off_s * world.back_off_factor ** (slot.attempt - 1)
        if wait_s > 0.0:
            slot.phase = BACKING_OFF
            schedule(world, source_of(world, number, world.n_stations + 1), now + wait_s)
        else:
            begin_attempt(world, number, now)
    elif world.escalates == MODEL:
        _end(world, number, GIVEN_UP, now)
    else:
        slot.who = world.escalates
        slot.attempt = 0
        slot.escalated = 1
        begin_attempt(world, number, now)


@compiled
def _end(world: Record, number: int, outcome: int, now: float) -> None:
    slot = views.slot(world, number)
    _keep(world, slot, outcome, now)
    world.end_s = now
    slot.phase = IDLE
    if not world.closed:
        slot.next_free = world.free_slot
        world.free_slot = number + 1
    elif world.next_request < world.n_requests:
        slot.phase = THINKING
        thinking = world.n_stations
        state = stream(slot.key, thinking + 2)
        think_s = seconds(world, thinking, state)
        schedule(world, source_of(world, number, thinking + 1), now + think_s)


@compiled
def _keep(world: Record, slot: Record, outcome: int, now: float) -> None:
    k = slot.request
    for row, number in enumerate(
        (
            slot.arrival_s,
            now,
            slot.prompt_tokens,
            slot.completion_tokens,
            slot.second_prompt_tokens,
            slot.second_completion_tokens,
        )
    ):
        views.number(world, row * world.n_requests + k).value = number
    for row, count in enumerate(
        (slot.attempts, outcome, slot.escalated, slot.timeouts, slot.hedges)
    ):
        views.count(world, row * world.n_requests + k).value = count


def _kept(sources: int) -> Callable[[Records], bool]:
    def go(worlds: Records) -> bool:
        # numba looks at the age of this file alone, but also at what a function closes over, to
        # see whether the compiled form on disk is still good.
        _ = sources
        return _go(worlds[0])

    options: Any = {"nogil": True, "error_model": "numpy"}
    try:
        compiled_once = numba.njit(cache=True, **options)(go)
    except RuntimeError:
        # Neither beside this file nor in the user's cache may anything be written.
        compiled_once = numba.njit(**options)(go)
    return cast("Callable[[Records], bool]", compiled_once)


_SOURCES = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))

go = _kept(zlib.crc32(_SOURCES))
"""Let the run of a world, given as an array of one, go on: True when every request has ended,
False when it needs room for more requests at a time."""
