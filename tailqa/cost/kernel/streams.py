"""Random numbers of the simulation: a function of the seed, the request and the use alone.

So a request's own draws do not depend on the order of events, and two options that are run with
one seed share them (common random numbers). The generator is splitmix64 (Steele, Lea & Flood
2014), started per request and use.
"""

import math

import numpy as np

from tailqa.cost.kernel import views
from tailqa.cost.kernel.records import CONSTANT, GAMMA, LOGNORMAL, Record
from tailqa.cost.kernel.views import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_OTHER = np.uint64(0xD1B54A32D192ED03)


@compiled
def mixed(x: np.uint64) -> np.uint64:
    """splitmix64's finaliser."""
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))


@compiled
def stream(key: np.uint64, use: int) -> np.uint64:
    """The start of the stream for one use under a key."""
    return mixed(key + (np.uint64(use) + np.uint64(1)) * _OTHER)


@compiled
def uniform(state: np.uint64) -> tuple[float, np.uint64]:
    """A number in (0, 1), and where the stream goes on."""
    state += _GOLDEN
    return (np.float64(mixed(state) >> np.uint64(11)) + 0.5) * 2.0**-53, state


@compiled
def normal(state: np.uint64) -> tuple[float, np.uint64]:
    """A standard normal number (Box & Muller 1958), and where the stream goes on."""
    u, state = uniform(state)
    v, state = uniform(state)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v), state


@compiled
def gamma(shape: float, state: np.uint64) -> float:
    """A gamma number of scale 1 (Marsaglia & Tsang 2000; below shape 1 by their boost)."""
    u, state = uniform(state)
    if shape == 1.0:
        return -math.log(u)
    boost = 1.0
    if shape < 1.0:
        boost = u ** (1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x, state = normal(state)
        u, state = uniform(state)
        v = (1.0 + c * x) ** 3
        # Their squeeze: nearly always it tells without a logarithm.
        if v > 0.0 and u < 1.0 - 0.0331 * x**4:
            return d * v * boost
        if v > 0.0 and math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
            return d * v * boost


@compiled
def seconds(world: Record, number: int, state: np.uint64) -> float:
    """One draw of the distribution of this number."""
    times = views.times(world, number)
    if times.kind == CONSTANT:
        return times.first
    if times.kind == GAMMA:
        return gamma(times.first, state) * times.second
    if times.kind == LOGNORMAL:
        x, state = normal(state)
        return math.exp(times.first + times.second * x)
    u, state = uniform(state)
    return views.value(world, times.first_value + int(u * times.n_values))
