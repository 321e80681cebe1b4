"""The most memory that a piece of work takes."""

import ctypes
import re
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

OUT_OF_MEMORY = "ran out of memory; use a smaller --batch-size or a smaller dtype."

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a forward pass failed for want of memory; the CPU's allocator has no type for it.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    import torch

    text = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in text for words in ("can't allocate memory", "not enough memory")
    )


def freed(error: BaseException) -> None:
    """Gives back what a failed forward pass holds: its frames live as long as the error does."""
    import torch

    traceback.clear_frames(error.__traceback__)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak_bytes(work: Callable[[], object], *, cuda: bool) -> int | None:
    """Runs `work`; the most bytes held during it, above those held before.

    On CUDA these are the allocator's, added up over the devices; on a CPU the growth of the
    process's resident memory by the kernel's own high-water mark, which misses no short peak.
    None where the system keeps no such mark.

    >>> peak_bytes(lambda: None, cuda=False) in {None, *range(1 << 20)}
    True
    """
    return _peak_on_cuda(work) if cuda else _peak_resident(work)


def _peak_on_cuda(work: Callable[[], object]) -> int:
    import torch

    devices = range(torch.cuda.device_count())
    before = [torch.cuda.memory_allocated(device) for device in devices]
    for device in devices:
        torch.cuda.reset_peak_memory_stats(device)
    work()
    peaks = (torch.cuda.max_memory_allocated(device) for device in devices)
    return sum(peak - held for peak, held in zip(peaks, before, strict=True))


def _peak_resident(work: Callable[[], object]) -> int | None:
    _give_back_freed()
    try:
        _RESET.write_text("5")
    except OSError:
        work()
        return None
    before = _status_bytes("VmRSS")
    work()
    return max(0, _status_bytes("VmHWM") - before)


def _give_back_freed() -> None:
    """What the C library holds back for reuse would hide the growth."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _status_bytes(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0
