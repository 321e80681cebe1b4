"""Recordings written by hand."""

from collections.abc import Callable, Iterable

import pytest

from tailqa.core.errors import InputError
from tailqa.records.recording import Item, Recording, unrecorded_model


def recording(items: Iterable[Item], model: str = "big", /, **changes: object) -> Recording:
    settings: dict[str, object] = {
        "harness": "by hand",
        "name": "quiz",
        "version": "1",
        "task": "generate",
        "metric": "exact",
        "source": f"{model}.jsonl",
    }
    return Recording(model=unrecorded_model(model), items=tuple(items), **(settings | changes))  # type: ignore[arg-type]


def item(name: object, score: float | None = 1.0, /, **changes: object) -> Item:
    place = f"a.jsonl:{name}" if str(name).isdecimal() else f"a.jsonl:{name!r}"
    return Item(id=str(name), score=score, **({"place": place} | changes))  # type: ignore[arg-type]


@pytest.fixture
def faults() -> Callable[[Callable[[], object]], list[str]]:
    def of(call: Callable[[], object]) -> list[str]:
        with pytest.raises(InputError) as caught:
            call()
        return [str(fault) for fault in caught.value.faults]

    return of
