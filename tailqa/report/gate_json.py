"""A decision as JSON: for programs, and to be kept."""

from functools import cache
from typing import TYPE_CHECKING

from tailqa.core.report import DecisionRecord
from tailqa.report.json_text import json_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter

DECISION_VERSION = 1


def render_gate_json(record: DecisionRecord) -> str:
    """The record as JSON, the same text for the same record.

    Keys: `format_version`, then the fields of `DecisionRecord`; the requirements stand in
    `verdict.requirements`. Where nothing was measured, `estimate` is null or has a `reason`
    instead of a `value`. Raises ResultError where a number is not finite.
    """
    return json_text({"format_version": DECISION_VERSION, **_adapter().dump_python(record)})


@cache
def _adapter() -> "TypeAdapter[DecisionRecord]":
    from pydantic import TypeAdapter

    return TypeAdapter(DecisionRecord)
