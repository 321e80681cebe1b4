"""Mean waits at one station, and how often a fan-out meets the slow tail."""

import math

from tailqa.cost.pipeline import erlang_c


def mmc_wait(servers: int, arrival_rate: float, service_s: float) -> float:
    """Mean seconds in the queue of M/M/c: Poisson arrivals, exponential service (Erlang C).

    `arrival_rate` per second, `service_s` the mean service time. Raises ValueError for servers
    below 1, negative values, and a load at or above the servers: there is no steady state.

    >>> round(mmc_wait(2, 1.5, 1.0), 4)
    1.2857
    """
    for name, value in (("arrival_rate", arrival_rate), ("service_s", service_s)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    load = arrival_rate * service_s
    return erlang_c(servers, load) * service_s / (servers - load)


def allen_cunneen_wait(
    servers: int,
    arrival_rate: float,
    service_s: float,
    arrival_cv2: float,
    service_cv2: float,
) -> float:
    """Mean seconds in the queue of G/G/c, about: M/M/c's times (ca² + cs²)/2 (Allen 1990).

    `arrival_cv2` and `service_cv2` are the squared coefficients of variation of the times between
    arrivals and of service. Kingman's formula (1961) for one server; exact for M/M/c and, with
    one server, for M/G/1. Raises ValueError as `mmc_wait` does, and for a negative cv².

    >>> allen_cunneen_wait(1, 0.5, 1.0, 1.0, 0.0)
    0.5
    """
    for name, value in (("arrival_cv2", arrival_cv2), ("service_cv2", service_cv2)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    return mmc_wait(servers, arrival_rate, service_s) * (arrival_cv2 + service_cv2) / 2


def fan_out_share(share: float, calls: int) -> float:
    """Share of requests that meet at least one slow call of `calls`: 1 − (1 − share)^calls.

    `share` is that of slow calls, in [0, 1] (Dean & Barroso 2013). Raises ValueError for a share
    outside and for calls below 1.

    >>> round(fan_out_share(0.01, 100), 3)
    0.634
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share!r}")
    if isinstance(calls, bool) or int(calls) != calls or calls < 1:
        raise ValueError(f"calls must be a whole number of at least 1, got {calls!r}")
    return 1.0 if share == 1 else -math.expm1(calls * math.log1p(-share))
