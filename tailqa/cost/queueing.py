"""How long requests wait for a server, in closed form."""

from tailqa.cost.pipeline import erlang_c


def mmc_wait(servers: int, arrival_rate: float, service_s: float) -> float:
    """Mean wait in M/M/c, seconds: C(c, a)·s/(c − a) with a = rate·s (Erlang 1917).

    Raises ValueError as `erlang_c`, and for a negative rate or time.

    >>> round(mmc_wait(2, 1.5, 1.0), 4)
    1.2857
    """
    if arrival_rate < 0 or service_s < 0:
        raise ValueError(
            f"arrival_rate and service_s must be at least 0, got {arrival_rate!r}, {service_s!r}"
        )
    load = arrival_rate * service_s
    return erlang_c(servers, load) * service_s / (servers - load)


def allen_cunneen_wait(
    servers: int,
    arrival_rate: float,
    service_s: float,
    arrival_cv2: float,
    service_cv2: float,
) -> float:
    """Mean wait in G/G/c, seconds: M/M/c's times (Ca² + Cs²)/2 (Allen 1990; Kingman for c = 1).

    The `cv2` are squared coefficients of variation, at least 0. Exact for M/M/c and M/G/1. Raises
    ValueError as `mmc_wait`.

    >>> round(allen_cunneen_wait(1, 0.8, 1.0, 1.0, 0.0), 4)
    2.0
    """
    if arrival_cv2 < 0 or service_cv2 < 0:
        raise ValueError(
            f"arrival_cv2 and service_cv2 must be at least 0, got {arrival_cv2!r}, {service_cv2!r}"
        )
    return mmc_wait(servers, arrival_rate, service_s) * (arrival_cv2 + service_cv2) / 2


def fan_out_share(share: float, calls: int) -> float:
    """The chance that one of `calls` is among the slowest `share`: 1 − (1 − share)^calls.

    Dean & Barroso 2013. Raises ValueError unless share lies in [0, 1] and calls is at least 1.

    >>> round(fan_out_share(0.01, 100), 3)
    0.634
    """
    if not 0 <= share <= 1 or calls < 1:
        raise ValueError(f"share must lie in [0, 1] and calls be ≥ 1, got {share!r}, {calls!r}")
    return 1 - (1 - share) ** calls
