"""YAML that remembers its lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tailqa.files.faults import Faults

Location = Sequence[str | int]
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """The scalars of YAML 1.2 (so `no` is a word and 1:30 no number), and no aliases.

    Aliases are refused because a few lines of them can stand for gigabytes.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed", mark)
        return super().compose_node(parent, index)


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A parsed file: plain values in `data`, and the node tree for the lines."""

    file: str
    data: object
    root: yaml.Node

    def line(self, location: Location) -> int:
        """The line (from 1) of the deepest part of `location` that the file has."""
        node, line = self.root, self.root.start_mark.line
        for step in location:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return int(line) + 1


def read_document(path: Path, faults: Faults) -> Document | None:
    """Parses the YAML file at `path`; None when it could not be parsed, with the reasons noted."""
    text = _text(path, faults)
    return None if text is None else parse_document(text, str(path), faults)


def parse_document(text: str, file: str, faults: Faults) -> Document | None:
    """Parses YAML; `file` is what its faults are said to be in."""
    try:
        root = _Loader(text).get_single_node()
        if root is None:
            faults.add(file, "is empty")
            return None
        data = _value(root, file, faults)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.add(file, f"is not valid YAML: {error.reason}", line=line)
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it cannot be parsed"
        at = mark.line + 1 if mark else None
        faults.add(file, f"is not valid YAML: {problem}", line=at)
        return None
    except RecursionError:
        faults.add(file, "is not valid YAML: it is nested too deeply")
        return None
    return Document(file=file, data=data, root=root)


def _text(path: Path, faults: Faults) -> str | None:
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        faults.add(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        faults.add(str(path), "is not valid UTF-8", line=line)
        return None


def _value(node: yaml.Node, file: str, faults: Faults) -> object:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, file, faults)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, file, faults) for item in node.value]
    line, text = node.start_mark.line + 1, str(node.value)
    tag = node.tag.removeprefix(_TAG)
    try:
        return _scalar(tag, text)
    except ValueError:
        faults.add(file, f"cannot be read as {tag}", line=line, value=text)
    except KeyError:
        faults.add(file, f"the YAML tag {node.tag} is not allowed", line=line)
    return text


def _scalar(tag: str, text: str) -> object:
    if tag == "null":
        return None
    if tag == "bool":
        return {"true": True, "false": False}[text.lower()]
    if tag == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return {"int": int, "str": str}[tag](text)


def _mapping(node: yaml.MappingNode, file: str, faults: Faults) -> dict[str, object]:
    data: dict[str, object] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            faults.add(file, "a key must be a single word or text", line=line)
            continue
        key = str(key_node.value)
        value = _value(value_node, file, faults)
        if key in data:
            rule = f"duplicate key, first given on line {lines[key]}"
            faults.add(file, rule, line=line, key=key)
            continue
        data[key], lines[key] = value, line
    return data


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        child = node.value[step]
        return child.start_mark.line, child
    return None
