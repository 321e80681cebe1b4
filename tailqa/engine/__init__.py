"""Requests → answers and scores from one model, and the store that keeps them."""

from tailqa.engine.answering import answer
from tailqa.engine.arguments import UNPACKED, ModelArgs, parse_args
from tailqa.engine.audit import Look, Seen, look
from tailqa.engine.fidelity import answer_fidelity, shared_vocabulary, text_fidelity
from tailqa.engine.fitting import fitted
from tailqa.engine.grid import Grid, measure_grid
from tailqa.engine.opening import open_engine, open_token_counter
from tailqa.engine.roofline import measure_roof
from tailqa.engine.scripted import ScriptedEngine
from tailqa.engine.store import ResponseStore
from tailqa.engine.timing import measure
from tailqa.engine.weights import ALL_CUDA, free_bytes, memory_need

__all__ = [
    "ALL_CUDA",
    "UNPACKED",
    "Grid",
    "Look",
    "ModelArgs",
    "ResponseStore",
    "ScriptedEngine",
    "Seen",
    "answer",
    "answer_fidelity",
    "fitted",
    "free_bytes",
    "look",
    "measure",
    "measure_grid",
    "measure_roof",
    "memory_need",
    "open_engine",
    "open_token_counter",
    "parse_args",
    "shared_vocabulary",
    "text_fidelity",
]
