import gc
import os

import pytest
from hypothesis import settings

from tailqa.cli import NEW_OBJECTS

# A test that imports MLflow sends nothing home.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

# A slow moment of a shared machine is no failure of the code under test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(NEW_OBJECTS)
    # Two processes with two threads each on two cores wait for each other most of the time.
    if hasattr(config, "workerinput"):
        os.environ["OMP_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes longest begins first: as one of the last it would run beside an idle core.
    items.sort(key=lambda item: item.path.name != "test_kill.py")


def pytest_collection_finish() -> None:
    # Modules and tests stay to the end: looking through them anew takes a second each time.
    gc.collect()
    gc.freeze()
