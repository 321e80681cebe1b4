"""The arrays that the event loop works on, one record per thing that it keeps track of."""

from typing import Any

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.void]
# One of them as numba sees it, its fields as attributes; numpy has no type for that.
Record = Any
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A source of events is a sharing server or a part of a slot: a station of the graph or beside it,
# a copy at the generation station, a timer, a hedging timer.
EXTRA_PARTS = 3

CONSTANT, LOGNORMAL, GAMMA, EMPIRICAL, OWN_WORK = range(5)
KINDS = ("constant", "lognormal", "gamma", "empirical")

ABSENT, WAITING, SERVED = range(3)
"""Where a visit stands."""

IDLE, RUNNING, OVER, TIMED_OUT, BACKING_OFF, THINKING = range(6)
"""Where a slot stands: between requests, or in an attempt that runs, is over, and so on."""

RESOLVED, UNCAUGHT, GIVEN_UP = range(3)

MODEL, SECOND, PERSON, NOBODY = range(4)
"""Who answers at a station, or an attempt."""


def _record(**fields: str) -> np.dtype[np.void]:
    names = [(name, kind) for kind, listed in fields.items() for name in listed.split()]
    return np.dtype(names, align=True)


FLOAT, INT = np.dtype(np.float64), np.dtype(np.int64)
DISTRIBUTION = _record(i8="kind first_value n_values", f8="first second")
STATION = _record(
    i8="line servers sharing concurrency first_server who outside repeats n_before first_next"
    " n_next free head tail visits",
    f8="probability alone busy_s work_s lost_s waited_s",
)
SERVER = _record(
    i8="station held first_place for_model for_second", f8="virtual_s second_virtual_s updated_s"
)
PLACE = _record(i8="visit who", f8="finish_s")
MODEL_RECORD = _record(
    i8="first_query first_noise n_noise first_attempt first_slowdown",
    f8="base_s prompt_token_s completion_token_s",
)
SLOT = _record(
    i8="request phase call attempt who n_open right uncaught hedged next_free"
    " attempts escalated timeouts hedges",
    f8="arrival_s prompt_tokens completion_tokens second_prompt_tokens second_completion_tokens",
    u8="key",
)
VISIT = _record(
    i8="station slot source state previous next server place n_pending over right",
    f8="since_s work_s prompt completion",
)
EVENT = _record(i8="sequence source", f8="time_s")
POSITION = _record(i8="place")
STACKED = _record(i8="station")
NUMBER, COUNT = _record(f8="value"), _record(i8="value")


NUMBERS = (
    "arrival_s",
    "finish_s",
    "prompt_tokens",
    "completion_tokens",
    "second_prompt_tokens",
    "second_completion_tokens",
)
COUNTS = ("attempts", "outcome", "escalated", "timeouts", "hedges")
"""What is kept of every request: in `numbers` and `counts`, one row after the other."""

STATIONS = ("busy_s", "work_s", "lost_s", "waited_s", "visits")
"""What is kept of every station."""

ARRAYS = {
    "stations": STATION,
    "times": DISTRIBUTION,
    "values": FLOAT,
    "following": INT,
    "servers": SERVER,
    "places": PLACE,
    "models": MODEL_RECORD,
    "first_attempt": INT,
    "n_right": INT,
    "unseen_length": FLOAT,
    "prompt_tokens": FLOAT,
    "completion_tokens": FLOAT,
    "noise": FLOAT,
    "slowdown": FLOAT,
    "query": INT,
    "chance": FLOAT,
    "second_chance": FLOAT,
    "prompt_factor": FLOAT,
    "completion_factor": FLOAT,
    "arrival_s": FLOAT,
    "numbers": NUMBER,
    "counts": COUNT,
    "slots": SLOT,
    "visits": VISIT,
    "events": EVENT,
    "position": POSITION,
    "stack": STACKED,
}
"""What a run works on.

`times` holds the distribution of each station and, last, of thinking; `values` belongs to the
empirical ones. Queries, attempts, noise and slowdowns of the two models stand one after the
other, `models` says where. `slots`, `visits`, `events` and `position` grow with the requests that
are in the system at a time.
"""

WORLD = _record(
    i8="n_stations n_servers n_requests n_room sequence n_events next_request n_slots free_slot"
    " max_attempts calls escalates second_attempts generation teacher person n_last closed "
    + " ".join(ARRAYS),
    f8="end_s sensitivity false_accepts lift added_prompt_tokens back_off_s back_off_factor"
    " timeout_s hedge_after_s person_right",
    u8="key",
)
"""The rules, where the run stands, and the addresses of its arrays.

Compiled functions hand one pointer to it on instead of 25 arrays, each of seven words and
counted at every touch, which made the loop more than ten times slower.
"""
