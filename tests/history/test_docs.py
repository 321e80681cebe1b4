"""The SQL of docs/history.md runs, and its table names every column."""

import re
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from tailqa.history import open_history
from tailqa.history.address import address
from tailqa.history.tables import metadata
from tests.history.made import TODAY, new

PAGE = (Path(__file__).parents[2] / "docs" / "history.md").read_text("utf-8")
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_the_queries_of_the_page_run(where):
    with open_history(where) as history:
        history.add(new(1, marks={"q1": "10", "q2": "11"}), today=date.fromisoformat(TODAY))
    engine = sa.create_engine(address(where).url)
    with engine.connect() as connection:
        by_week, of_one = (connection.execute(sa.text(block)).all() for block in BLOCKS)
    engine.dispose()
    assert [tuple(row)[1:4] for row in by_week] == [("student (build 1)", "head", 2)]
    assert float(by_week[0].accuracy) == 0.5
    assert [row.text for row in of_one] == ["the student says 0 to q1"]


def test_the_page_names_every_table_and_column():
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*) \|$", PAGE, re.MULTILINE))
    assert set(rows) >= set(metadata.tables)
    for name, table in metadata.tables.items():
        told = set(re.findall(r"`(\w+)`", rows[name]))
        if name == "outcomes":  # "the same two of the student"
            told |= {"student_prompt_tokens", "student_completion_tokens"}
        assert told - {"all traffic"} == set(table.c.keys())
