"""What this machine can give: bytes read and operations per second, measured."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tailqa.core.bench import Roof

if TYPE_CHECKING:
    import torch

_REPEATS = 5
_CPU_BYTES, _CUDA_BYTES = 1 << 28, 1 << 30
_CPU_WIDTH, _CUDA_WIDTH = 2048, 8192
_NARROWEST = 256
_LONGEST_S = 0.5
_COLUMNS = 4096


def measure_roof(device: str, dtype: str) -> Roof:
    """The best memory bandwidth and matrix rate that `device` reaches with `dtype`.

    Bandwidth: the best of a copy (bytes read and written), a sum in float32 and a matrix–vector
    product in `dtype`, over 256 MiB on a CPU and 1 GiB on CUDA, more than their caches hold.
    Operations: a square matrix product in `dtype` of width 2048 or 8192, smaller where that would
    take longer than half a second (a processor without instructions for `dtype`). The best of five
    runs counts, with the threads in use. Raises ModelError where memory runs out.

    >>> roof = measure_roof("cpu", "float32")
    >>> roof.bandwidth_bytes_per_s > 1e8 and roof.operations_per_s > 1e8
    True
    """
    import torch

    from tailqa.engine.loading import running

    place, kind = torch.device(device), getattr(torch, dtype)
    cuda = place.type == "cuda"
    with running(f"the measurement of {device}"), torch.inference_mode():
        bandwidths = _bandwidths(place, kind, _CUDA_BYTES if cuda else _CPU_BYTES)
        width, product_s = _product(place, kind, _CUDA_WIDTH if cuda else _CPU_WIDTH)
    fastest = max(bandwidths, key=lambda name: bandwidths[name])
    return Roof(
        device=torch.cuda.get_device_name(place) if cuda else place.type,
        dtype=dtype,
        n_threads=None if cuda else torch.get_num_threads(),
        bandwidth_bytes_per_s=bandwidths[fastest],
        bandwidth_of=fastest,
        operations_per_s=2 * width**3 / product_s,
        rate_of=f"product of {width} × {width} matrices",
    )


def _product(place: "torch.device", dtype: "torch.dtype", widest: int) -> tuple[int, float]:
    """The width of a square product, and its seconds: the widest that does not take too long."""
    import torch

    cuda, width = place.type == "cuda", _NARROWEST
    while True:
        matrix = torch.randn(width, width, device=place).to(dtype)

        def multiply(matrix: "torch.Tensor" = matrix) -> "torch.Tensor":
            return matrix @ matrix

        once_s = _best_s(multiply, cuda=cuda, repeats=1)
        # Twice the width takes eight times the operations.
        if width >= widest or 8 * once_s > _LONGEST_S:
            return width, _best_s(multiply, cuda=cuda)
        width *= 2


def _bandwidths(place: "torch.device", dtype: "torch.dtype", n_bytes: int) -> dict[str, float]:
    """Bytes per second by kind of work."""
    import torch

    cuda = place.type == "cuda"
    single = torch.ones(n_bytes // 4, device=place)
    target = torch.empty_like(single)
    matrix = single.to(dtype).view(-1, _COLUMNS)
    vector = torch.ones(_COLUMNS, dtype=dtype, device=place)
    matrix_bytes = matrix.numel() * dtype.itemsize
    return {
        "copy": 2 * n_bytes / _best_s(lambda: target.copy_(single), cuda=cuda),
        "sum": n_bytes / _best_s(single.sum, cuda=cuda),
        "matrix–vector product": matrix_bytes / _best_s(lambda: matrix @ vector, cuda=cuda),
    }


def _best_s(work: Callable[[], object], *, cuda: bool, repeats: int = _REPEATS) -> float:
    """Seconds of the fastest run; the first one is not counted."""
    import torch

    taken = []
    for _ in range(repeats + 1):
        if cuda:
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if cuda:
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])
