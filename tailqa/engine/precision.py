"""Whether this processor is really faster in bfloat16 than in float32."""

import time
from functools import cache

import torch
from torch.nn.functional import linear

_ROWS, _SIDE, _TURNS = 256, 1024, 7
_WORTH = 1.3


@cache
def bfloat16_pays() -> bool:
    """Measures both on a layer of usual size, in turns; the best of each counts.

    Some processors have the instructions and some only emulate them. The margin is wide, so that
    the answer is the same at every start. Takes about 0.1 s, once per process.

    >>> bfloat16_pays() in (True, False)
    True
    """
    layers = {
        dtype: (torch.ones(_ROWS, _SIDE, dtype=dtype), torch.ones(_SIDE, _SIDE, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    }
    taken: dict[torch.dtype, list[float]] = {dtype: [] for dtype in layers}
    for _ in range(_TURNS):
        for dtype, (rows, weights) in layers.items():
            start = time.perf_counter()
            linear(rows, weights)
            taken[dtype].append(time.perf_counter() - start)
    return min(taken[torch.float32]) >= _WORTH * min(taken[torch.bfloat16])
