"""The tables of the history, as the newest migration leaves them.

Integers of 32 bits are keys; digests of texts and queries are the first 16 bytes of a SHA-256.
"""

import sqlalchemy as sa

VERSION_TABLE = "tailqa_version"
"""Holds the schema version; a name of its own, so that no other program's is mistaken for it."""

metadata = sa.MetaData()


def _of_run() -> "sa.Column[int]":
    # Not indexed anew: it is the first column of the primary key everywhere.
    owner = sa.ForeignKey("runs.id", ondelete="CASCADE")
    return sa.Column("run", sa.Integer, owner, primary_key=True, autoincrement=False)


def _text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=null)


def _number(name: str, *, null: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, nullable=null)


def _real(name: str, *, null: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Double, nullable=null)


runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    _text("name"),
    sa.Column("date", sa.Date, nullable=False),
    _text("student"),
    _text("build"),
    _text("teacher"),
    _text("suite"),
    _text("suite_version"),
    _text("suite_digest"),
    _text("verdict"),
    _text("policy"),
    _text("policy_digest", null=True),
    _number("n_queries"),
    _text("seed"),  # any whole number, and a column holds 64 bits
    _text("tailqa_version"),
    _number("format_version"),
    _text("pipeline", null=True),
    _real("added_s"),
)

facets = sa.Table(
    "facets",
    metadata,
    _of_run(),
    sa.Column("facet", sa.Text, primary_key=True),
    _text("value"),
)

strata = sa.Table(
    "strata",
    metadata,
    _of_run(),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("name"),
    _text("kind"),
    _text("tier"),
    _real("weight"),
    _number("both_right"),
    _number("teacher_only"),
    _number("student_only"),
    _number("both_wrong"),
    _number("failed"),
    _number("ungraded"),
    _real("margin", null=True),
)

figures = sa.Table(
    "figures",
    metadata,
    _of_run(),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("scope"),
    _text("who"),
    _text("figure"),
    _number("n"),
    _real("value", null=True),
    _real("low", null=True),
    _real("high", null=True),
    _real("level", null=True),
    _text("method", null=True),
    _text("reason", null=True),
)

queries = sa.Table(
    "queries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    _text("name"),
    _text("stratum"),
    _text("cluster", null=True),
    _text("right_answers"),
    _text("choices"),
)

texts = sa.Table(
    "texts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    _text("text"),
)

# What it refers to beside the run is no foreign key: each would need an index over all outcomes,
# and half a week's work would go into keeping it. `add` and `prune` see to it that nothing dangles.
outcomes = sa.Table(
    "outcomes",
    metadata,
    _of_run(),
    sa.Column("query", sa.Integer, primary_key=True, autoincrement=False),
    _number("prompt"),
    _text("teacher_mark"),
    _text("student_mark"),
    _number("teacher_text", null=True),
    _number("student_text", null=True),
    _number("teacher_prompt_tokens", null=True),
    _number("teacher_completion_tokens", null=True),
    _number("student_prompt_tokens", null=True),
    _number("student_completion_tokens", null=True),
    _real("teacher_s", null=True),
    _real("student_s", null=True),
    sqlite_with_rowid=False,
)
