"""Schema version 1: runs with their strata, facets and figures, queries, texts and outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Makes the tables in an empty database."""
    _runs()
    _parts_of_runs()
    op.create_table(
        "queries",
        *_kept_once(),
        _text("name"),
        _text("stratum"),
        _text("cluster", null=True),
        _text("right_answers"),
        _text("choices"),
    )
    op.create_table("texts", *_kept_once(), _text("text"))
    _outcomes()


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        _text("name"),
        sa.Column("date", sa.Date, nullable=False),
        *map(_text, ("student", "build", "teacher", "suite", "suite_version", "suite_digest")),
        _text("verdict"),
        _text("policy"),
        _text("policy_digest", null=True),
        _number("n_queries"),
        _text("seed"),
        _text("tailqa_version"),
        _number("format_version"),
        _text("pipeline", null=True),
        _real("added_s"),
    )


def _parts_of_runs() -> None:
    op.create_table(
        "facets", _of_run(), sa.Column("facet", sa.Text, primary_key=True), _text("value")
    )
    counts = ("both_right", "teacher_only", "student_only", "both_wrong", "failed", "ungraded")
    op.create_table(
        "strata",
        _of_run(),
        _part("position"),
        _text("name"),
        _text("kind"),
        _text("tier"),
        _real("weight"),
        *map(_number, counts),
        _real("margin", null=True),
    )
    op.create_table(
        "figures",
        _of_run(),
        _part("position"),
        _text("scope"),
        _text("who"),
        _text("figure"),
        _number("n"),
        *(_real(name, null=True) for name in ("value", "low", "high", "level")),
        _text("method", null=True),
        _text("reason", null=True),
    )


def _outcomes() -> None:
    tokens = (
        "teacher_prompt_tokens",
        "teacher_completion_tokens",
        "student_prompt_tokens",
        "student_completion_tokens",
    )
    op.create_table(
        "outcomes",
        _of_run(),
        _part("query"),
        _number("prompt"),
        _text("teacher_mark"),
        _text("student_mark"),
        *(_number(name, null=True) for name in ("teacher_text", "student_text", *tokens)),
        _real("teacher_s", null=True),
        _real("student_s", null=True),
        sqlite_with_rowid=False,
    )


def _kept_once() -> "tuple[sa.Column[int], sa.Column[bytes]]":
    return (
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    )


def _of_run() -> "sa.Column[int]":
    owner = sa.ForeignKey("runs.id", ondelete="CASCADE")
    return sa.Column("run", sa.Integer, owner, primary_key=True, autoincrement=False)


def _part(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=null)


def _number(name: str, *, null: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, nullable=null)


def _real(name: str, *, null: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Double, nullable=null)
