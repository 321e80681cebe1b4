"""Closed forms of a pipeline: one stage's speed-up in the whole, and waiting for a server."""


def amdahl(fraction: float, speedup: float) -> float:
    """Speed-up of the whole when `fraction` of its time gets `speedup` times faster.

    1 / ((1 − f) + f/s) (Amdahl 1967). Raises ValueError unless fraction lies in [0, 1] and
    speedup is above 0.

    >>> round(amdahl(0.6, 4), 3)
    1.818
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie in [0, 1], got {fraction!r}")
    if not speedup > 0:
        raise ValueError(f"speedup must be above 0, got {speedup!r}")
    return 1 / ((1 - fraction) + fraction / speedup)


def erlang_c(servers: int, offered_load: float) -> float:
    """Probability in [0, 1] that a request has to wait in M/M/c.

    `offered_load` = arrival rate × mean service time, in Erlangs. Computed through the recursion
    of Erlang B, which neither overflows nor cancels. Raises ValueError unless servers ≥ 1 and
    0 ≤ offered_load < servers: at or above, the queue grows without end.

    >>> round(erlang_c(2, 1.5), 4)
    0.6429
    """
    if isinstance(servers, bool) or not isinstance(servers, int) or servers < 1:
        raise ValueError(f"servers must be a whole number of at least 1, got {servers!r}")
    if not 0 <= offered_load < servers:
        raise ValueError(
            f"offered_load must lie in [0, servers) = [0, {servers}), got {offered_load!r}: "
            "there is no steady state outside"
        )
    blocked = 1.0
    for c in range(1, servers + 1):
        blocked = offered_load * blocked / (c + offered_load * blocked)
    utilisation = offered_load / servers
    return blocked / (1 - utilisation * (1 - blocked))
