"""What the runs of speed.py share."""

import os
import resource
from pathlib import Path

WORK = {
    "choices": ("commonsense_qa/default.yaml", "validation", 5),
    "drawn-shots": ("commonsense_qa/default.yaml", "validation", 5),
    "generation": ("gsm8k/gsm8k.yaml", "test", 4),
    "again": ("commonsense_qa/default.yaml", "validation", 5),
    "samples": ("gsm8k/gsm8k.yaml", "test", 4),
}
"""lm-eval's task, the split it asks, and the number of shots."""

NEW_TOKENS = 128
SAMPLES = 5


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_above(loaded_mib: float) -> float:
    """The most memory that the process has taken so far, above what the loaded model took."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - loaded_mib
