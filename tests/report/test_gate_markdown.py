"""Rendered by markdown-it-py, which knows CommonMark and tables, and read back."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tailqa.report.escape import one_line
from tailqa.report.gate_markdown import escaped, render_gate_markdown
from tests.report.conftest import make_report
from tests.report.gate_verdicts import HOSTILE, named, requirements, rule, verdict

GITHUB_COMMENT = 65_536
ZERO_WIDTH = "\u200b"
MARKED = "\\`*_[]()<>|~&$#@!:/.+-=\n\t1a "


def tokens(markdown: str) -> list[Token]:
    return (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    )


def inline(markdown: str) -> list[Token]:
    """Every piece of running text and every mark in it."""
    return [piece for block in tokens(markdown) for piece in block.children or ()]


def rows(markdown: str) -> list[list[str]]:
    """The cells of all tables as they are read."""
    found: list[list[str]] = []
    read = tokens(markdown)
    for before, token in pairwise(read):
        if token.type == "tr_open":
            found.append([])
        elif before.type in {"th_open", "td_open"}:
            found[-1].append(text_of(token))
    return found


def text_of(token: Token) -> str:
    return "".join(piece.content for piece in token.children or ()).replace(ZERO_WIDTH, "")


WHOLE = """\
## FAIL: the student cannot replace the teacher

The student demo:student against its teacher demo:teacher on demo 1. Policy default, digest \
9f2c9f2c9f2c; 4 critical requirements: 1 fail, 2 inconclusive, 1 pass.

| requirement | tier | measured | limit | outcome | queries to settle it |
|---|---|---|--:|---|--:|
| tail/multi-step: gap | critical | −37.5 points (90 % interval −43.7 to −31.3, n = 200) \
| −5.0 points | **fail** |  |
| tail/phrasing: gap | critical | −10.00 points (90 % interval −15.29 to −4.97, n = 200) \
| −5.00 points | **inconclusive** | 478 |
| tail/rare: gap | critical | – | – | **inconclusive** |  |
| tail/terminology: retention | critical | 97.2 % (90 % interval 95.1 to 99.3, n = 1,200) \
| 90.0 % | pass |  |
| head/plain: gap | supporting | −5.0 points (90 % interval −9.0 to −1.4, n = 200) \
| −5.0 points | **inconclusive** | 1,478 |
| all traffic: gap | supporting | −0.8 points (90 % interval −1.1 to −0.5, n = 800) \
| −5.0 points | pass |  |

- tail/phrasing: gap: judged inconclusive
- tail/multi-step: gap: judged fail
- tail/terminology: retention: judged pass
- tail/rare: gap: judged inconclusive

<details>
<summary>Advisory, does not block: 2 of 2 did not pass</summary>

| requirement | tier | measured | limit | outcome | queries to settle it |
|---|---|---|--:|---|--:|
| tail against head | advisory | −17.2 points (90 % interval −22.9 to −11.0, n = 800) \
| −5.0 points | **fail** |  |
| fidelity: kl | advisory | not measured (compare ran without --fidelity, n = 0) \
| 0.0500 | **inconclusive** |  |

- tail against head: judged fail
- fidelity: kl: judged inconclusive

</details>
"""


def test_the_whole_output():
    assert render_gate_markdown(make_report(), verdict()) == WHOLE


def test_it_is_read_as_it_is_meant():
    markdown = render_gate_markdown(make_report(), verdict())
    kinds = [token.type for token in tokens(markdown)]
    assert kinds[:2] == ["heading_open", "inline"]
    assert (kinds.count("table_open"), kinds.count("bullet_list_open")) == (2, 2)
    assert {len(row) for row in rows(markdown)} == {6}


def test_nothing_advisory_folds_nothing():
    markdown = render_gate_markdown(make_report(), verdict((rule("a", "pass"),), "pass"))
    assert "## PASS: the student can replace the teacher" in markdown
    assert "<details>" not in markdown


@given(st.text(st.sampled_from(MARKED), max_size=40) | st.text(max_size=40))
def test_text_shows_as_itself_and_does_nothing(text):
    """In a table and in a list, whatever it holds: no mark, no link, no second block or cell."""
    assume(one_line(text).strip())
    markdown = render_gate_markdown(*named(text))
    plain = render_gate_markdown(*named("plain"))
    assert [token.type for token in tokens(markdown)] == [token.type for token in tokens(plain)]
    assert {piece.type for piece in inline(markdown)} <= {"text", "strong_open", "strong_close"}
    assert len(rows(markdown)) == 5
    for row in rows(markdown)[1:3]:
        assert row[0] == one_line(text).strip()


def test_hostile_text_shows_as_itself():
    report, judged = named(HOSTILE)
    markdown = render_gate_markdown(report, judged)
    assert not set("\x1b\x00\ud800\u202e") & set(markdown)
    assert not [piece for piece in inline(markdown) if piece.type in {"link_open", "code_inline"}]
    html = [piece.content for piece in tokens(markdown) if piece.type == "html_block"]
    assert [line.split(">")[0] for line in html] == ["<details", "</details"]


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@all", f"@{ZERO_WIDTH}all"),
        ("a@b.de", f"a@{ZERO_WIDTH}b.de"),
        ("#12", f"#{ZERO_WIDTH}12"),
        ("https://evil.example", f"https:{ZERO_WIDTH}//evil.example"),
        ("WWW.evil.example", f"WWW{ZERO_WIDTH}.evil.example"),
    ],
)
def test_what_github_would_link_without_markup_is_broken_up(text, broken):
    (piece,) = inline(escaped(text))
    assert piece.content == broken


def test_no_line_begins_with_a_command():
    """GitLab runs a line of a comment that begins with a slash."""
    markdown = render_gate_markdown(*named("/close"))
    assert "/close" in markdown
    assert not [line for line in markdown.splitlines() if line.lstrip().startswith("/")]


def test_a_policy_of_any_size_fits_a_comment():
    rules = tuple(
        replace(item, name=f"{'<@漢🙂|>' * 40}{item.name}{index}")
        for index in range(300)
        for item in requirements()
    )
    markdown = render_gate_markdown(make_report(), verdict(rules, reasons=("<|>" * 300,) * 300))
    assert len(markdown.encode()) < GITHUB_COMMENT
    shown = [
        row for row in rows(markdown) if len(row) == 6 and row[1] in {"critical", "supporting"}
    ]
    (rest, folded) = [row[0] for row in rows(markdown) if row[0].startswith("and ")]
    assert int(rest.split()[1].replace(",", "")) + len(shown) == 300 * 6
    assert folded.endswith("more")
    assert markdown.endswith("</details>\n")


def test_small_ones_are_shown_whole():
    rules = tuple(rule(f"tail/{index}: gap", "pass") for index in range(100))
    markdown = render_gate_markdown(make_report(), verdict(rules, "pass"))
    assert " more " not in markdown
