"""The simulation: against theory, against simpy event by event, and by what must always hold."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tailqa.cost.line import Attempts, Load, Model, Rules, Simulated, Speed, Station, System, Times
from tailqa.cost.queueing import allen_cunneen_wait, fan_out_share, mmc_wait
from tailqa.cost.retry import BetaBinomial
from tailqa.cost.simulation import simulate, simulate_many, simulate_numbered
from tests.cost.line_cases import (
    EXPONENTIAL,
    QUERIES,
    WITH_RETRIES,
    load,
    model,
    plain,
)
from tests.cost.simpy_line import Line


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def latency(found: Simulated) -> np.ndarray:
    return found.finish_s - found.arrival_s


def same(a: Simulated, b: Simulated) -> bool:
    return all(
        np.array_equal(getattr(a, field.name), getattr(b, field.name))
        for field in dataclasses.fields(Simulated)
    )


@pytest.mark.parametrize(
    ("servers", "utilisation", "millions", "standard_error"),
    [(1, 0.5, 1, 0.0054), (2, 0.8, 1, 0.011), (1, 0.9, 2, 0.015)],
)
def test_waits_of_m_m_c(servers, utilisation, millions, standard_error):
    """Within 3 standard errors of the mean of M/M/1's correlated waits (Daley 1968).

    Those are 2 % of the wait for a million requests at .9; benchmarks/simulation.py takes 16
    million, to hold 1 %.
    """
    rate = servers * utilisation
    jobs = [(plain(1, servers), load(1_000_000, rate, seed)) for seed in range(millions)]
    found = list(simulate_many(jobs, rng=rng()))
    wait = sum(one.waited_s[0] for one in found) / sum(one.visits[0] for one in found)
    assert abs(wait / mmc_wait(servers, rate, 1.0) - 1) < 3 * standard_error
    busy = sum(one.busy_s[0] for one in found) / sum(one.end_s for one in found) / servers
    assert busy == pytest.approx(utilisation, abs=0.005)


@pytest.mark.parametrize(
    "time",
    [
        Times(kind="constant", first=0.5),
        Times(kind="lognormal", first=-1.0, second=0.5),
        Times(kind="gamma", first=3.0, second=0.2),
    ],
    ids=lambda time: time.kind,
)
def test_waits_of_m_g_1_where_the_formula_is_exact(time):
    rate = 0.6 / time.mean_s
    found = simulate(plain(1, 1, time), load(400_000, rate), rng=rng())
    exact = allen_cunneen_wait(1, rate, time.mean_s, 1.0, time.squared_cv)
    assert found.waited_s[0] / found.visits[0] == pytest.approx(exact, rel=0.04)


def test_closed_forms():
    assert allen_cunneen_wait(3, 2, 1, 1, 1) == mmc_wait(3, 2, 1)
    assert round(fan_out_share(0.01, 100), 3) == 0.634
    for wrong in ((3, -1, 1.0), (3, 1, -1.0), (1, 1, 1.0), (0, 1, 1.0)):
        with pytest.raises(ValueError, match="must"):
            mmc_wait(*wrong)


@pytest.mark.parametrize(
    ("time", "known"),
    [
        (Times(kind="lognormal", first=-1.0, second=0.7), stats.lognorm(0.7, scale=np.exp(-1))),
        (Times(kind="gamma", first=0.3, second=2.0), stats.gamma(0.3, scale=2.0)),
        (Times(kind="gamma", first=1.0, second=2.0), stats.gamma(1.0, scale=2.0)),
        (Times(kind="gamma", first=7.5, second=0.1), stats.gamma(7.5, scale=0.1)),
    ],
    ids=["log-normal", "gamma 0.3", "gamma 1", "gamma 7.5"],
)
def test_drawn_times_have_the_distribution(time, known):
    drawn = latency(simulate(plain(1, 0, time), load(100_000, 1.0), rng=rng()))
    assert stats.kstest(drawn, known.cdf).pvalue > 1e-4


def test_empirical_times_are_drawn_evenly():
    time = Times(kind="empirical", values=(1.0, 2.0, 4.0))
    drawn = latency(simulate(plain(1, 0, time), load(30_000, 1.0), rng=rng())).round()
    assert stats.chisquare(np.unique(drawn, return_counts=True)[1]).pvalue > 1e-4


def test_retries_against_the_beta_binomial():
    known, n = BetaBinomial(1.2, 0.8), 200_000
    asked = dataclasses.replace(load(n, 10.0), chance=rng().beta(known.a, known.b, n))
    rules = Rules(max_attempts=4, sensitivity=0.9, false_accepts=0.2)
    station = Station(name="answer", servers=0, time=None, role="generation")
    found = simulate(System(stations=(station,), model=model(), rules=rules), asked, rng=rng())
    expected = known.retried(4, sensitivity=0.9, false_accepts=0.2)
    assert found.attempts.mean() == pytest.approx(expected.attempts, abs=0.01)
    assert (found.outcome == 0).mean() == pytest.approx(expected.resolved, abs=0.004)
    assert (found.outcome == 1).mean() == pytest.approx(expected.wrong, abs=0.004)


def certain(system: System, asked: Load) -> tuple[System, Load]:
    """The same without chance: every query right or wrong for good, every time its mean."""

    def sure(given: Model | None) -> Model | None:
        if given is None:
            return None
        tokens = (given.attempts.prompt_tokens[::3], given.attempts.completion_tokens[::3])
        first = np.arange(QUERIES + 1)
        known = Attempts(
            first=first,
            n_right=first[1:] % 2,
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            unseen_length=given.attempts.unseen_length,
        )
        return Model(attempts=known, speed=dataclasses.replace(given.speed, noise=np.array([1.02])))

    stations = tuple(
        dataclasses.replace(
            station,
            probability=1.0,
            time=station.time and Times(kind="constant", first=station.time.mean_s),
        )
        for station in system.stations
    )
    rules = dataclasses.replace(system.rules, sensitivity=1.0, false_accepts=0.0, lift=0.0)
    chances = {name: getattr(asked, name).round() for name in ("chance", "second_chance")}
    return (
        dataclasses.replace(
            system,
            stations=stations,
            rules=dataclasses.replace(rules, person_right=1.0),
            model=sure(system.model),
            second=sure(system.second),
        ),
        dataclasses.replace(asked, **chances),
    )


@pytest.mark.parametrize("name", WITH_RETRIES)
def test_every_event_as_in_simpy_where_nothing_is_left_to_chance(name):
    make, rate = WITH_RETRIES[name]
    system, asked = certain(make(), load(1_500, rate))
    other = Line(system, asked, 0).run()
    found = simulate(system, asked, rng=rng())
    assert np.allclose(latency(found), other.latency_s, rtol=0, atol=1e-6)
    assert np.array_equal(found.attempts, other.attempts)
    assert np.array_equal(found.outcome, other.outcome)
    assert found.attempts.max() > 1
    if name == "impatient":
        assert found.timeouts.any()
        assert found.hedges.any()


@pytest.mark.parametrize("name", WITH_RETRIES)
def test_near_simpy_where_chance_decides(name):
    """A few requests in short queues; benchmarks/simulation.py takes many, to 1 % of the mean."""
    make, rate = WITH_RETRIES[name]
    asked = load(2_000, rate / 2, 5)
    other = Line(make(), asked, 7).run()
    found = list(simulate_many([(make(), asked)] * 20, rng=rng()))
    for ours, theirs in (
        (np.mean([latency(one) for one in found]), other.latency_s.mean()),
        (np.mean([one.attempts for one in found]), other.attempts.mean()),
        (np.mean([one.outcome == 0 for one in found]), (other.outcome == 0).mean()),
    ):
        assert ours == pytest.approx(theirs, rel=0.05)


def test_processor_sharing_depends_on_the_mean_alone():
    """M/G/1 with equal shares: mean seconds in it are s/(1 − ρ) (Kleinrock 1976)."""
    speed = Speed(
        base_s=1.0,
        prompt_token_s=0.0,
        completion_token_s=0.0,
        noise=np.array([0.1, 0.1, 2.8]),
        slowdown=np.arange(1.0, 201.0),
    )
    station = Station(name="answer", servers=1, concurrency=200, time=None, role="generation")
    system = System(
        stations=(station,), model=dataclasses.replace(model(), speed=speed), rules=Rules()
    )
    found = simulate(system, load(300_000, 0.6), rng=rng())
    assert latency(found).mean() == pytest.approx(1 / 0.4, rel=0.04)
    assert found.busy_s[0] / found.end_s == pytest.approx(0.6, abs=0.01)


def generation(servers: int, concurrency: int = 1, slowdown=(1.0, 1.0), **rules) -> System:
    station = Station(
        name="answer", servers=servers, concurrency=concurrency, time=None, role="generation"
    )
    return System(
        stations=(station,), model=model(slowdown=slowdown), rules=Rules(max_attempts=3, **rules)
    )


def test_a_server_for_two_that_is_not_slowed_is_two_servers():
    asked = load(5_000, 2.0)
    one = simulate(generation(1, 2), asked, rng=rng())
    two = simulate(generation(2, 1), asked, rng=rng())
    assert np.allclose(one.finish_s, two.finish_s)
    assert one.waited_s == pytest.approx(two.waited_s)


def test_work_on_what_is_taken_off_is_counted():
    """A server for two that is not slowed does as much of it as two servers, and they are busy
    for as long as they work.
    """
    asked, rules = load(5_000, 1.5), {"timeout_s": 1.2, "hedge_after_s": 0.5}
    one = simulate(generation(1, 2, **rules), asked, rng=rng())
    two = simulate(generation(2, 1, **rules), asked, rng=rng())
    assert two.lost_s[0] > 0.05 * two.work_s[0]
    assert one.lost_s == pytest.approx(two.lost_s)
    assert two.busy_s == pytest.approx(two.work_s + two.lost_s)


def test_what_a_request_draws_does_not_depend_on_the_queues():
    asked = load(3_000, 2.0)
    crowded, free = (simulate(generation(n, 1), asked, rng=rng(4)) for n in (1, 0))
    assert crowded.finish_s.sum() > 2 * free.finish_s.sum()
    for name in ("attempts", "outcome", "prompt_tokens", "completion_tokens"):
        assert np.array_equal(getattr(crowded, name), getattr(free, name))


def test_two_stations_that_share_one_server_are_one_line():
    """Work at either is work of the same server, so it is never served twice at a time."""
    stations = (
        Station(name="answer", servers=1, time=None, role="generation"),
        Station(name="teacher", servers=0, time=None, role="teacher", shares=0),
    )
    rules = Rules(escalate_to="teacher")
    system = System(stations=stations, model=model(), second=model(1), rules=rules)
    found = simulate(system, load(5_000, 0.8), rng=rng())
    assert found.escalated.any()
    assert 0.5 < found.busy_s.sum() / found.end_s <= 1 + 1e-9
    alone = dataclasses.replace(stations[1], servers=1, shares=None)
    apart = dataclasses.replace(system, stations=(stations[0], alone))
    assert latency(found).mean() > latency(simulate(apart, load(5_000, 0.8), rng=rng())).mean()


def test_a_closed_loop_never_holds_more_than_its_clients():
    found = simulate(plain(2, 1), load(20_000, None, clients=3), rng=rng())
    moments = np.concatenate([found.arrival_s, found.finish_s])
    steps = np.repeat([1, -1], len(found.arrival_s))
    inside = np.cumsum(steps[np.lexsort((steps, moments))])
    assert inside.max() == 3
    # Without thinking three are always inside, so by Little's law their mean time is 3/rate.
    rate = len(found.arrival_s) / found.end_s
    assert latency(found).mean() == pytest.approx(3 / rate, rel=0.01)
    assert np.array_equal(np.sort(found.arrival_s), found.arrival_s)


def test_the_seed_decides_whatever_the_threads_do():
    jobs = [(make(), load(2_000, rate, 3)) for make, rate in WITH_RETRIES.values()] * 3
    first, again = (list(simulate_many(jobs, rng=rng(8), workers=n)) for n in (1, 4))
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert not same(first[0], first[3])
    assert list(simulate_many([], rng=rng())) == []


def test_systems_in_turns_come_out_as_each_alone():
    """Of each other they share what is the same; with other speeds, and with more than are held."""
    asked, first = load(500, 0.5, 3), WITH_RETRIES["forked"][0]()
    faster = dataclasses.replace(first.model.speed, base_s=first.model.speed.base_s + 0.1)
    again = dataclasses.replace(first, model=dataclasses.replace(first.model, speed=faster))
    others = [
        dataclasses.replace(first, rules=dataclasses.replace(first.rules, max_attempts=most))
        for most in range(1, 6)
    ]
    jobs = [(system, asked, 7) for system in [first, again, *others] * 2]
    together = list(simulate_numbered(jobs))
    alone = [next(simulate_numbered([job], workers=1)) for job in jobs]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert not same(together[0], together[1])


@st.composite
def lines(draw) -> tuple[System, Load]:
    """Any line with all that there is, and a few requests."""
    n = draw(st.integers(1, 4))
    place = draw(st.integers(0, n - 1))
    time = st.one_of(
        st.builds(Times, kind=st.just("constant"), first=st.floats(0, 2)),
        st.just(EXPONENTIAL),
        st.just(Times(kind="empirical", values=(0.0, 0.5))),
    )
    stations = []
    for s in range(n):
        after = tuple(sorted(draw(st.sets(st.integers(0, s - 1))))) if s else ()
        own = s == place
        stations.append(
            Station(
                name=f"stage {s}",
                servers=draw(st.integers(0, 3)),
                time=None if own else draw(time),
                role="generation" if own else "stage",
                concurrency=draw(st.integers(1, 3)) if own else 1,
                probability=1.0 if own else draw(st.sampled_from([0.0, 0.5, 1.0])),
                after=after,
                repeats=draw(st.booleans()),
            )
        )
    stations.append(Station(name="teacher", servers=1, time=None, role="teacher", concurrency=2))
    stations.append(Station(name="person", servers=1, time=draw(time), role="person"))
    system = System(
        stations=tuple(stations),
        model=model(slowdown=(1.0, 1.5, 2.0)),
        second=model(1, slowdown=(1.0, 2.0)),
        rules=Rules(
            max_attempts=draw(st.integers(1, 3)),
            sensitivity=draw(st.floats(0, 1)),
            false_accepts=draw(st.floats(0, 1)),
            back_off_s=draw(st.sampled_from([0.0, 0.5])),
            timeout_s=draw(st.sampled_from([0.5, 2.0, np.inf])),
            hedge_after_s=draw(st.sampled_from([0.0, 0.4, np.inf])),
            calls=draw(st.integers(1, 3)),
            escalate_to=draw(st.sampled_from([None, "teacher", "person"])),
            second_attempts=draw(st.integers(1, 2)),
        ),
    )
    closed = draw(st.booleans())
    rate, clients = (None, draw(st.integers(1, 5))) if closed else (draw(st.floats(0.1, 20)), 0)
    return system, load(draw(st.integers(1, 60)), rate, draw(st.integers(0, 9)), clients=clients)


@settings(max_examples=150)
@given(lines(), st.integers(0, 5))
def test_what_holds_for_every_line(given_line, seed):
    system, asked = given_line
    found = simulate(system, asked, rng=rng(seed))
    rules, n = system.rules, len(asked.query)
    assert np.isin(found.outcome, (0, 1, 2)).all()
    assert (found.finish_s >= found.arrival_s).all()
    assert found.finish_s.max() == found.end_s
    if asked.arrival_s is not None:
        assert np.array_equal(found.arrival_s, asked.arrival_s)
    most = rules.max_attempts + (rules.second_attempts if rules.escalate_to == "teacher" else 0)
    assert (found.attempts >= 1).all()
    assert (found.attempts <= most * rules.calls).all()
    assert (found.timeouts + found.hedges <= 2 * found.attempts).all()
    for name in ("prompt", "completion"):
        assert (getattr(found, f"{name}_tokens") >= 0).all()
        assert (getattr(found, f"second_{name}_tokens")[~found.escalated] == 0).all()
    servers = np.array([station.servers for station in system.stations])
    limited = servers > 0
    assert (found.busy_s[limited] <= found.end_s * servers[limited] + 1e-9).all()
    assert (found.waited_s[~limited] == 0).all()
    assert (found.waited_s >= 0).all()
    if rules.timeout_s == rules.hedge_after_s == np.inf:
        # Nothing is taken off, so all work is finished.
        assert (found.lost_s == 0).all()
        place = next(s for s, one in enumerate(system.stations) if one.role == "generation")
        teacher = len(system.stations) - 2
        assert found.visits[place] + found.visits[teacher] == found.attempts.sum()
        assert found.visits[place] >= n


@given(st.floats(0.1, 3), st.lists(st.floats(0, 2), min_size=1, max_size=4), st.integers(0, 3))
def test_one_server_serves_in_order_and_a_fork_waits_for_its_longest_way(rate, seconds, seed):
    times = [Times(kind="constant", first=value) for value in seconds]
    ways = [Station(name=f"way {s}", servers=1, time=time) for s, time in enumerate(times)]
    last = Station(name="join", servers=1, time=times[0], after=tuple(range(len(ways))))
    system = System(stations=(*ways, last), model=model(), rules=Rules())
    found = simulate(system, load(50, rate, seed), rng=rng())
    assert (np.diff(found.finish_s) >= 0).all()
    assert (latency(found) >= max(seconds) + seconds[0] - 1e-6).all()
    assert latency(found)[0] == pytest.approx(max(seconds) + seconds[0], abs=1e-9)


def changed(**changes) -> System:
    return dataclasses.replace(generation(1), **changes)


def stations(**changes) -> System:
    [station] = generation(1).stations
    return changed(stations=(dataclasses.replace(station, **changes),))


@pytest.mark.parametrize(
    ("system", "rule"),
    [
        (changed(stations=()), "stations must hold at least one"),
        (stations(servers=-1), "station answer: servers must be a whole number of at least 0"),
        (stations(time=EXPONENTIAL), "station answer: time must be None for role generation"),
        (stations(role="stage"), "station answer: time must be given for role stage"),
        (stations(probability=0.5), "station answer: probability must be 1 for generation"),
        (stations(concurrency=9), "model.speed.slowdown must reach the station's concurrency, 9"),
        (stations(after=(0,)), "station answer: after must hold indices of other stations, got 0"),
        (stations(shares=0), "station answer: shares must be the index of another station"),
        (changed(rules=Rules(lift=1.5)), "rules.lift must lie in [0, 1], got 1.5"),
        (changed(rules=Rules(max_attempts=0)), "rules.max_attempts must be a whole number"),
        (changed(rules=Rules(timeout_s=0)), "rules.timeout_s must be above 0"),
        (changed(rules=Rules(escalate_to="person")), "stations must hold one of role person"),
        (plain(1, 1, Times(kind="gamma", first=0, second=1)), "time.first must be above 0"),
        (plain(1, 1, Times(kind="empirical")), "time.values must hold at least one"),
        (plain(1, 1, Times(kind="constant", first=-1)), "time.first must be finite and at least 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_system_that_does_not_fit_is_refused(system, rule):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        simulate(system, load(3, 1.0), rng=rng())
    assert rule in str(caught.value)


def test_a_circle_is_named():
    ring = tuple(
        Station(name=name, servers=1, time=EXPONENTIAL, after=(before,))
        for name, before in (("a", 1), ("b", 0))
    )
    with pytest.raises(ValueError, match="after must not lead in a circle, as it does among a, b"):
        simulate(changed(stations=ring), load(3, 1.0), rng=rng())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"query": np.array([], int)}, "query must hold at least one request"),
        ({"query": np.array([0, 1, QUERIES])}, "query must lie in 0…39, the queries of model"),
        ({"chance": np.array([0, 0.5, 1.5])}, "chance must lie in [0, 1]"),
        ({"chance": np.array([0, 0.5])}, "chance must hold one value per request, 3"),
        ({"prompt_factor": np.full(3, np.nan)}, "prompt_factor must be a row of finite numbers"),
        ({"arrival_s": np.array([0, 2, 1.0])}, "arrival_s must not fall"),
        ({"arrival_s": None}, "clients must be a whole number of at least 1, got 0"),
        ({"clients": 2}, "clients must be 0 where arrival_s is given"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_load_that_does_not_fit_is_refused(changes, rule):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        simulate(generation(1), dataclasses.replace(load(3, 1.0), **changes), rng=rng())
    assert rule in str(caught.value)


def test_no_thread_is_an_error():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        simulate_many([], rng=rng(), workers=0)
