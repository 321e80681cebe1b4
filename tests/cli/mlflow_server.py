"""A real MLflow server: SQLite behind it, files served by it, on this machine only."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

STARTED_S = 200


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Its address; it and the processes that it started end with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = {
        "--backend-store-uri": f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination": f"{folder}/artifacts",
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
    }
    # The whole group ends when the server does, and when this process does, however that comes.
    guard = ["sh", "-c", '("$@"; kill -9 0) & read -r _; kill -9 0', "sh"]
    command = [*guard, sys.executable, "-m", "mlflow", "server", "--serve-artifacts"]
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *(part for pair in arguments.items() for part in pair)],
            cwd=folder,
            env=os.environ | settings,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, log)
            yield url
        finally:
            process.communicate()
    shutil.rmtree(folder, ignore_errors=True)


def asked(url: str, path: str, **values: object) -> Any:
    """What the REST interface answers, as any other client would be told."""
    body = json.dumps(values).encode() if values else None
    request = Request(f"{url}/api/2.0/{path}", data=body, method="POST" if values else "GET")  # noqa: S310
    request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def downloaded(url: str, run_id: str, path: str) -> bytes:
    """A file of a run."""
    with urlopen(f"{url}/get-artifact?run_uuid={run_id}&path={path}", timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
        return content


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + STARTED_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(f"{url}/health", timeout=5):  # noqa: S310
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the MLflow server did not start:\n{log.read_text()[-3000:]}")
