"""A system and a load as the records of the event loop."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tailqa.cost.kernel.records import (
    ARRAYS,
    COUNTS,
    DISTRIBUTION,
    EXTRA_PARTS,
    KINDS,
    MODEL,
    MODEL_RECORD,
    NOBODY,
    NUMBERS,
    OWN_WORK,
    PERSON,
    PLACE,
    SECOND,
    SERVER,
    STATION,
    WORLD,
    Floats,
    Ints,
    Records,
)
from tailqa.cost.line import Load, Model, Rules, Station, System, Times

_WHO = {"stage": NOBODY, "generation": MODEL, "teacher": SECOND, "person": PERSON}
_OUTSIDE = ("teacher", "person")
_FIRST_SLOTS = 256


class Run(NamedTuple):
    """The world of a run and the arrays that it points to."""

    world: Records
    arrays: dict[str, npt.NDArray[Any]]


def packed(system: System) -> Run:
    """A system before any load."""
    models = _both(system)
    following = [
        [n for n, other in enumerate(system.stations) if s in other.after]
        for s in range(len(system.stations))
    ]
    stations = _stations(system.stations, following)
    servers, places = _servers(stations)
    times, values = _times([station.time for station in system.stations])
    arrays = {
        "stations": stations,
        "times": times,
        "values": values,
        "following": _joined(following, np.int64),
        "servers": servers,
        "places": places,
        "first_attempt": _joined([m.attempts.first for m in models], np.int64),
        "n_right": _joined([m.attempts.n_right for m in models], np.int64),
        "unseen_length": _joined([m.attempts.unseen_length for m in models]),
        "prompt_tokens": _joined([m.attempts.prompt_tokens for m in models]),
        "completion_tokens": _joined([m.attempts.completion_tokens for m in models]),
        **_speeds(stations, models),
        "stack": np.zeros(len(stations) + 1, ARRAYS["stack"]),
    }
    return Run(_world(system, arrays), arrays)


def with_speeds(run: Run, system: System) -> Run:
    """The run with other speeds of its models, those of `system`, before any load."""
    stations = run.arrays["stations"].copy()
    speeds = _speeds(stations, _both(system))
    return Run(run.world, run.arrays | {"stations": stations} | speeds)


def loaded(run: Run, load: Load, key: int) -> Run:
    """The run at time 0, before the first request of the load."""
    n = len(load.query)
    world = run.world.copy()
    world["key"] = key
    world["n_requests"] = n
    world["closed"] = 0 if load.arrival_s is not None else load.clients
    thinking, values = _times([load.think])
    thinking["first_value"] = len(run.arrays["values"])
    arrays = run.arrays | {
        "times": np.concatenate([run.arrays["times"], thinking]),
        "values": np.concatenate([run.arrays["values"], values]),
        "query": _array(load.query, np.int64),
        "chance": _array(load.chance),
        "second_chance": _array(load.second_chance),
        "prompt_factor": _array(load.prompt_factor),
        "completion_factor": _array(load.completion_factor),
        "arrival_s": _array([] if load.arrival_s is None else load.arrival_s),
        "numbers": np.empty((len(NUMBERS), n)),
        "counts": np.empty((len(COUNTS), n), np.int64),
    }
    for name in ("stations", "servers", "places", "stack"):
        arrays[name] = arrays[name].copy()
    room = _FIRST_SLOTS if load.arrival_s is not None else load.clients
    return with_room(Run(world, arrays), min(n, room))


def with_room(run: Run, n_slots: int) -> Run:
    """The same moment of the same run with room for `n_slots` requests at a time."""
    [world] = run.world
    n_stations = int(world["n_stations"])
    n_sources = int(world["n_servers"]) + n_slots * (n_stations + EXTRA_PARTS)
    # Places in the heap count from 1; position 0 says that a source has no event.
    sizes = {
        "slots": n_slots,
        "visits": n_slots * (n_stations + 1),
        "events": n_sources + 1,
        "position": n_sources,
    }
    arrays = dict(run.arrays)
    for name, size in sizes.items():
        longer = np.zeros(size, ARRAYS[name])
        if name in arrays:
            longer[: len(arrays[name])] = arrays[name]
        arrays[name] = longer
    world["n_room"] = n_slots
    for name, array in arrays.items():
        world[name] = array.ctypes.data
    return Run(run.world, arrays)


def _array(values: object, kind: type = np.float64) -> "Floats | Ints":
    # One kind of array, writable and contiguous, so that one compiled form serves all.
    return np.require(values, dtype=kind, requirements=["C", "W"])


def _joined(parts: Sequence[object], kind: type = np.float64) -> "Floats | Ints":
    return np.concatenate([np.asarray(part, dtype=kind) for part in parts])


def _both(system: System) -> tuple[Model, ...]:
    return (system.model,) if system.second is None else (system.model, system.second)


def _speeds(stations: Records, models: Sequence[Model]) -> dict[str, npt.NDArray[Any]]:
    """What hangs on the speeds; the stations learn how fast their model is alone."""
    for who, model in enumerate(models):
        stations["alone"][stations["who"] == who] = model.speed.slowdown[0]
    return {
        "models": _models(models),
        "noise": _joined([m.speed.noise for m in models]),
        "slowdown": _joined([m.speed.slowdown for m in models]),
    }


def _stations(given: Sequence[Station], following: Sequence[Sequence[int]]) -> Records:
    records = np.zeros(len(given), STATION)
    first_next = 0
    for n, (record, station, after_it) in enumerate(zip(records, given, following, strict=True)):
        record["line"] = n if station.shares is None else station.shares
        record["servers"] = station.servers
        own = station.shares is None and station.servers > 0
        record["sharing"] = own and station.time is None and station.concurrency > 1
        record["concurrency"] = station.concurrency
        record["free"] = station.servers * (station.concurrency if record["sharing"] else 1)
        record["who"] = _WHO[station.role]
        record["alone"] = 1.0
        record["outside"] = station.role in _OUTSIDE
        record["repeats"] = station.repeats or station.role == "generation"
        record["probability"] = station.probability
        record["n_before"] = len(set(station.after))
        record["first_next"], record["n_next"] = first_next, len(after_it)
        first_next += len(after_it)
    return records


def _servers(stations: Records) -> tuple[Records, Records]:
    """The sharing servers and their places."""
    sharing = [s for s in range(len(stations)) if stations[s]["sharing"]]
    servers = np.zeros(sum(int(stations[s]["servers"]) for s in sharing), SERVER)
    number = first_place = 0
    for s in sharing:
        served = stations["who"][stations["line"] == s]
        stations[s]["first_server"] = number
        for _ in range(stations[s]["servers"]):
            servers[number]["station"] = s
            servers[number]["first_place"] = first_place
            servers[number]["for_model"] = MODEL in served
            servers[number]["for_second"] = SECOND in served
            number += 1
            first_place += int(stations[s]["concurrency"])
    return servers, np.zeros(first_place, PLACE)


def _models(models: Sequence[Model]) -> Records:
    records = np.zeros(len(models), MODEL_RECORD)
    query = attempt = noise = slowdown = 0
    for record, model in zip(records, models, strict=True):
        record["first_query"], record["first_attempt"] = query, attempt
        record["first_noise"], record["n_noise"] = noise, len(model.speed.noise)
        record["first_slowdown"] = slowdown
        record["base_s"] = model.speed.base_s
        record["prompt_token_s"] = model.speed.prompt_token_s
        record["completion_token_s"] = model.speed.completion_token_s
        query += len(model.attempts.first)
        attempt += len(model.attempts.prompt_tokens)
        noise += len(model.speed.noise)
        slowdown += len(model.speed.slowdown)
    return records


def _world(system: System, arrays: Mapping[str, npt.NDArray[Any]]) -> Records:
    records = np.zeros(1, WORLD)
    [record] = records
    record["n_stations"], record["n_servers"] = len(arrays["stations"]), len(arrays["servers"])
    for field in fields(Rules):
        if field.name != "escalate_to":
            record[field.name] = getattr(system.rules, field.name)
    roles = [station.role for station in system.stations]
    for name in ("generation", "teacher", "person"):
        record[name] = roles.index(name) if name in roles else -1
    goes_to = {None: MODEL, "teacher": SECOND, "person": PERSON}
    record["escalates"] = goes_to[system.rules.escalate_to]
    stations = arrays["stations"]
    record["n_last"] = np.sum((stations["n_next"] == 0) & (stations["outside"] == 0))
    return records


def _times(given: Sequence[Times | None]) -> tuple[Records, Floats]:
    records = np.zeros(len(given), DISTRIBUTION)
    values: list[float] = []
    for record, times in zip(records, given, strict=True):
        if times is None:
            record["kind"] = OWN_WORK
            continue
        record["kind"] = KINDS.index(times.kind)
        record["first"], record["second"] = times.first, times.second
        record["first_value"], record["n_values"] = len(values), len(times.values)
        values.extend(times.values)
    return records, np.array(values, dtype=np.float64)
