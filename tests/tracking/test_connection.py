"""Servers that refuse, hang, die or are none: one sentence each, and never a password."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tailqa.core.errors import TrackingError
from tailqa.tracking import check
from tailqa.tracking.connection import address, connected

SECRET = "s3cr%40t"  # noqa: S105


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-ann")


@contextmanager
def answering(status: int, body: str, *, after_s: float = 0) -> Iterator[str]:
    """A server that gives every request one answer; its address, with a user and a password."""
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers["Authorization"])
            time.sleep(after_s)
            if status == 0:  # dies in the middle
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://ann:{SECRET}@127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
    # The user and the password of the address were sent as such, decoded.
    assert set(asked) == {"Basic YW5uOnMzY3JAdA=="}


def refused(uri: str) -> str:
    with pytest.raises(TrackingError) as caught:
        check(uri)
    text = str(caught.value)
    assert not [secret for secret in (SECRET, "s3cr@t", "t0ken-of-ann") if secret in text]
    assert "\n" not in text
    assert "\x1b" not in text
    return text.replace(address(uri).shown, "ADDRESS")


def mlflow_error(code: str, message: str) -> str:
    return json.dumps({"error_code": code, "message": message})


PAGE = "<html>Here is something else</html>"
ANSWERS = {
    "an unknown user": (
        (401, "You are not authenticated."),
        "MLflow at ADDRESS does not know who asks: set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to what it accepts",
    ),
    "a user who may not": (
        (403, mlflow_error("PERMISSION_DENIED", "ann may\n not \x1b[31mread s3cr@t")),
        "MLflow at ADDRESS does not permit this: PERMISSION_DENIED: ann may not ?[31mread ***",
    ),
    "another page": (
        (200, PAGE),
        "MLflow at ADDRESS does not answer as an MLflow server does: is the address right?",
    ),
    "no such page": (
        (404, PAGE),
        "MLflow at ADDRESS does not answer as an MLflow server does: is the address right?",
    ),
    "a broken server": (
        (503, PAGE),
        "MLflow at ADDRESS answers with nothing but errors of its own: look into the server's log",
    ),
    "a server that dies": (
        (0, ""),
        "MLflow at ADDRESS cannot be reached: is the server running, and the address right?",
    ),
    "a refusal": (
        (400, mlflow_error("INVALID_PARAMETER_VALUE", "no. " * 200)),
        f"MLflow at ADDRESS refused: INVALID_PARAMETER_VALUE: {('no. ' * 200)[:274]}…",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is_none(case):
    given, sentence = ANSWERS[case]
    with answering(*given) as uri:
        assert refused(uri) == sentence


def test_a_server_that_hangs():
    with answering(200, "{}", after_s=1.5) as uri:
        assert refused(uri) == (
            "MLflow at ADDRESS did not answer within 1 s: is the server running, and the address "
            "right? MLFLOW_HTTP_REQUEST_TIMEOUT gives it longer"
        )


def test_a_server_that_is_not_there():
    assert refused(f"http://ann:{SECRET}@127.0.0.1:9") == (
        "MLflow at ADDRESS cannot be reached: is the server running, and the address right?"
    )


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("./mlruns", "MLflow no longer keeps runs in a folder, as ./mlruns asks for: give"),
        ("file:///srv/mlruns", "no longer keeps runs in a folder"),
        ("", "an empty address"),
        ("http://", "names no server"),
        ("http://[::1", "is no URI"),
        ("http://tracker:port", "is no URI"),
        (f"https://{SECRET}@tracker", "a user of https://tracker without a password"),
        ("tracker:5000", "MLflow at tracker:5000 is no address that it knows"),
    ],
)
def test_an_address_that_is_none(uri, said):
    with pytest.raises(TrackingError) as caught:
        check(uri)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1#secret@tracker:5000",
        "http://ann:#secret@tracker:5000",
        "http://ann:12/secret@tracker:5000",
        "http://ann:12?secret@tracker:5000",
        "http://ann:p@12/secret@tracker:5000",
        "ann:secret@tracker:5000",
        "secret@tracker:5000",
        "postgresql://ann:12/secret@db/mlflow",
    ],
)
def test_a_password_in_another_place_is_not_repeated(uri):
    with pytest.raises(TrackingError) as caught:
        check(uri)
    assert str(caught.value) == (
        "the MLflow address cannot be read; it is as in http://USER:PASSWORD@HOST:PORT, where @, "
        ":, /, #, ? and % of a password are written %40, %3A, %2F, %23, %3F and %25"
    )


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "notes.db").write_text("not a database, but long enough to be looked at\n" * 40)
    assert refused(f"sqlite:///{tmp_path}/notes.db") == (
        "MLflow at ADDRESS refused: (sqlite3.DatabaseError) file is not a database"
    )


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ann:pw@tracker:5000/base/", "http://tracker:5000/base"),
        ("https://[::1]:5000", "https://[::1]:5000"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
        ("sqlite:////srv/a@b/mlflow.db", "sqlite:////srv/a@b/mlflow.db"),
        ("http://ann:sec\tret@tracker:5000", "http://tracker:5000"),
        ("postgresql://ann:pw@db/mlflow?password=pw", "postgresql://db/mlflow"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
    ],
)
def test_what_is_shown_of_an_address(uri, shown):
    assert address(uri).shown == shown


def test_without_mlflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackingError) as caught:
        check("http://tracker:5000")
    assert str(caught.value) == (
        "MLflow is not installed; install it with: pip install 'tailqa[mlflow]'"
    )


def test_nothing_is_sent_home_and_the_process_is_as_it_was(monkeypatch, capfd):
    from mlflow.telemetry import utils

    monkeypatch.setattr(utils, "_IS_IN_CI_ENV_OR_TESTING", False)
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT")
    before = dict(os.environ)
    with connected("http://ann:pa%20ss@127.0.0.1:9"):
        assert utils.is_telemetry_disabled()
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "true"
        assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "pa ss"  # noqa: S105
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "15"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"  # as the user has it
    assert not utils.is_telemetry_disabled()
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")
