"""The comparison as `evaluate` loads it, without a network."""

from typing import Any

import pytest

from tailqa import comparisons


@pytest.fixture(scope="session")
def load() -> Any:
    """Loads a configuration of the paired gap by its local path."""
    import evaluate

    def load(config: str | None = None) -> Any:
        return evaluate.load(
            comparisons.path(), config, module_type="comparison", keep_in_memory=True
        )

    return load
