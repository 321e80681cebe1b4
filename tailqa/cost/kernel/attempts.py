"""Attempts at a request: what they draw, and their way through the graph of stations."""

from tailqa.cost.kernel import views
from tailqa.cost.kernel.agenda import schedule
from tailqa.cost.kernel.records import (
    EXTRA_PARTS,
    MODEL,
    OVER,
    OWN_WORK,
    PERSON,
    RUNNING,
    SECOND,
    Record,
)
from tailqa.cost.kernel.streams import seconds, stream, uniform
from tailqa.cost.kernel.views import compiled
from tailqa.cost.kernel.visits import enter, pay, source_of, visit_of


@compiled
def use_of(world: Record, number: int, part: int) -> int:
    """Which draw of a request it is: the part of a slot's attempt that it now makes."""
    slot = views.slot(world, number)
    turn = slot.attempt
    if slot.who == SECOND:
        turn += world.max_attempts
    elif slot.who == PERSON:
        turn += world.max_attempts + world.second_attempts
    turn += slot.call * (world.max_attempts + world.second_attempts + 1)
    return turn * (world.n_stations + EXTRA_PARTS) + part


@compiled
def begin_attempt(world: Record, number: int, now: float) -> None:
    """Send a slot's request through the graph, or to the station outside that it escalated to."""
    slot = views.slot(world, number)
    slot.phase = RUNNING
    slot.hedged = 0
    if slot.who != PERSON:
        slot.attempts += 1
        if world.timeout_s < float("inf"):
            timer = source_of(world, number, world.n_stations + 1)
            schedule(world, timer, now + world.timeout_s)
    if slot.who == MODEL:
        _into_graph(world, number, now)
    else:
        _come_to(world, number, world.teacher if slot.who == SECOND else world.person, now)


@compiled
def _into_graph(world: Record, number: int, now: float) -> None:
    slot = views.slot(world, number)
    n_stations = world.n_stations
    first = visit_of(world, number, 0)
    if world.generation < 0:
        _draw_answer(world, number, n_stations)
        answer = views.visit(world, first + n_stations)
        answer.slot = number
        slot.right = answer.right
        pay(world, answer, MODEL)
    slot.n_open = world.n_last
    for s in range(n_stations):
        views.visit(world, first + s).n_pending = views.station(world, s).n_before
    if world.n_last == 0:
        slot.phase = OVER
    n = 0
    for s in range(n_stations):
        station = views.station(world, s)
        if not station.outside and station.n_before == 0 and _come_to(world, number, s, now):
            views.stack(world, n).station = s
            n += 1
    go_on(world, number, n, now)


@compiled
def go_on(world: Record, number: int, n: int, now: float) -> None:
    """From the `n` stations on the stack, which are over, to what comes after them."""
    slot = views.slot(world, number)
    first = visit_of(world, number, 0)
    while n > 0:
        n -= 1
        s = views.stack(world, n).station
        station = views.station(world, s)
        views.visit(world, first + s).over = 1
        if station.n_next == 0:
            slot.n_open -= 1
            if slot.n_open == 0:
                slot.phase = OVER
        for i in range(station.first_next, station.first_next + station.n_next):
            following = views.following(world, i)
            visit = views.visit(world, first + following)
            visit.n_pending -= 1
            if visit.n_pending == 0 and _come_to(world, number, following, now):
                views.stack(world, n).station = following
                n += 1


@compiled
def _come_to(world: Record, number: int, s: int, now: float) -> bool:
    """Begin the visit at a station; True where it is passed in no time."""
    station = views.station(world, s)
    visit = views.visit(world, visit_of(world, number, s))
    if visit.over and not station.repeats:
        return True
    if views.times(world, s).kind == OWN_WORK:
        _draw_answer(world, number, s)
    else:
        state = stream(views.slot(world, number).key, use_of(world, number, s))
        if station.probability < 1.0:
            u, state = uniform(state)
            if u >= station.probability:
                return True
        if station.who == PERSON:
            u, state = uniform(state)
            visit.right = u < world.person_right
        visit.work_s = seconds(world, s, state)
    enter(world, number, s, s, now)
    if s == world.generation and world.hedge_after_s < float("inf"):
        timer = source_of(world, number, world.n_stations + 2)
        schedule(world, timer, now + world.hedge_after_s)
    return False


@compiled
def send_copy(world: Record, number: int, now: float) -> None:
    """Send a second copy of what the generation station has had for too long."""
    slot = views.slot(world, number)
    slot.hedged = 1
    slot.hedges += 1
    part = world.n_stations
    _draw_answer(world, number, part)
    enter(world, number, part, world.generation, now)


@compiled
def _draw_answer(world: Record, number: int, part: int) -> None:
    """Draw whether a model's attempt is right, its tokens, and its work."""
    slot = views.slot(world, number)
    model = views.model(world, slot.who)
    k = slot.request
    chance = views.chance(world, k) if slot.who == MODEL else views.second_chance(world, k)
    added = 0.0
    if slot.attempt > 0:
        chance += world.lift * (1.0 - chance)
        added = world.added_prompt_tokens
    visit = views.visit(world, visit_of(world, number, part))
    u, state = uniform(stream(slot.key, use_of(world, number, part)))
    visit.right = u < chance
    query = model.first_query + views.query(world, k)
    low = views.first_attempt(world, query)
    high = views.first_attempt(world, query + 1)
    # The second model's bounds stand one place further: each model has one more than queries.
    counted = query - (1 if slot.who == SECOND else 0)
    n_right = views.n_right(world, counted)
    longer = views.completion_factor(world, k)
    if visit.right and n_right > 0:
        high = low + n_right
    elif not visit.right and low + n_right < high:
        low += n_right
    else:
        longer *= views.unseen_length(world, counted)
    u, state = uniform(state)
    attempt = model.first_attempt + low + int(u * (high - low))
    u, state = uniform(state)
    noise = views.noise(world, model.first_noise + int(u * model.n_noise))
    visit.prompt = views.prompt_tokens(world, attempt) * views.prompt_factor(world, k) + added
    visit.completion = views.completion_tokens(world, attempt) * longer
    visit.work_s = noise * (
        model.base_s
        + model.prompt_token_s * visit.prompt
        + model.completion_token_s * visit.completion
    )
