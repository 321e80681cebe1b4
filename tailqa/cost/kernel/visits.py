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
    line = views.station(world, station.line)
    if line.servers == 0 or line.free > 0:
        _start(world, v, now)
        return
    visit.state = WAITING
    visit.next = 0
    visit.previous = line.tail
    if line.tail > 0:
        views.visit(world, line.tail - 1).next = v + 1
    else:
        line.head = v + 1
    line.tail = v + 1


@compiled
def leave(world: Record, v: int, finished: bool, now: float) -> None:
    """Leave the queue or the server; the next in the queue takes its place."""
    visit = views.visit(world, v)
    station = views.station(world, visit.station)
    line = views.station(world, station.line)
    if visit.state == WAITING:
        station.waited_s += now - visit.since_s
        _unlink(world, line, visit)
        visit.state = ABSENT
        return
    visit.state = ABSENT
    if line.sharing:
        done_s = visit.work_s - _quit(world, visit, now)
    else:
        done_s = (now - visit.since_s) / station.alone
        station.busy_s += now - visit.since_s
        cancel(world, visit.source)
    if finished:
        station.work_s += visit.work_s
    else:
        station.lost_s += done_s
    if line.servers > 0:
        line.free += 1
        if line.head > 0:
            following = line.head - 1
            _unlink(world, line, views.visit(world, following))
            _start(world, following, now)


@compiled
def _start(world: Record, v: int, now: float) -> None:
    visit = views.visit(world, v)
    station = views.station(world, visit.station)
    line = views.station(world, station.line)
    station.waited_s += now - visit.since_s
    visit.state = SERVED
    visit.since_s = now
    if station.who in (MODEL, SECOND):
        pay(world, visit, station.who)
    if line.servers > 0:
        line.free -= 1
    if line.sharing:
        _join(world, v, now)
    else:
        schedule(world, visit.source, now + visit.work_s * station.alone)


@compiled
def pay(world: Record, visit: Record, who: int) -> None:
    """Count the tokens of an attempt that a server begins on."""
    slot = views.slot(world, visit.slot)
    if who == MODEL:
        slot.prompt_tokens += visit.prompt
        slot.completion_tokens += visit.completion
    else:
        slot.second_prompt_tokens += visit.prompt
        slot.second_completion_tokens += visit.completion


@compiled
def _unlink(world: Record, line: Record, visit: Record) -> None:
    if visit.previous > 0:
        views.visit(world, visit.previous - 1).next = visit.next
    else:
        line.head = visit.next
    if visit.next > 0:
        views.visit(world, visit.next - 1).previous = visit.previous
    else:
        line.tail = visit.previous


# A sharing server counts in virtual seconds of each model, in one of which every request of the
# model that it holds progresses by one second of its work. So only the first to finish has an
# event.


@compiled
def first_to_finish(world: Record, number: int) -> int:
    """The place, on a sharing server that holds any, of the visit that is done first."""
    server = views.server(world, number)
    best = server.first_place
    for place in range(best + 1, best + server.held):
        if _left(world, server, place) < _left(world, server, best):
            best = place
    return best


@compiled
def _left(world: Record, server: Record, place: int) -> float:
    held = views.place(world, place)
    at = server.virtual_s if held.who == MODEL else server.second_virtual_s
    return max(held.finish_s - at, 0.0) * _pace(world, server, held.who)


@compiled
def _pace(world: Record, server: Record, who: int) -> float:
    return views.slowdown(world, views.model(world, who).first_slowdown + server.held - 1)


@compiled
def _join(world: Record, v: int, now: float) -> None:
    visit = views.visit(world, v)
    station = views.station(world, visit.station)
    line = views.station(world, station.line)
    number = line.first_server
    for other in range(number + 1, line.first_server + line.servers):
        if views.server(world, other).held < views.server(world, number).held:
            number = other
    server = views.server(world, number)
    _advance(world, server, now)
    visit.server = number
    visit.place = server.first_place + server.held
    place = views.place(world, visit.place)
    place.visit = v
    place.who = station.who
    at = server.virtual_s if station.who == MODEL else server.second_virtual_s
    place.finish_s = at + visit.work_s
    server.held += 1
    _plan(world, number, now)


@compiled
def _quit(world: Record, visit: Record, now: float) -> float:
    """Leave a sharing server; the seconds of work alone that were left."""
    server = views.server(world, visit.server)
    _advance(world, server, now)
    server.held -= 1
    last = views.place(world, server.first_place + server.held)
    place = views.place(world, visit.place)
    at = server.virtual_s if place.who == MODEL else server.second_virtual_s
    left_s = max(place.finish_s - at, 0.0)
    place.visit = last.visit
    place.who = last.who
    place.finish_s = last.finish_s
    views.visit(world, last.visit).place = visit.place
    _plan(world, visit.server, now)
    return left_s


@compiled
def _advance(world: Record, server: Record, now: float) -> None:
    if server.held > 0:
        elapsed = now - server.updated_s
        views.station(world, server.station).busy_s += elapsed
        if server.for_model:
            server.virtual_s += elapsed / _pace(world, server, MODEL)
        if server.for_second:
            server.second_virtual_s += elapsed / _pace(world, server, SECOND)
    else:
        server.virtual_s = 0.0
        server.second_virtual_s = 0.0
    server.updated_s = now


@compiled
def _plan(world: Record, number: int, now: float) -> None:
    server = views.server(world, number)
    cancel(world, number)
    if server.held > 0:
        schedule(world, number, now + _left(world, server, first_to_finish(world, number)))
