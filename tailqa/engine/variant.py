"""A model asked in another way, whose answers are kept apart."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from tailqa.core.ports import Encoded, Engine
from tailqa.core.report import ModelInfo


def in_other_batches(engine: Engine, most: int) -> Engine:
    """`engine` with at most `most` requests in a batch, taken from the last to the first.

    Prompts that share a prefix are no longer put together, so a request has other neighbours. The
    name of the engine says so; as the store's keys cover that name, answers are made anew, kept,
    and found again by a run that asks in the same way.

    >>> from tailqa.core.ports import Request
    >>> from tailqa.core.query import Generation
    >>> from tailqa.engine.scripted import ScriptedEngine
    >>> ask = Request(query_id="q", prompt="2 + 2", generation=Generation())
    >>> other = in_other_batches(ScriptedEngine({"q": "4"}), 2)
    >>> other.batches([other.encode(ask)] * 3), other.info.engine
    ([[2, 1], [0]], 'scripted 1, reversed, 2 at a time')
    """
    return cast(Engine, _InOtherBatches(engine, most))


class _InOtherBatches:
    def __init__(self, engine: Engine, most: int) -> None:
        self._engine = engine
        self._most = most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @property
    def info(self) -> ModelInfo:
        own = self._engine.info
        return replace(own, engine=f"{own.engine}, reversed, {self._most} at a time")

    def batches(self, requests: Sequence[Encoded]) -> list[list[int]]:
        batches = []
        for choosing in (True, False):
            backwards = [
                index
                for index in reversed(range(len(requests)))
                if bool(requests[index].choice_ids) is choosing
            ]
            starts = range(0, len(backwards), self._most)
            batches += [backwards[start : start + self._most] for start in starts]
        return batches
