"""What a pipeline makes of the student in a paragraph; replace, route and draft side by side."""

from dataclasses import replace

import pytest

from tailqa.core.report import Report, Run
from tailqa.report.choices import choices_of, options_side_by_side
from tailqa.report.operations_summary import operations_summary
from tailqa.report.page import render_page
from tailqa.report.result import load_report, save_report
from tailqa.workflows.route import route
from tests.report.operations_cases import make_operations, without_prices
from tests.workflows.test_route import made_run, quick


@pytest.fixture(scope="module")
def routing():
    return route(made_run(), quick(target_quality=0.9))


@pytest.fixture
def costed(report: Report, routing) -> Report:
    return replace(report, operations=make_operations(), routing=routing)


def test_the_paragraph_says_what_is_resolved_and_what_that_takes(costed):
    said = operations_summary(costed)
    assert "the teacher resolves 97.8 % [" in said
    assert "; the student 88.2 % [" in said
    assert "the student with escalation 96.2 % [" in said
    assert "times the teacher's time and " in said
    assert said.count("per resolved query") == 2


def test_without_prices_and_without_a_pipeline_it_says_less(costed):
    unpriced = replace(costed, operations=without_prices(make_operations()))
    assert "the teacher's cost" in operations_summary(costed)
    assert "the teacher's cost" not in operations_summary(unpriced)
    assert operations_summary(replace(costed, operations=None)) == ""


def test_replace_and_route_stand_side_by_side_on_the_page(costed, routing):
    titles = [choice.title for choice in choices_of(costed)]
    assert titles == ["Replace", "Route"]
    (_, _, figures) = options_side_by_side(choices_of(costed))[1]
    assert [name for name, *_ in figures] == [
        "right answers, %",
        "of the teacher's quality, %",
        "calls to the teacher, %",
        "tokens per query",
    ]
    page = render_page(Run(report=costed))
    assert all(name in page for name in routing.choice.teacher_strata)


def test_one_way_alone_is_no_choice(report):
    alone = replace(report, operations=make_operations())
    assert options_side_by_side(choices_of(alone)) == []


def test_both_survive_result_json(costed, tmp_path):
    save_report(costed, tmp_path)
    loaded = load_report(tmp_path)
    assert loaded == costed
    assert render_page(Run(report=loaded)) == render_page(Run(report=costed))
