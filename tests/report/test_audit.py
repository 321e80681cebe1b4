"""What the audit found, on the page and on a terminal."""

import pytest

from tailqa.core.report import AuditExample, AuditFinding, Run
from tailqa.report.page import render_page
from tailqa.report.result import load_report, save_report
from tailqa.report.table import render_terminal
from tests.report.conftest import make_report, row

HOSTILE = "<s><script>alert(1)</script>\x1b[2J\u202e"


@pytest.fixture
def audited():
    finding = AuditFinding(
        kind="bos",
        side="student",
        n=3,
        of=1200,
        message=f"The prompt lacks {HOSTILE}: see to it.",
        examples=(AuditExample(query_id="q<1>", seen=HOSTILE),),
    )
    both = AuditFinding(kind="template", side=None, n=1, of=1, message="They differ.", examples=())
    return make_report(audit=(finding, both))


def test_the_page_shows_counts_and_examples_and_runs_nothing(audited):
    page = render_page(Run(report=audited, answers=(row("q", "head/plain", "teacher"),)))
    assert "<b>bos, student</b>, 3 of 1,200 queries (0.3 %): The prompt lacks &lt;s&gt;" in page
    assert "<b>template</b>, 1 of 1 queries (100.0 %): They differ." in page
    assert "not estimates: they have no interval" in page
    assert "<bdi>q&lt;1&gt;</bdi>" in page
    assert "⟨ESC⟩[2J⟨U+202E⟩</pre>" in page
    assert "<script>alert" not in page


def test_a_summary_without_answers_shows_no_prompt(audited):
    page = render_page(Run(report=audited))
    assert "3 of 1,200 queries" in page
    assert "q&lt;1&gt;" not in page
    assert "Examples" not in page


def test_a_report_without_findings_has_no_such_section(report):
    assert "audit" not in render_page(Run(report=report)).split("</style>")[1]


def test_a_terminal_shows_counts(audited):
    text = " ".join(render_terminal(audited, width=100, terminal=False).split())
    assert "Audit (bos, student, 3 of 1,200 queries (0.3 %)): The prompt lacks <s>" in text
    assert "Audit (template, 1 of 1 queries (100.0 %)): They differ." in text
    assert "\x1b" not in text


def test_the_audit_is_saved_and_read_back(audited, tmp_path):
    save_report(audited, tmp_path)
    assert load_report(tmp_path).audit == audited.audit
