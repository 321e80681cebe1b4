"""Suite files and their sources become a Suite: validation, strata, weights and digests."""

from tailqa.suite.draw import describe, draw, shuffled
from tailqa.suite.find import find_suite, shipped_suites
from tailqa.suite.load import load_suite

__all__ = [
    "describe",
    "draw",
    "find_suite",
    "load_suite",
    "shipped_suites",
    "shuffled",
]
