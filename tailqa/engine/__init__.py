"""Requests → answers and scores from one model, and the store that keeps them."""

from tailqa.engine.answering import answer
from tailqa.engine.fidelity import answer_fidelity, shared_vocabulary, text_fidelity
from tailqa.engine.opening import open_engine, open_token_counter
from tailqa.engine.scripted import ScriptedEngine
from tailqa.engine.store import ResponseStore
from tailqa.engine.timing import measure

__all__ = [
    "ResponseStore",
    "ScriptedEngine",
    "answer",
    "answer_fidelity",
    "measure",
    "open_engine",
    "open_token_counter",
    "shared_vocabulary",
    "text_fidelity",
]
