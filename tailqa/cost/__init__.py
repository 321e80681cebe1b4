"""What a correct answer takes; closed forms of pipelines, speculation, rooflines and padding."""

from tailqa.cost.attempts import measure_retries
from tailqa.cost.drafting import draft_length_of, verification_counts
from tailqa.cost.line import (
    Attempts,
    Load,
    Model,
    Rules,
    Simulated,
    Speed,
    Station,
    System,
    Times,
)
from tailqa.cost.load import load_pipeline, shipped_pipelines
from tailqa.cost.padding import padding_counts
from tailqa.cost.pipeline import amdahl, erlang_c
from tailqa.cost.queueing import allen_cunneen_wait, fan_out_share, mmc_wait
from tailqa.cost.redrawn import AttemptCounts
from tailqa.cost.resampling import per_correct, seconds_per_correct
from tailqa.cost.retry import BetaBinomial, Retried, unbiased_pass_at
from tailqa.cost.roofline import prefill_operations, roofline_share
from tailqa.cost.schema import Pipeline
from tailqa.cost.settings import sweep_values
from tailqa.cost.simulation import simulate, simulate_many
from tailqa.cost.speculative import (
    break_even_acceptance,
    speculative_speedup,
    speculative_tokens,
)

__all__ = [
    "AttemptCounts",
    "Attempts",
    "BetaBinomial",
    "Load",
    "Model",
    "Pipeline",
    "Retried",
    "Rules",
    "Simulated",
    "Speed",
    "Station",
    "System",
    "Times",
    "allen_cunneen_wait",
    "amdahl",
    "break_even_acceptance",
    "draft_length_of",
    "erlang_c",
    "fan_out_share",
    "load_pipeline",
    "measure_retries",
    "mmc_wait",
    "padding_counts",
    "per_correct",
    "prefill_operations",
    "roofline_share",
    "seconds_per_correct",
    "shipped_pipelines",
    "simulate",
    "simulate_many",
    "speculative_speedup",
    "speculative_tokens",
    "sweep_values",
    "unbiased_pass_at",
    "verification_counts",
]
