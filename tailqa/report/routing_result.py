"""route.json, written and read back, and the rule as a gateway reads it."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.errors import ResultError
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.routing import ROUTING_FORMAT_VERSION, Routing
from tailqa.report.files import read_bytes, write_atomic
from tailqa.report.json_text import first_fault, json_text, parsed
from tailqa.report.routing_page import write_routing_page

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ROUTE = "route.json"
RULE_VERSION = 1
JUDGED_ON = "two such rules, each chosen on one half of the queries and judged on the other"


def render_routing_json(routing: Routing) -> str:
    """`routing` as JSON, the same text for the same routing. Raises ResultError."""
    values = _adapter().dump_python(routing)
    return json_text({"format_version": values.pop("format_version"), **values})


def write_routing(routing: Routing, folder: Path) -> Path:
    """Writes route.json and route.html into `folder`; returns the page. Raises ResultError."""
    write_atomic(folder / ROUTE, f"{render_routing_json(routing)}\n".encode())
    return write_routing_page(routing, folder)


def load_routing(path: Path) -> Routing:
    """The routing in a route.json, or in a folder that holds one.

    Raises ResultError in one sentence where the file is missing, cut off, of another format
    version, or not a routing, and says at which key.
    """
    path = path / ROUTE if path.is_dir() else path
    content = read_bytes(path)
    parsed(content, path, version=ROUTING_FORMAT_VERSION)
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(content, strict=True)
    except ValidationError as error:
        raise ResultError(f"{path} is not a routing: {first_fault(error)}") from error


def rule_of(routing: Routing) -> dict[str, object]:
    """The chosen rule as plain values: what a gateway needs, and what to expect of it.

    By stratum, `strata` says who answers each; by confidence, the teacher answers again what the
    student answered below `threshold`.
    """
    choice = routing.choice
    rule: dict[str, object] = {
        "version": RULE_VERSION,
        "teacher": routing.teacher,
        "student": routing.student,
        "by": choice.by,
    }
    if choice.threshold is None:
        rule["strata"] = {stratum.name: stratum.model for stratum in routing.strata}
    else:
        rule |= {"threshold": choice.threshold, "confidence": routing.confidence}
    figures = choice.figures
    return rule | {
        "aim": {routing.aim.replace(" ", "_"): routing.limit},
        "teacher_share_of_rule": _interval(choice.rule_share),
        "expected": {
            "quality": _interval(figures.quality),
            "share_of_teacher_quality": _interval(figures.retained),
            "teacher_share": _interval(figures.teacher_share),
            "tokens_per_query": _interval(figures.tokens),
            "seconds_per_query": _interval(figures.seconds),
            "usd_per_query": _interval(figures.usd),
        },
        "expected_from": JUDGED_ON,
        "suite": routing.suite,
        "suite_digest": routing.suite_digest,
        "created": routing.created,
    }


def write_rule(routing: Routing, path: Path) -> None:
    """Writes the chosen rule as JSON, or as YAML where `path` ends so; raises ResultError."""
    rule = rule_of(routing)
    if path.suffix in {".yaml", ".yml"}:
        import yaml

        written = yaml.safe_dump(rule, sort_keys=False, allow_unicode=True)
    elif path.suffix == ".json":
        written = json.dumps(rule, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        raise ResultError(f"{path} must end in .json, .yaml or .yml, which say how to write it")
    write_atomic(path, written.encode())


def _interval(measured: Measured) -> dict[str, float] | None:
    if not isinstance(measured, Estimate):
        return None
    found = {"value": measured.value, "low": measured.low, "high": measured.high}
    return {name: float(f"{value:.7g}") for name, value in found.items()}


@cache
def _adapter() -> "TypeAdapter[Routing]":
    from pydantic import TypeAdapter

    return TypeAdapter(Routing)
