"""A client of an MLflow server that says nothing, sends nothing home and fails in one sentence."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from tailqa.core.errors import TailqaError, TrackingError
from tailqa.tracking.refusals import sentence

if TYPE_CHECKING:
    from mlflow import MlflowClient

_OURS = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
# MLflow's own would have a command hang for minutes on a server that is down.
_UNLESS_SET = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
}
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN")
_TALKERS = ("mlflow", "urllib3", "alembic", "databricks")


_NO_BREAKS = dict.fromkeys(map(ord, "\t\r\n"))
_UNREADABLE = (
    "the MLflow address cannot be read; it is as in http://USER:PASSWORD@HOST:PORT, where @, :, /, "
    "#, ? and % of a password are written %40, %3A, %2F, %23, %3F and %25"
)


class Address(NamedTuple):
    """Where a tracking server is, as MLflow is told, and who asks."""

    uri: str
    shown: str
    environment: Mapping[str, str]
    password: str | None


def address(uri: str) -> Address:
    """The parts of a tracking URI; user and password of an http address go into the environment.

    Raises TrackingError for a URI that names a folder, or that is none; one that may hold a
    password in another place is not repeated.

    >>> address("http://ann:pa%20ss@tracker:5000/")[:2]
    ('http://tracker:5000', 'http://tracker:5000')
    """
    uri = uri.strip().translate(_NO_BREAKS)  # urlsplit leaves them out
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError as error:
        raise TrackingError("the MLflow address is no URI, as in http://tracker:5000") from error
    # An @ that was not written as %40, or a sign before it that ends the name of a server, leaves
    # the end of a password in these. Files have no passwords.
    is_file = parts.scheme.startswith(("sqlite", "file")) and not parts.netloc
    if not is_file and any("@" in part for part in (parts.path, parts.query, parts.fragment)):
        raise TrackingError(_UNREADABLE)
    plain = uri.replace(f"//{parts.netloc}", f"//{parts.netloc.rpartition('@')[2]}", 1).rstrip("/")
    shown = plain.partition("?")[0]
    if parts.scheme == "file" or not (parts.scheme or uri == "databricks"):
        raise TrackingError(
            f"MLflow no longer keeps runs in a folder, as {shown or 'an empty address'} asks for: "
            "give a server, as in http://tracker:5000, or a file of SQLite, as in sqlite:///mlflow.db"
        )
    if parts.scheme not in {"http", "https"}:
        return Address(uri, shown, {}, parts.password)
    if not parts.hostname:
        raise TrackingError("the MLflow address names no server, as in http://tracker:5000")
    if parts.username and not parts.password:
        raise TrackingError(
            f"the MLflow address names a user of {shown} without a password; give both, or put a "
            "token into MLFLOW_TRACKING_TOKEN"
        )
    if not parts.username:
        return Address(plain, shown, {}, None)
    who = {
        "MLFLOW_TRACKING_USERNAME": unquote(parts.username),
        "MLFLOW_TRACKING_PASSWORD": unquote(parts.password or ""),
    }
    return Address(plain, shown, who, parts.password)


@contextmanager
def connected(uri: str) -> Iterator["MlflowClient"]:
    """A client of the server at `uri`, while the block runs.

    Sets variables of the process meanwhile, so it is for one thread at a time. Everything that the
    client raises becomes a TrackingError of one sentence, without a password or a token; so does
    a missing MLflow.
    """
    where = address(uri)
    with _environment({**_unset(_UNLESS_SET), **_OURS, **where.environment}), _quiet():
        client = _client(where)
        try:
            yield client
        except TailqaError:
            raise
        except Exception as error:  # whatever a foreign library and a foreign server come up with
            raise TrackingError(sentence(error, where.shown, _secrets(where))) from error


def _client(where: Address) -> "MlflowClient":
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        if error.name and error.name.partition(".")[0] != "mlflow":
            raise TrackingError(f"MLflow cannot be loaded without {error.name}") from error
        raise TrackingError(
            "MLflow is not installed; install it with: pip install 'tailqa[mlflow]'"
        ) from error
    try:
        return MlflowClient(tracking_uri=where.uri)
    except Exception as error:  # a scheme that nothing is registered for, a broken plugin
        raise TrackingError(sentence(error, where.shown, _secrets(where))) from error


def _secrets(where: Address) -> tuple[str, ...]:
    known = [where.password, unquote(where.password or ""), *map(os.environ.get, _SECRETS)]
    return tuple(secret for secret in known if secret)


def _unset(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in os.environ}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of libraries; their log goes where the program wants it, or nowhere."""
    handler = logging.NullHandler()
    for name in _TALKERS:
        logging.getLogger(name).addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in _TALKERS:
            logging.getLogger(name).removeHandler(handler)
