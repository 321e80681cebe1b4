"""How near a pass comes to what the machine can give."""


def prefill_operations(
    *, body_parameters: int, head_parameters: int, batch_size: int, prompt_tokens: int
) -> int:
    """Multiplications and additions of a prefill: two per weight and token.

    The head works on the last token of each prompt only. Attention's own products are left out:
    they are about tokens / (12 · width) of the rest (Kaplan et al. 2020, arXiv:2001.08361, 2.1).

    >>> prefill_operations(body_parameters=100, head_parameters=9, batch_size=2, prompt_tokens=8)
    3236
    """
    return 2 * batch_size * (body_parameters * prompt_tokens + head_parameters)


def roofline_share(work: float, rate_per_s: float, time_s: float) -> float:
    """The least time that `work` takes at `rate_per_s`, over the time taken (Williams et al. 2009).

    1 is the roof. Bytes of the weights over the memory bandwidth for a decode step, operations
    over the matrix rate for a prefill. Above 1 the work did not go through what was measured:
    small weights stay in the cache. Raises ValueError for a rate or a time that is not positive.

    >>> roofline_share(270e6, 20e9, 0.027)
    0.5
    """
    if not (rate_per_s > 0 and time_s > 0):
        raise ValueError("rate_per_s and time_s must be positive")
    return work / rate_per_s / time_s
