"""Visits at stations: queues, servers, and servers that share their speed among requests."""

from tailqa.cost.kernel import views
from tailqa.cost.kernel.agenda import cancel, schedule
from tailqa.cost.kernel.records import (
    ABSENT,
    EXTRA_PARTS,
    MODEL,
    SECOND,
    SERVED,
    WAITING,
    Record,
)
from tailqa.cost.kernel.views import compiled


@compiled
def source_of(world: Record, slot: int, part: int) -> int:
    """The source of events of a slot's part."""
    return world.n_servers + slot * (world.n_stations + EXTRA_PARTS) + part


@compiled
def visit_of(world: Record, slot: int, part: int) -> int:
    """The visit of a slot at a station, or at last its copy at the generation station."""
    return slot * (world.n_stations + 1) + part


@compiled
def enter(world: Record, slot: int, part: int, number: int, now: float) -> None:
    """Come to the station of this number; the visit's work is known."""
    v = visit_of(world, slot, part)
    visit = views.visit(world, v)
    station = views.station(world, number)
    visit.station = number
    visit.slot = slot
    visit.source = source_of(world, slot, part)
    visit.since_s = now
    station.visits += 1
    if station.servers == 0 or station.free > 0:
        _start(world, v, now)
        return
    visit.state = WAITING
    visit.next = 0
    visit.previous = station.tail
    if station.tail > 0:
        views.visit(world, station.tail - 1).next = v + 1
    else:
        station.head = v + 1
    station.tail = v + 1


@compiled
def leave(world: Record, v: int, finished: bool, now: float) -> None:
    """Leave the queue or the server; the next in the queue takes its place."""
    visit = views.visit(world, v)
    station = views.station(world, visit.station)
    if visit.state == WAITING:
        station.waited_s += now - visit.since_s
        _unlink(world, station, visit)
        visit.state = ABSENT
        return
    visit.state = ABSENT
    if station.sharing:
        _quit(world, visit, now)
    else:
        station.busy_s += now - visit.since_s
        cancel(world, visit.source)
    if finished:
        station.work_s += visit.work_s
    if station.servers > 0:
        station.free += 1
        if station.head > 0:
            following = station.head - 1
            _unlink(world, station, views.visit(world, following))
            _start(world, following, now)


@compiled
def _start(world: Record, v: int, now: float) -> None:
    visit = views.visit(world, v)
    station = views.station(world, visit.station)
    station.waited_s += now - visit.since_s
    visit.state = SERVED
    visit.since_s = now
    if station.who in (MODEL, SECOND):
        pay(world, visit, station.who)
    if station.servers > 0:
        station.free -= 1
    if station.sharing:
        _join(world, v, now)
    else:
        schedule(world, visit.source, now + visit.work_s * station.alone)


@compiled
def pay(world: Record, visit: Record, who: int) -> None:
    """Count the tokens of an attempt that a server begins on."""
    result = views.result(world, views.slot(world, visit.slot).request)
    if who == MODEL:
        result.prompt_tokens += visit.prompt
        result.completion_tokens += visit.completion
    else:
        result.second_prompt_tokens += visit.prompt
        result.second_completion_tokens += visit.completion


@compiled
def _unlink(world: Record, station: Record, visit: Record) -> None:
    if visit.previous > 0:
        views.visit(world, visit.previous - 1).next = visit.next
    else:
        station.head = visit.next
    if visit.next > 0:
        views.visit(world, visit.next - 1).previous = visit.previous
    else:
        station.tail = visit.previous


# A sharing server counts in virtual seconds, in which each request that it holds progresses by
# one second of its work. So only the first to finish has an event.


@compiled
def first_to_finish(world: Record, number: int) -> int:
    """The place, on a sharing server that holds any, of the visit that is done first."""
    server = views.server(world, number)
    first = server.first_place
    best = first
    for place in range(first + 1, first + server.held):
        if views.place(world, place).finish_s < views.place(world, best).finish_s:
            best = place
    return best


@compiled
def _join(world: Record, v: int, now: float) -> None:
    visit = views.visit(world, v)
    station = views.station(world, visit.station)
    number = station.first_server
    for other in range(number + 1, station.first_server + station.servers):
        if views.server(world, other).held < views.server(world, number).held:
            number = other
    server = views.server(world, number)
    _advance(world, server, now)
    place = server.first_place + server.held
    views.place(world, place).visit = v
    views.place(world, place).finish_s = server.virtual_s + visit.work_s
    visit.server = number
    visit.place = place
    server.held += 1
    _plan(world, number, now)


@compiled
def _quit(world: Record, visit: Record, now: float) -> None:
    server = views.server(world, visit.server)
    _advance(world, server, now)
    server.held -= 1
    last = views.place(world, server.first_place + server.held)
    views.place(world, visit.place).visit = last.visit
    views.place(world, visit.place).finish_s = last.finish_s
    views.visit(world, last.visit).place = visit.place
    _plan(world, visit.server, now)


@compiled
def _advance(world: Record, server: Record, now: float) -> None:
    if server.held > 0:
        elapsed = now - server.updated_s
        views.station(world, server.station).busy_s += elapsed
        server.virtual_s += elapsed / views.slowdown(world, server.first_slowdown + server.held - 1)
    else:
        server.virtual_s = 0.0
    server.updated_s = now


@compiled
def _plan(world: Record, number: int, now: float) -> None:
    server = views.server(world, number)
    cancel(world, number)
    if server.held > 0:
        left = views.place(world, first_to_finish(world, number)).finish_s - server.virtual_s
        pace = views.slowdown(world, server.first_slowdown + server.held - 1)
        schedule(world, number, now + max(left, 0.0) * pace)
