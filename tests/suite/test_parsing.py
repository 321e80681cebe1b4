"""Paths, templates, YAML: any text gives a value or a clear error, never something else."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tailqa.core.errors import InputError
from tailqa.files.document import read_document
from tailqa.files.faults import SHOWN, Faults
from tailqa.files.paths import MISSING, compile_path, parse_path
from tailqa.suite.fields import compile_field, to_number
from tailqa.suite.load import load_suite
from tailqa.suite.schema import FieldSpec
from tailqa.suite.template import compile_template, to_text

json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.[]", max_size=3), inner)
    ),
    max_leaves=8,
)


@given(st.text("ab.[]01", max_size=12), st.dictionaries(st.text("ab", max_size=2), json_values))
def test_any_path_on_any_row_gives_a_value_missing_or_valueerror(path: str, row: dict) -> None:
    try:
        get = compile_path(path)
    except ValueError:
        return
    assert get(row) is not None


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4), st.integers())
def test_a_path_finds_what_was_put_there(names: list[str], value: int) -> None:
    row: object = value
    for name in reversed(names):
        row = {name: row}
    assert compile_path(".".join(names))(row) == value


def test_lists_in_lists_are_mapped_and_holes_make_the_whole_missing() -> None:
    row = {"a": [{"b": [1, 2]}, {"b": [3]}], "c": [{"d": 1}, {}], "e": [[1], [2]], "f": []}
    assert compile_path("a[].b")(row) == [[1, 2], [3]]
    assert compile_path("a[1].b[0]")(row) == 3
    assert compile_path("c[].d")(row) is MISSING
    assert compile_path("e[1][0]")(row) == 2
    assert compile_path("f[]")(row) == []
    assert compile_path("f[0]")(row) is MISSING
    assert compile_path("a.b")(row) is MISSING
    assert parse_path("e[1][]") == ("e", 1, None)


@given(st.text("{}ab!:. ", max_size=12))
def test_any_template_compiles_or_raises_valueerror(text: str) -> None:
    try:
        template = compile_template(text)
    except ValueError:
        return
    assume(not any(mark in name for name in template.names for mark in ".["))
    rendered = template.render(dict.fromkeys(template.names, "x"))
    assert rendered == text.format_map(dict.fromkeys(template.names, "x"))


@given(st.text(), st.text())
def test_values_stand_in_the_prompt_as_they_are(question: str, other: str) -> None:
    template = compile_template("[{a}] {{b}} [{b}]")
    assert template.render({"a": question, "b": other}) == f"[{question}] {{b}} [{other}]"


def test_a_list_in_a_template_names_its_field() -> None:
    with pytest.raises(ValueError, match=r"^\{a\} is a list, not a text; take one item"):
        compile_template("{a}").render({"a": ["x"]})
    with pytest.raises(ValueError, match="is not a text"):
        to_text({"x": 1})


@given(json_values | st.text())
def test_to_number_is_finite_or_a_valueerror(value: object) -> None:
    try:
        number = to_number(value)
    except ValueError:
        return
    assert math.isfinite(number)


def test_fields_take_the_first_path_and_parse_json_only_in_texts() -> None:
    answers = compile_field(FieldSpec(path=["possible", "answers"], json=True))
    assert answers({"possible": '["x", "y"]'}) == ["x", "y"]
    assert answers({"possible": None, "answers": ["not json"]}) == ["not json"]
    with pytest.raises(ValueError, match="is not valid JSON"):
        answers({"possible": "[x"})
    assert compile_field(FieldSpec(path=["a"], strip=True))({"a": [" x ", "y "]}) == ["x", "y"]
    assert compile_field(FieldSpec(path=["a"], pattern=r"\d+"))({"a": "ab 12"}) == "12"
    with pytest.raises(ValueError, match="does not match the pattern"):
        compile_field(FieldSpec(path=["a"], pattern="z"))({"a": "b"})


yamlish = st.text(
    st.sampled_from([*"ab:-[]{}\n\"'#&*!|>?,%@ ~0123.<=\té\0\x85\ud800"]),
    max_size=40,
)
ORDINARY = "name: x\nversion: 1\n"


@settings(max_examples=300, deadline=None)
@given(yamlish | st.binary(max_size=30), st.booleans())
def test_any_text_is_a_suite_file_with_faults_and_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes, with_head: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    path.write_bytes(ORDINARY.encode() * with_head + raw)
    with pytest.raises(InputError) as caught:
        load_suite(path)
    assert all(fault.file == str(path) for fault in caught.value.faults)


KEYS = ["name", "version", "source", "fields", "prompt", "references", "task", "choices", "strata"]
suites = st.dictionaries(st.sampled_from([*KEYS, "grader", "generation", "weights"]), json_values)


@settings(max_examples=200, deadline=None)
@given(suites)
def test_any_json_is_a_suite_file_with_faults_and_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: dict
) -> None:
    path = tmp_path_factory.getbasetemp() / "json.yaml"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError):
        load_suite(path)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["rows.jsonl", "rows.csv", "rows.parquet"]), yamlish | st.binary(max_size=60)
)
def test_any_data_file_is_read_or_has_faults(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str | bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (folder / name).write_bytes(raw)
    path = folder / "data.yaml"
    path.write_text(
        f"name: x\nversion: 1\nsource: {{file: {name}}}\nfields: [a]\n"
        "prompt: {template: '{a}'}\nreferences: a\ngrader: exact\n"
        "strata: [{name: s, kind: head, weight: 1, rule: {field: a, equals: 1}}]\n"
    )
    with pytest.raises(InputError):
        load_suite(path)


def parsed(tmp_path: Path, text: str) -> object:
    path = tmp_path / "one.yaml"
    path.write_text(text)
    faults = Faults()
    document = read_document(path, faults)
    faults.check()
    assert document is not None
    return document.data


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = "[no, 1:30, 2024-01-01, 012, 1e3, 1/3, true, null, ~, '3', .5, +4]"
    assert parsed(tmp_path, text) == [
        *("no", "1:30", "2024-01-01", 12, 1000.0, "1/3", True, None, None, "3", 0.5, 4)
    ]


def test_lines_are_those_of_the_deepest_key_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("a: 1\nb:\n  - c: 2\n  - c: 3\n    d: [4,\n      5]\n")
    document = read_document(path, Faults())
    assert document is not None
    lines = {(): 1, ("b",): 2, ("b", 1): 4, ("b", 1, "d", 1): 6, ("b", 0, "zzz"): 3, ("q",): 1}
    assert {place: document.line(place) for place in lines} == lines


def test_a_kind_of_fault_is_listed_twenty_times_and_then_counted() -> None:
    faults = Faults()
    for line in range(100_000):
        faults.add("f", "is bad", line=line)
        faults.add("f", "is bad", line=line)
    listed = faults.listed()
    assert len(listed) == SHOWN + 1
    assert str(listed[-1]) == "f: and 99980 more: is bad"
