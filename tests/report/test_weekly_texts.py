"""The weekly report as Markdown and on a terminal."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.estimate import TooFew
from tailqa.core.weekly import Alarm, Change, Week
from tailqa.report.gate_markdown import escaped
from tailqa.report.weekly_changes import break_words, differing
from tailqa.report.weekly_markdown import render_weekly_markdown
from tailqa.report.weekly_table import render_weekly
from tailqa.report.weekly_words import changed_words, missing_words
from tests.report.test_gate_markdown import GITHUB_COMMENT, MARKED, inline, rows, tokens
from tests.report.weekly_cases import hostile_texts, hostile_weekly, least_weekly, make_weekly

SMALL = """\
## tail/terminology lost 6.1 points [3.2, 9.0] since 2026-10-26, first seen in build \
support-student@&#8203;r8; nothing else moved.

**1 alarm open, 1 in the past.** Student support-student, teacher llama-70b-instruct, support 4; \
last run in the week of 2026-11-23, build support-student@&#8203;r9, verdict **fail**.

- **open:** tail/terminology: −6.1 points (95 % interval −9.0 to −3.2, n = 300) since 2026-10-26 \
(the weeks since then against those before), first seen in build support-student@&#8203;r8; alarm \
in the week of 2026-11-16, open. That is 366 [192, 540] queries a week of this stratum no \
longer answered rightly.
- tail/long context: −10.5 points (95 % interval −13.6 to −7.4, n = 280) since 2026-08-10 (the \
weeks since then against those before), with no new build (support-student@&#8203;r4); alarm in \
the week of 2026-08-17, better again since 2026-09-14.

| stratum | n | student, % | teacher, % | now − last week, points | now − base line, points \
| alarm |
|---|--:|--:|--:|--:|--:|---|
| all traffic | 300 | {whole} | **−0.9 [−1.6, −0.2]** | **−0.9 [−1.6, −0.2]** |  |
| tail/terminology | 300 | {one} | **−6.3 [−9.6, −3.1]** | **−6.3 [−9.6, −3.1]** \
| **open** |

- At 120,000 queries a week the student takes 31.2 million tokens, 0.41 of them lost.

Breaks, where the harness changed and a new series starts:

- Break: the suite changed: 4.0 sha256:ab… → 4.1 sha256:cd…, week of 2026-10-12.
- Model and harness changed together, so nobody can tell which of them moved a figure, week of \
2026-09-28: student: sha256:00000010… → sha256:00000011…; template: sha256:17aa… → sha256:99bc…; \
versions: torch 2.9.0 → 2.9.1.
- Break: the harness changed, week of 2026-07-27: engine: transformers 5.0.1 → 5.1.0.

Before you believe it:

- In the week of 2026-10-19 tail/dates had 12 queries; it is shown as missing.

Queries newly wrong: 61, newly right: 9, flaky: 4.
5,712 of the teacher's answers of the last run are the same as in an earlier run.
While nothing changes, this page as a whole alarms falsely at most once in 104 weeks (2 years) on \
average.
Null hypothesis: the answers to the same queries of this suite are as often right as in the weeks \
before, though single queries may change for good with a new build.
"""

BLOCKS = [token.type for token in tokens(render_weekly_markdown(hostile_weekly(["plain"])))]

LEAST_TERMINAL = """\
s: no alarm open
NO ALARM OPEN  student s, teacher t, suite tiny 1; last run in the week of 2026-11-23

                 student  teacher
stratum       n        %        %  alarm
----------------------------------------
only          2        -        -


While nothing changes, this page as a whole alarms falsely at most once in 104 weeks (2 years) on
average.
Null hypothesis: nothing changed."""


def test_the_whole_markdown():
    markdown = render_weekly_markdown(make_weekly(n_strata=1))
    table = rows(markdown)
    whole, one = (escaped(" , ".join(row[2:4])).replace(" , ", " | ") for row in table[1:])
    assert markdown == SMALL.format(whole=whole, one=one)
    assert whole.count("[") == 2


def test_markdown_is_read_as_it_is_meant():
    markdown = render_weekly_markdown(make_weekly())
    kinds = [token.type for token in tokens(markdown)]
    assert kinds[:2] == ["heading_open", "inline"]
    assert (kinds.count("table_open"), kinds.count("bullet_list_open")) == (1, 4)
    table = rows(markdown)
    assert {len(row) for row in table} == {7}
    assert len(table) == 22
    assert "Not compared with the base line: tail/dates (2026-10-19: 12 queries" in markdown


def test_thousand_hostile_texts_stay_text_in_markdown():
    texts = hostile_texts(1000)
    for start in range(0, 1000, 40):
        markdown = render_weekly_markdown(hostile_weekly(texts[start : start + 40]))
        pieces = {piece.type for piece in inline(markdown)}
        assert pieces <= {"text", "softbreak", "strong_open", "strong_close"}
        blocks = [token.type for token in tokens(markdown)]
        assert (blocks.count("table_open"), blocks.count("heading_open")) == (1, 1)
        assert not {"html_block", "fence", "code_block", "hr", "blockquote_open"} & set(blocks)
        assert not set("\x1b\x00\ud800\u202e\r\x07") & set(markdown)
        assert not [line for line in markdown.splitlines() if line.startswith("/")]
        assert "https://" not in markdown
        assert {len(row) for row in rows(markdown)} == {6}


@settings(max_examples=15)
@given(st.text(st.sampled_from(MARKED), min_size=1, max_size=40) | st.text(min_size=1, max_size=40))
def test_any_text_changes_no_block(text):
    found = tokens(render_weekly_markdown(hostile_weekly([f"a{text}b"])))
    assert [token.type for token in found] == BLOCKS


def test_a_report_of_any_size_fits_a_comment():
    weekly = make_weekly()
    week = weekly.weeks[0]
    long = "漢|<" * 100
    strata = tuple(replace(week.strata[1], name=f"{i} {long}") for i in range(400))
    weekly = replace(
        weekly,
        weeks=(replace(week, strata=strata), *weekly.weeks[1:]),
        alarms=tuple(replace(weekly.alarms[0], build=long) for _ in range(300)),
        notes=(long,) * 300,
        costs=(long,) * 300,
    )
    markdown = render_weekly_markdown(weekly)
    assert len(markdown.encode()) < GITHUB_COMMENT
    assert " more" in markdown


def test_the_whole_terminal_with_nothing_known():
    assert render_weekly(least_weekly(), terminal=False) == LEAST_TERMINAL


def test_the_terminal_has_a_row_per_stratum_and_the_words():
    lines = render_weekly(make_weekly(), width=100, terminal=False).splitlines()
    assert lines[0].startswith("tail/terminology lost 6.1 points [3.2, 9.0] since 2026-10-26")
    assert lines[2].startswith("1 ALARM OPEN, 1 IN THE PAST  student support-student")
    row = next(line for line in lines if line.startswith("tail/terminology  "))
    assert row.split()[1:4] == ["300", "72.7", "88.0"]
    assert row.endswith("-6.3 [-9.6, -3.1]  -6.3 [-9.6, -3.1]  open")
    assert len([line for line in lines if line.startswith(("tail/", "head/"))]) == 21
    assert max(map(len, lines)) <= 100
    text = " ".join(" ".join(lines).split())
    assert "Break: the suite changed: 4.0 sha256:ab" in text
    assert "Not compared with the base line: tail/dates (2026-10-19: 12 queries" in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(width):
    for terminal in (False, True):
        drawn = render_weekly(make_weekly(), width=width, terminal=terminal)
        assert "tail/terminology" in drawn
        if not terminal:
            assert max(map(len, drawn.splitlines())) <= width


def test_bars_on_a_terminal_show_breaks_and_missing_weeks(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    drawn = render_weekly(make_weekly(n_strata=1), width=120, terminal=True)
    (row,) = [
        line for line in drawn.splitlines() if "300" in line and "▃" in line and "open" in line
    ]
    bars = next(part for part in row.split() if "╎" in part)
    assert bars[0] == "·"
    assert [len(part) for part in bars.split("╎")] == [4, 2, 7]


def test_a_terminal_obeys_no_text():
    weekly = hostile_weekly(hostile_texts(40))
    plain = render_weekly(weekly, width=100, terminal=False)
    assert all(" " <= sign <= "~" or sign == "\n" for sign in plain)
    drawn = render_weekly(weekly, width=100, terminal=True)
    assert not set("\x00\x07\u202e\ud800\x9b") & set(drawn)
    assert "\x1b[31mred" not in drawn.replace("\x1b[0m", "").replace("\x1b[1;31m", "")
    assert "\x1b]" not in drawn


def test_what_a_comparison_compares():
    model = Change(facet="student", before="a", after="b")
    harness = Change(facet="engine", before="a", after="b")
    comparison = make_weekly(n_strata=1).comparisons[0]

    def said(*changes, cells=comparison.overall.cells):
        overall = replace(comparison.overall, cells=cells)
        return changed_words(replace(comparison, changes=changes, overall=overall))

    assert "noise" in said()
    assert said(model).endswith("what moved is the model.")
    assert said(harness).endswith("what moved is the harness.")
    assert said(model, harness).endswith("which of them moved a figure.")
    assert said(cells=(150, 0, 0, 10)) == "The same build, no answer changed (n = 160)."
    assert said(model, cells=(5, 0, 0, 0)) == "Another build, no answer changed (n = 5)."
    assert "noise" in said(cells=(0, 0, 0, 0))


def test_a_break_says_only_what_differs():
    versions = Change(
        facet="versions",
        before="numpy 2.5, tokenizers 0.22, torch 2.13.0",
        after="einops 1, numpy 2.5, torch 2.14.0",
    )
    settings = Change(facet="settings", before='limit 12, stop ["a"]', after='stop ["a"]')
    hardware = Change(facet="hardware", before="4 cores", after="8 cores")
    ignored = Change(facet="dtype", before="float32", after="bfloat16", ignored=True)
    week = Week(
        monday="2026-11-02",
        series=1,
        cause="harness",
        changes=(versions, settings, hardware, ignored),
    )
    assert break_words(week) == (
        "Break: the harness changed, week of 2026-11-02: versions: tokenizers 0.22 → none, torch "
        "2.13.0 → 2.14.0, einops none → 1; settings: limit 12 → none; hardware: 4 cores → 8 cores."
    )
    data = Change(facet="data", before="version 1, digest a", after="version 1, digest b")
    assert break_words(replace(week, changes=(data, settings))) == (
        "Break: the suite changed: digest a → b, and the harness, week of 2026-11-02: "
        "settings: limit 12 → none."
    )


@given(st.text(), st.text())
def test_any_two_texts_of_a_facet_are_told_apart(before, after):
    for _, then, now in differing(Change(facet="settings", before=before, after=after)):
        assert then != now or before == after or {then, now} == {"none"}


def test_strata_missing_for_one_reason_share_a_line():
    week = make_weekly().weeks[0]
    strata = tuple(replace(item, missing="12 queries are too few") for item in week.strata[1:3])
    assert missing_words(replace(week, strata=strata)) == (
        "tail/terminology, tail/multi-step arithmetic: 12 queries are too few",
    )
    assert missing_words(Week(monday="2026-11-02", series=0, missing="no run")) == ("no run",)


def test_an_alarm_whose_size_is_not_known_says_why():
    alarm = Alarm(
        scope="a",
        monday="2026-11-16",
        since="2026-11-09",
        build="b",
        loss=TooFew(reason="no query was asked before and after", n=0),
        log_evidence=9.0,
        open=True,
    )
    markdown = render_weekly_markdown(replace(least_weekly(), alarms=(alarm,)))
    assert "no query was asked before and after" in markdown
