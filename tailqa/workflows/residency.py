"""Whether both models fit into memory together."""

from collections.abc import Callable, Sequence

from tailqa.engine import ALL_CUDA, free_bytes
from tailqa.workflows.models import Chosen

SHARE = 0.8
"""Of the free memory for weights; the rest is for activations and keys and values."""

FreeBytes = Callable[[str], int | None]


def reason_to_part(models: Sequence[Chosen], free: FreeBytes = free_bytes) -> str | None:
    """Why the teacher and the student cannot be loaded at once, in a sentence; None if they can.

    Judged by the files, before anything is loaded. Raises ModelError when a model is not there.
    """
    lack = lack_of_memory(models, free)
    if lack is None:
        return None
    return (
        f"{lack}, so they ran one after the other; speed, which takes both in turn, was not "
        "measured."
    )


def lack_of_memory(models: Sequence[Chosen], free: FreeBytes = free_bytes) -> str | None:
    """How much the weights of both need and how little is free, as half a sentence; else None."""
    places, needs = zip(*(model.memory_need() for model in models), strict=True)
    device = _shared(places)
    left = None if device is None else free(device)
    if left is None or sum(needs) <= SHARE * left:
        return None
    return (
        f"The teacher ({_gib(needs[0])} of weights) and the student ({_gib(needs[1])}) do not fit "
        f"together in {SHARE:.0%} of the {_gib(left)} that are free on {device}"
    )


def _shared(places: Sequence[str]) -> str | None:
    """The device that both are on; None when each has its own."""
    if len(set(places)) == 1:
        return places[0]
    on_cuda = all(place.startswith(ALL_CUDA) for place in places)
    return ALL_CUDA if on_cuda and ALL_CUDA in places else None


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:,.2f} GiB"
