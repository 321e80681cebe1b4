"""A suite that says truncate: left: what was cut is said in the report."""

import pytest

from tailqa.workflows.asking import Options
from tailqa.workflows.compare import run_compare

SUITE = """\
name: long
version: 1
source: {file: rows.csv}
fields: [q, a, kind]
prompt: {template: "{q}"}
references: a
generation: {max_tokens: 8, TRUNCATE}
grader: numeric
weights: rows
strata:
  - {name: short, kind: head, rule: {field: kind, equals: short}}
  - {name: long, kind: tail, rule: {field: kind, equals: long}}
"""


@pytest.fixture
def compared(tmp_path):
    def compare(truncate):
        long = " ".join(["what is one plus one?"] * 120)
        rows = ["q,a,kind", "what is one plus one?,2,short", f"{long},2,long"]
        (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
        (tmp_path / "suite.yaml").write_text(SUITE.replace("TRUNCATE", truncate))
        options = Options(speed=1, out=tmp_path / "out", pipeline="none")
        suite = str(tmp_path / "suite.yaml")
        return run_compare("demo:teacher", "demo:student", suite, options).report

    return compare


def test_a_long_prompt_fails_with_the_reason(compared):
    report = compared("stop: []")
    assert [stratum.failed for stratum in report.strata] == [0, 1]
    assert any("exceed the model's 256 tokens" in finding for finding in report.findings)


def test_a_long_prompt_is_cut_where_the_suite_says_so(compared):
    report = compared("truncate: left")
    assert [stratum.failed for stratum in report.strata] == [0, 0]
    cut = [finding for finding in report.audit if "lost its begin" in finding.message]
    assert [(one.side, one.n, one.of) for one in cut] == [("teacher", 1, 2), ("student", 1, 2)]
    assert {finding.kind for finding in cut} == {"truncation"}
    assert "tokens cut, then: " in cut[0].examples[0].seen


def test_the_digest_of_a_suite_that_does_not_cut_is_what_it_was(compared):
    assert compared("stop: []").suite.digest != compared("truncate: left").suite.digest
