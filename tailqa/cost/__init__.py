"""What a correct answer takes, and closed forms of pipelines and speculative decoding."""

from tailqa.cost.pipeline import amdahl, erlang_c
from tailqa.cost.resampling import per_correct, seconds_per_correct
from tailqa.cost.speculative import (
    break_even_acceptance,
    speculative_speedup,
    speculative_tokens,
)

__all__ = [
    "amdahl",
    "break_even_acceptance",
    "erlang_c",
    "per_correct",
    "seconds_per_correct",
    "speculative_speedup",
    "speculative_tokens",
]
