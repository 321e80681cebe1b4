"""What MLflow and the network say when something is wrong, in one sentence."""

import os
from collections.abc import Iterator, Sequence

from tailqa.tracking.names import cut

_MESSAGE_CHARACTERS = 300
_WHO = (
    "does not know who asks: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
    "MLFLOW_TRACKING_TOKEN, to what it accepts"
)
_OTHER = "does not answer as an MLflow server does: is the address right?"
_KNOWN = {"UNAUTHENTICATED": _WHO, "CUSTOMER_UNAUTHORIZED": _WHO, "ENDPOINT_NOT_FOUND": _OTHER}
_TOLD = {
    "valid JSON format": _OTHER,
    "unsupported URI": "is no address that it knows: give a server, as in http://tracker:5000",
}
_STATUSES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND"}


def sentence(error: BaseException, where: str, secrets: Sequence[str]) -> str:
    """What a user can do about `error` of the server at `where`; no secret stays in it."""
    text = f"MLflow at {where} {_said(error)}"
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def code(error: BaseException) -> str | None:
    """MLflow's code of an error, as RESOURCE_DOES_NOT_EXIST, where it has one."""
    for link in _chain(error):
        status = getattr(getattr(link, "response", None), "status_code", None)
        if status in _STATUSES:
            return _STATUSES[status]
    return getattr(error, "error_code", None)


def _said(error: BaseException) -> str:
    known = _of_the_network(error) or _KNOWN.get(code(error) or "")
    if known:
        return known
    message = _one_line(error)
    told = next((words for part, words in _TOLD.items() if part in message), None)
    if told:
        return told
    if isinstance(error, ModuleNotFoundError):
        return f"needs the package {error.name} here, to reach what it keeps: install it"
    refused = "does not permit this" if code(error) == "PERMISSION_DENIED" else "refused"
    return f"{refused}: {message}"


def _of_the_network(error: BaseException) -> str | None:
    """What is wrong between here and the server, if it is that."""
    links = list(_chain(error))
    names = {
        kind.__name__
        for link in links
        for kind in type(link).__mro__
        if kind.__module__.partition(".")[0] == "requests"
    }
    if "SSLError" in names:
        return (
            "has a certificate that is not trusted; MLFLOW_TRACKING_SERVER_CERT_PATH names the "
            "file of an authority that is"
        )
    if "Timeout" in names or ("ConnectionError" in names and "timed out" in str(error)):
        seconds = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT")
        return (
            f"did not answer within {seconds} s: is the server running, and the address right? "
            "MLFLOW_HTTP_REQUEST_TIMEOUT gives it longer"
        )
    if "ConnectionError" in names:
        return "cannot be reached: is the server running, and the address right?"
    if "RetryError" in names:
        return "answers with nothing but errors of its own: look into the server's log"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _one_line(error: BaseException) -> str:
    """The message without line breaks, terminal escapes and length."""
    text = " ".join(str(getattr(error, "message", None) or error).split())
    text = text.partition(" [SQL: ")[0].partition(" (Background on this error")[0]
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return cut(shown, _MESSAGE_CHARACTERS) or type(error).__name__
