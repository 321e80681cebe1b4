"""Whether a system and a load fit each other and the rules of their types."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tailqa.cost.line import Attempts, Load, Rules, Speed, Station, System, Times

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_OUTSIDE = ("teacher", "person")
_OWN_WORK = ("generation", "teacher")


def check_system(system: System) -> None:
    """Raises ValueError, naming parameter and rule, for a system that cannot be simulated."""
    _require(len(system.stations) > 0, "stations must hold at least one")
    for station in system.stations:
        _check_station(station)
    names = [station.name for station in system.stations]
    _require(len(set(names)) == len(names), f"stations must differ in name, got {names}")
    for role in ("generation", *_OUTSIDE):
        found = [station.name for station in system.stations if station.role == role]
        _require(len(found) <= 1, f"stations may hold one of role {role}, got {found}")
    _check_graph(system.stations)
    _check_shared(system.stations)
    _check_rules(system.rules)
    _check_attempts("model.attempts", system.model.attempts)
    if system.second is not None:
        _check_attempts("second.attempts", system.second.attempts)
    check_speeds(system)
    _check_escalation(system)


def check_speeds(system: System) -> None:
    """The same of the speeds of its models alone."""
    _check_speed("model.speed", system.model.speed, _concurrency(system, "generation"))
    if system.second is not None:
        _check_speed("second.speed", system.second.speed, _concurrency(system, "teacher"))


def check_load(load: Load, system: System) -> None:
    """Raises ValueError, naming parameter and rule, for a load that does not fit the system."""
    import numpy as np

    n = len(load.query)
    _require(n > 0, "query must hold at least one request")
    for name in ("chance", "second_chance", "prompt_factor", "completion_factor"):
        values = _numbers(name, getattr(load, name))
        _require(len(values) == n, f"{name} must hold one value per request, {n}")
        if name.endswith("chance"):
            _require(values.max() <= 1, f"{name} must lie in [0, 1]")
    query = np.asarray(load.query)
    for name, model in (("model", system.model), ("second", system.second)):
        if model is not None:
            known = len(model.attempts.n_right)
            inside = query.min() >= 0 and query.max() < known
            _require(inside, f"query must lie in 0…{known - 1}, the queries of {name}")
    if load.arrival_s is None:
        _whole("clients", load.clients, 1)
        _check_times("think", load.think)
        return
    _require(load.clients == 0, "clients must be 0 where arrival_s is given")
    arrival_s = _numbers("arrival_s", load.arrival_s)
    _require(len(arrival_s) == n, f"arrival_s must hold one value per request, {n}")
    _require(bool((arrival_s[1:] >= arrival_s[:-1]).all()), "arrival_s must not fall")


def _check_station(station: Station) -> None:
    where = f"station {station.name}: "
    _whole(f"{where}servers", station.servers, 0)
    _whole(f"{where}concurrency", station.concurrency, 1)
    _within(f"{where}probability", station.probability, 1.0)
    own_work = station.role in _OWN_WORK
    if own_work:
        _require(station.time is None, f"{where}time must be None for role {station.role}")
    else:
        _require(station.time is not None, f"{where}time must be given for role {station.role}")
        _require(station.concurrency == 1, f"{where}concurrency is for the models' stations")
    if station.time is not None:
        _check_times(f"{where}time", station.time)
    if station.role != "stage":
        _require(station.probability == 1, f"{where}probability must be 1 for {station.role}")


def _check_times(where: str, times: Times) -> None:
    first, second = times.first, times.second
    match times.kind:
        case "constant":
            _within(f"{where}.first", first)
        case "lognormal":
            _require(math.isfinite(first), f"{where}.first must be finite, got {first!r}")
            _within(f"{where}.second", second)
        case "gamma":
            _within(f"{where}.first", first)
            _within(f"{where}.second", second)
            _require(first > 0, f"{where}.first must be above 0, got {first!r}")
        case "empirical":
            _require(len(times.values) > 0, f"{where}.values must hold at least one")
            for value in times.values:
                _within(f"{where}.values", value)
        case _:
            raise ValueError(f"{where}.kind must be a known distribution, got {times.kind!r}")


def _check_graph(stations: Sequence[Station]) -> None:
    for n, station in enumerate(stations):
        where = f"station {station.name}: after"
        if station.role in _OUTSIDE:
            _require(not station.after, f"{where} must be empty for role {station.role}")
        _require(len(set(station.after)) == len(station.after), f"{where} must not repeat itself")
        for before in station.after:
            known = 0 <= before < len(stations) and before != n
            _require(known, f"{where} must hold indices of other stations, got {before!r}")
            role = stations[before].role
            _require(role not in _OUTSIDE, f"{where} must not hold a station of role {role}")
    left = set(range(len(stations)))
    while left:
        free = {n for n in left if not left & set(stations[n].after)}
        circle = ", ".join(sorted(stations[n].name for n in left))
        _require(len(free) > 0, f"after must not lead in a circle, as it does among {circle}")
        left -= free


def _check_shared(stations: Sequence[Station]) -> None:
    for n, station in enumerate(stations):
        if station.shares is None:
            continue
        where = f"station {station.name}: shares"
        known = 0 <= station.shares < len(stations) and station.shares != n
        _require(known, f"{where} must be the index of another station, got {station.shares!r}")
        owner = stations[station.shares]
        _require(owner.shares is None, f"{where} must name a station with servers of its own")
        alone = owner.concurrency == 1 or station.role in _OWN_WORK
        _require(alone, f"{where} must be of concurrency 1 for role {station.role}")


def _check_rules(rules: Rules) -> None:
    for name in ("max_attempts", "calls", "second_attempts"):
        _whole(f"rules.{name}", getattr(rules, name), 1)
    for name in ("sensitivity", "false_accepts", "lift", "person_right"):
        _within(f"rules.{name}", getattr(rules, name), 1.0)
    for name in ("added_prompt_tokens", "back_off_s", "back_off_factor"):
        _within(f"rules.{name}", getattr(rules, name))
    _require(rules.timeout_s > 0, f"rules.timeout_s must be above 0, got {rules.timeout_s!r}")
    hedge = rules.hedge_after_s
    _require(hedge >= 0, f"rules.hedge_after_s must be at least 0, got {hedge!r}")
    known = rules.escalate_to in {None, "teacher", "person"}
    _require(known, f"rules.escalate_to must be teacher, person or None, got {rules.escalate_to!r}")


def _check_escalation(system: System) -> None:
    to = system.rules.escalate_to
    if to is not None:
        held = any(station.role == to for station in system.stations)
        _require(held, f"stations must hold one of role {to}, to which rules.escalate_to leads")
    if to == "teacher":
        _require(system.second is not None, "second must be given where teachers take over")


def _concurrency(system: System, role: str) -> int:
    for station in system.stations:
        if station.role == role:
            owner = station if station.shares is None else system.stations[station.shares]
            return owner.concurrency if owner.servers > 0 else 1
    return 1


def _check_attempts(where: str, attempts: Attempts) -> None:
    import numpy as np

    first, n_right = np.asarray(attempts.first), np.asarray(attempts.n_right)
    n = len(attempts.prompt_tokens)
    _require(len(first) >= 2 and first[0] == 0, f"{where}.first must begin with 0 and hold a query")
    _require(int(first[-1]) == n, f"{where}.first must end with the number of attempts, {n}")
    held = np.diff(first)
    _require(bool((held >= 1).all()), f"{where}.first must rise: each query has an attempt")
    _require(len(n_right) == len(held), f"{where}.n_right must hold one count per query")
    fits = bool(((n_right >= 0) & (n_right <= held)).all())
    _require(fits, f"{where}.n_right must lie between 0 and the attempts of the query")
    for name in ("prompt_tokens", "completion_tokens"):
        values = _numbers(f"{where}.{name}", getattr(attempts, name))
        _require(len(values) == n, f"{where}.{name} must hold one value per attempt, {n}")
    lengths = _numbers(f"{where}.unseen_length", attempts.unseen_length)
    _require(len(lengths) == len(held), f"{where}.unseen_length must hold one factor per query")


def _check_speed(where: str, speed: Speed, concurrency: int) -> None:
    for name in ("base_s", "prompt_token_s", "completion_token_s"):
        _within(f"{where}.{name}", getattr(speed, name))
    noise = _numbers(f"{where}.noise", speed.noise)
    _require(len(noise) > 0, f"{where}.noise must hold at least one ratio")
    slowdown = _numbers(f"{where}.slowdown", speed.slowdown)
    enough = len(slowdown) >= concurrency
    _require(enough, f"{where}.slowdown must reach the station's concurrency, {concurrency}")
    rising = all(a <= b for a, b in pairwise([1.0, *slowdown.tolist()]))
    _require(rising, f"{where}.slowdown must begin at 1 or above and not fall")


def _numbers(name: str, given: object) -> "npt.NDArray[np.float64]":
    import numpy as np

    values = np.asarray(given, dtype=np.float64)
    # A NaN is the least and the most of what it is among.
    least = values.min(initial=0.0)
    fits = values.ndim == 1 and bool(least >= 0 and values.max(initial=0.0) < math.inf)
    _require(fits, f"{name} must be a row of finite numbers of at least 0")
    return values


def _within(name: str, value: float, most: float = math.inf) -> None:
    rule = "be finite and at least 0" if most == math.inf else f"lie in [0, {most:g}]"
    fits = math.isfinite(value) and 0 <= value <= most
    _require(fits, f"{name} must {rule}, got {value!r}")


def _whole(name: str, value: int, least: int) -> None:
    fits = not isinstance(value, bool) and int(value) == value and value >= least
    _require(fits, f"{name} must be a whole number of at least {least}, got {value!r}")


def _require(fits: bool, rule: str) -> None:
    if not fits:
        raise ValueError(rule)
