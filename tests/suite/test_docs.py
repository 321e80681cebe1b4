"""The example of docs/suites.md is a suite that loads."""

import re
from pathlib import Path

import pytest

from tailqa.suite import describe, load_suite
from tailqa.suite.schema import SuiteFile

PAGE = Path(__file__).parents[2] / "docs" / "suites.md"


def test_the_full_example_loads_as_it_says(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"```(jsonl|csv|yaml)\n(.*?)```", PAGE.read_text(), re.DOTALL))
    (tmp_path / "tickets.jsonl").write_text(blocks["jsonl"])
    (tmp_path / "examples.csv").write_text(blocks["csv"])
    (tmp_path / "tickets.yaml").write_text(blocks["yaml"])
    suite = load_suite(tmp_path / "tickets.yaml")
    assert suite.queries[0].prompt == (
        "Ticket: Please change my address.\nDesk: account\n\n"
        "Ticket: I was charged twice.\nDesk: billing\n\n"
        "Ticket: How do I change my name?\nDesk:"
    )
    assert suite.queries[0].choices == (" account", " billing")
    head, tail = describe(suite)
    assert [query.id for query in head.examples] == ["t1", "t2"]
    assert [query.id for query in tail.examples] == ["t3", "t4"]
    assert head.weight == pytest.approx(1790 / 1800)


def test_every_key_is_on_the_page() -> None:
    page = PAGE.read_text()
    for name, field in SuiteFile.model_fields.items():
        assert f"`{field.alias or name}`" in page
