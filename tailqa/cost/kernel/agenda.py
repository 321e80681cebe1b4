"""The events to come, as a binary heap in which each source has at most one and can be taken off.

Ordered by time, at the same time by when they were put in. Places count from 1.
"""

from tailqa.cost.kernel import views
from tailqa.cost.kernel.records import Record
from tailqa.cost.kernel.views import compiled


@compiled
def schedule(world: Record, source: int, time_s: float) -> None:
    """Put in an event of a source that has none."""
    world.sequence += 1
    world.n_events += 1
    _rise(world, world.n_events, time_s, world.sequence, source)


@compiled
def cancel(world: Record, source: int) -> None:
    """Take off a source's event, where it has one."""
    place = views.position(world, source).place
    if place == 0:
        return
    views.position(world, source).place = 0
    last = views.event(world, world.n_events)
    world.n_events -= 1
    if place > world.n_events:
        return
    parent = views.event(world, place >> 1)
    if place > 1 and _before(last.time_s, last.sequence, parent):
        _rise(world, place, last.time_s, last.sequence, last.source)
    else:
        _sink(world, place, last.time_s, last.sequence, last.source)


@compiled
def _before(time_s: float, sequence: int, other: Record) -> bool:
    return time_s < other.time_s or (time_s == other.time_s and sequence < other.sequence)


@compiled
def _put(world: Record, place: int, time_s: float, sequence: int, source: int) -> None:
    event = views.event(world, place)
    event.time_s = time_s
    event.sequence = sequence
    event.source = source
    views.position(world, source).place = place


@compiled
def _rise(world: Record, place: int, time_s: float, sequence: int, source: int) -> None:
    while place > 1:
        parent = views.event(world, place >> 1)
        if not _before(time_s, sequence, parent):
            break
        _put(world, place, parent.time_s, parent.sequence, parent.source)
        place >>= 1
    _put(world, place, time_s, sequence, source)


@compiled
def _sink(world: Record, place: int, time_s: float, sequence: int, source: int) -> None:
    n = world.n_events
    while 2 * place <= n:
        lower = 2 * place
        if lower < n:
            right = views.event(world, lower + 1)
            if _before(right.time_s, right.sequence, views.event(world, lower)):
                lower += 1
        child = views.event(world, lower)
        if _before(time_s, sequence, child):
            break
        _put(world, place, child.time_s, child.sequence, child.source)
        place = lower
    _put(world, place, time_s, sequence, source)
