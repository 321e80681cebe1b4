"""A routing as JSON, as a rule, on a terminal and as a page."""

import json
from dataclasses import replace

import pytest
import yaml

from tailqa.core.errors import ResultError
from tailqa.core.estimate import TooFew
from tailqa.core.routing import Price
from tailqa.report.format import PERCENT, bracketed
from tailqa.report.routing_chart import BOTTOM, LEFT, RIGHT, TOP, frontier_chart
from tailqa.report.routing_page import render_routing_page
from tailqa.report.routing_result import (
    load_routing,
    render_routing_json,
    write_routing,
    write_rule,
)
from tailqa.report.routing_table import render_routing
from tailqa.report.routing_words import expected_words, rule_words, unknown_figures
from tailqa.workflows.route import route
from tests.report.test_page import HOSTILE
from tests.workflows.costed_runs import SIDES
from tests.workflows.test_route import HEAD, TAIL, made_run, quick


@pytest.fixture(scope="module")
def routing():
    return route(made_run(), quick(max_teacher_share=0.3))


def test_it_is_loaded_as_it_was_and_rendered_to_the_byte(routing, tmp_path):
    page = write_routing(routing, tmp_path)
    assert page.name == "route.html"
    loaded = load_routing(tmp_path)
    assert loaded == routing
    assert render_routing_page(loaded).encode() == page.read_bytes()
    (tmp_path / "route.json").write_text('{"format_version": 1, "n": "many"}')
    with pytest.raises(ResultError, match="is not a routing"):
        load_routing(tmp_path)


def test_the_rule_is_small_and_whole(routing, tmp_path):
    write_rule(routing, tmp_path / "rule.json")
    write_rule(routing, tmp_path / "rule.yaml")
    rule = json.loads((tmp_path / "rule.json").read_text())
    assert yaml.safe_load((tmp_path / "rule.yaml").read_text()) == rule
    assert rule["strata"] == {TAIL: "teacher", HEAD: "student"}
    assert rule["aim"] == {"max_teacher_share": 0.3}
    assert rule["teacher_share_of_rule"]["value"] == pytest.approx(0.2)
    expected = rule["expected"]
    assert expected["usd_per_query"] is None
    assert len(str(expected["quality"]["value"])) <= len("0.1234567")
    assert rule["expected_from"].startswith("two such rules, each chosen on one half")
    assert expected["quality"]["low"] <= expected["quality"]["value"] <= expected["quality"]["high"]
    assert {"version", "teacher", "student", "by", "suite_digest", "created"} < rule.keys()
    write_rule(replace(routing, chosen="confidence"), tmp_path / "rule.json")
    rule = json.loads((tmp_path / "rule.json").read_text())
    assert "strata" not in rule
    assert 0 < rule["threshold"] < 1
    with pytest.raises(ResultError, match=r"must end in \.json, \.yaml or \.yml"):
        write_rule(routing, tmp_path / "rule.txt")


def test_marks_stand_where_their_numbers_are(routing):
    drawn = frontier_chart(routing)
    assert [line.by for line in drawn.lines] == ["stratum", "confidence"]
    assert drawn.lines[0].line.startswith(f"M{LEFT} {drawn.random[0]}L")
    assert drawn.lines[0].line.endswith(f"L{RIGHT} {drawn.random[1]}")
    [chosen] = [spot for spot in drawn.spots if spot.chosen]
    assert chosen.x == pytest.approx(LEFT + 0.2 * (RIGHT - LEFT), abs=0.01)
    assert TOP <= chosen.high <= chosen.y <= chosen.low <= BOTTOM
    assert "By stratum: " in drawn.description


def test_a_terminal_of_any_width_shows_the_way_that_was_chosen(routing):
    for width in (60, 100, 160):
        shown = render_routing(routing, width=width, terminal=False)
        assert shown.count("(chosen)") == 1
        assert max(map(len, shown.splitlines())) <= width
        assert shown.isascii()


def test_no_interval_is_left_out_where_there_is_little_room():
    prices = {f"{side}_price": Price(prompt_usd=1, completion_usd=9) for side in SIDES}
    priced = route(made_run(), quick(**prices))
    shown = [
        render_routing(priced, width=width, terminal=False) for width in (60, 80, 100, 140, 200)
    ]
    assert len({text.count("[") for text in shown}) == len({text.count("]") for text in shown}) == 1
    assert all("$ per 1,000" in text for text in shown)
    accuracy = bracketed(priced.strata[0].student_accuracy, PERCENT).split(" ", 1)[1]
    assert all(accuracy in text for text in shown[1:])


def test_what_is_not_told_is_named_in_words(routing):
    unknown = [line.partition(":")[0] for line in unknown_figures(replace_seconds(routing))]
    assert unknown == ["seconds per query"]


def test_a_way_that_takes_fewer_calls_is_named(routing):
    strata, confidence = routing.choices
    aimed = replace(routing, aim="target quality", limit=0.5)

    def with_calls(choice, value):
        calls = replace(choice.figures.teacher_share, value=value, low=value - 0.02, high=value)
        return replace(choice, reached=True, figures=replace(choice.figures, teacher_share=calls))

    dear, cheap = with_calls(strata, 0.9), with_calls(confidence, 0.2)
    said = expected_words(replace(aimed, choices=(dear, cheap)), dear)
    assert said.endswith(
        "By confidence the aim takes 20.0 % [18.0, 20.0] of calls: --by confidence."
    )
    for choices in [(dear, replace(cheap, reached=False)), (dear, with_calls(confidence, 0.89))]:
        assert "--by" not in expected_words(replace(aimed, choices=choices), dear)


def replace_seconds(routing):
    none = TooFew(reason="no speed was measured", n=0)

    def without(figures):
        return replace(figures, seconds=none)

    return replace(
        routing,
        student_only=without(routing.student_only),
        teacher_only=without(routing.teacher_only),
        choices=tuple(replace(c, figures=without(c.figures)) for c in routing.choices),
    )


def test_words_do_not_hide_a_rule_that_falls_short(routing):
    choice = routing.choice
    short = replace(routing, aim="target quality", limit=1.02)
    assert "on the others it falls short" in expected_words(short, choice)
    assert "No rule of this kind" in expected_words(short, replace(choice, reached=False))
    assert "falls short" not in expected_words(routing, choice)
    assert "chose differently" not in expected_words(routing, choice)
    other = replace(choice, rule_share=replace(choice.rule_share, value=0.9))
    assert "the rule of all queries sends 90.0 % of calls" in expected_words(routing, other)
    every = replace(choice, rule_share=replace(choice.rule_share, value=1.0))
    assert "sends every query to the teacher, so it saves nothing" in expected_words(routing, every)
    assert rule_words(replace(choice, teacher_strata=())) == "No stratum goes to the teacher."
    every = replace(choice, threshold=1.1)
    assert rule_words(every) == "Every answer of the student goes on to the teacher."


def test_names_are_never_markup(routing):
    strata = tuple(replace(item, name=HOSTILE) for item in routing.strata)
    hostile = replace(routing, teacher=HOSTILE, student=HOSTILE, suite=HOSTILE, strata=strata)
    page = render_routing_page(hostile)
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in render_routing(hostile, width=100, terminal=True).replace("\x1b[", "")


def test_the_json_is_of_one_text(routing):
    assert render_routing_json(routing) == render_routing_json(routing)
    assert json.loads(render_routing_json(routing))["format_version"] == 1
