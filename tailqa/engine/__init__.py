"""Requests → answers and scores from one model, and the store that keeps them."""

from tailqa.engine.answering import answer
from tailqa.engine.opening import open_engine, open_token_counter
from tailqa.engine.scripted import ScriptedEngine
from tailqa.engine.store import ResponseStore
from tailqa.engine.timing import measure

__all__ = [
    "ResponseStore",
    "ScriptedEngine",
    "answer",
    "measure",
    "open_engine",
    "open_token_counter",
]
