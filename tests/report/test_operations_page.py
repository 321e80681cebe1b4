"""The page of an operations report, and its section in that of a run, in a real browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tailqa.core.drafting import DraftingResult, DraftLength
from tailqa.core.estimate import TooFew
from tailqa.core.operations import Operations
from tailqa.core.report import Run
from tailqa.report.operations_bars import bar_charts
from tailqa.report.operations_chart import NARROW, WIDE, load_chart
from tailqa.report.operations_page import render_operations_page
from tailqa.report.operations_result import load_operations, write_operations
from tailqa.report.page import render_page
from tests.report.conftest import make_report
from tests.report.operations_cases import (
    NAMES,
    about,
    make_operations,
    saturated,
    untimed,
    without_prices,
)
from tests.report.test_page import HOSTILE, SEEN, Opened, browser, open_run, pytestmark

__all__ = ["browser", "open_run", "pytestmark"]


@pytest.fixture
def open_cost(browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opener(shown: Operations, names: tuple[str, str] = NAMES, **options: object) -> Opened:
        write_operations(shown, names, tmp_path)
        context = browser.new_context(**options)
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto((tmp_path / "cost.html").as_uri())
        return opened

    yield opener
    for context in contexts:
        context.close()


def drafting() -> DraftingResult:
    length = DraftLength(
        length=4,
        tokens=about(3.1),
        formula_tokens=about(3.2),
        speedup=about(1.6),
        formula_speedup=about(1.7),
        break_even=about(0.41),
        clears="yes",
    )
    return DraftingResult(
        name="all traffic",
        scope="all",
        temperature=0.0,
        n_queries=720,
        same_top1=about(0.83),
        overlap=about(0.79),
        draft_cost=about(0.3),
        lengths=(length,),
        best_length=4,
    )


def test_it_says_by_name_where_the_trap_is(open_cost):
    opened = open_cost(make_operations())
    assert len(opened.requests) == 1
    assert opened.complaints == []
    assert opened.shown("h1") == ["What does demo:student cost in production against demo:teacher?"]
    traps = opened.shown(".traps li")
    assert traps[0].startswith("The trap (student, all traffic; by tokens): faster per token (0.34")
    assert opened.page.locator(".traps li.yes").count() == 2
    ratios = opened.page.locator("td.ratio.worse").all_inner_texts()
    assert "1.60\n[1.55, 1.65]" in ratios
    assert opened.page.locator("tr.busiest").count() == 3
    assert "rate" in opened.shown("pre")[0]


def test_the_charts_say_what_they_show(open_cost):
    page = open_cost(make_operations()).page
    name = "End-to-end p95 of each option by arrivals.rate, with intervals and points of saturation"
    assert page.get_by_role("img", name=name).count() == 1
    described = page.evaluate("document.getElementById('load-wide-desc').textContent")
    assert "teacher: 1.21 [1.09, 1.33] s at 1," in described
    assert "saturated: generation at 12" in described
    assert "saturated in 7 of 60 resamples at 16" in described
    assert page.get_by_role("img", name="time per resolved, s, by option").count() == 1
    assert "teacher saturated at 11.4" in page.locator("svg.wide .full-words").all_text_contents()


def test_every_value_of_a_sweep_has_its_percentiles_or_why_not(open_cost):
    page = open_cost(make_operations()).page
    page.locator("details", has_text="Every value").locator("summary").click()
    rows = page.locator("[aria-label='Times by value'] tbody tr")
    first, close = (rows.nth(i).inner_text().split("\t") for i in (0, 17))
    assert [cell.split("\n")[0] for cell in first[1:]] == [
        *("teacher", "0.603", "1.21", "1.81", "8.6", "generation")
    ]
    assert close[2].strip() == "saturated in 7 of 60 resamples"
    assert close[3].split() == ["96.8", "[93.9,", "99.7]"]


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_marks_stand_where_their_numbers_are(layout):
    found = make_operations()
    chart = load_chart(found, found.sweep, layout)
    assert [line.option for line in chart.lines] == ["teacher", "student", "escalated"]
    for line in chart.lines:
        places = [x for x, _ in line.points]
        assert places == sorted(places)
        assert layout.left <= places[0] <= places[-1] <= layout.right
        assert all(layout.top <= y <= layout.bottom for _, y in line.points)
        mark = next(mark for mark in chart.marks if mark.option == line.option)
        assert mark.x > places[-1]
    teacher, _, escalated = chart.lines
    assert escalated.points[-1][1] < teacher.points[0][1]
    assert len({mark.y for mark in chart.marks}) == 3
    assert len(chart.y_ticks) >= 3
    assert chart.y_ticks[-1][1].endswith(" s")


def test_a_sweep_that_is_saturated_everywhere_has_no_chart(open_cost):
    found = make_operations()
    points = tuple(replace(p, figures={}, saturated="generation") for p in found.sweep.points)
    found = replace(found, sweep=replace(found.sweep, points=points))
    assert load_chart(found, found.sweep, WIDE) is None
    opened = open_cost(found)
    assert opened.page.locator("svg.wide").count() == 0
    assert "from arrivals.rate = 11.4 [11.1, 11.7] (teacher)" in opened.shown(".said")[0]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_names_of_lines_that_end_at_the_edge_are_whole(open_cost, width):
    found = make_operations()
    points = tuple(
        replace(p, saturated=None, figures={"p95_s": about(0.2 + p.value / 100)})
        for p in found.sweep.points
    )
    found = replace(found, sweep=replace(found.sweep, points=points))
    page = open_cost(found, viewport={"width": width, "height": 900}).page
    chart = page.locator("svg.wide" if width > 390 else "svg.narrow")
    edge = chart.bounding_box()
    for label in chart.locator("text.label").all():
        box = label.bounding_box()
        assert box["x"] + box["width"] <= edge["x"] + edge["width"], label.text_content()


def test_axes_are_linear_where_numbers_are_close():
    found = make_operations()
    points = tuple(
        replace(p, saturated=None, figures={"p95_s": about(0.2 + p.value / 100)})
        for p in found.sweep.points
    )
    chart = load_chart(found, replace(found.sweep, points=points), WIDE)
    assert [label for _, label in chart.y_ticks] == ["0", "100", "200", "300", "400 ms"]


def test_a_saturated_option_shows_why_and_no_number(open_cost):
    opened = open_cost(saturated(make_operations(ratios=())))
    row = opened.page.locator("tr", has_text="end-to-end p95").first
    assert row.locator("td").all_inner_texts()[0] == "saturated: generation at 12 requests/s"
    assert "saturated" in opened.page.locator(".multiples svg").all_text_contents()[0]


def test_a_run_without_times_has_no_bottleneck_and_no_chart_of_time(open_cost):
    opened = open_cost(untimed(make_operations(sweep=None)))
    assert opened.page.locator("tr.busiest").count() == 0
    assert "Not known: which stage is the bottleneck: no speed was measured." in opened.shown(
        ".note"
    )
    row = opened.page.locator("[aria-label=Stages] tr", has_text="generation").first
    assert row.locator("td").all_inner_texts()[2:4] == ["no speed was measured"] * 2
    assert "no time is known" in opened.shown(".reasons li")[-1]
    titles = opened.page.locator(".multiples h4").all_inner_texts()
    assert titles == ["tokens per resolved", "USD per 1,000 resolved"]


def test_without_a_price_nothing_is_said_of_money(open_cost):
    opened = open_cost(without_prices(make_operations()))
    assert "USD" not in opened.shown("main")[0]
    assert opened.shown("main")[0].count("No price was given") == 1


def test_hostile_text_is_shown_as_text(open_cost):
    found = make_operations(name=HOSTILE, pipeline={HOSTILE: HOSTILE}, assumptions=(HOSTILE,))
    found = replace(
        found,
        digest=HOSTILE,
        stages=tuple(replace(stage, stage=HOSTILE) for stage in found.stages),
        options=tuple(
            replace(row, scope=HOSTILE) if row.scope == "tail/phrasing" else row
            for row in found.options
        ),
        traps=tuple(replace(trap, scope=HOSTILE) for trap in found.traps),
        checks=tuple(replace(c, scope=HOSTILE, figure=HOSTILE) for c in found.checks),
        break_evens=tuple(
            replace(item, meaning=HOSTILE, value=TooFew(reason=HOSTILE, n=0))
            for item in found.break_evens
        ),
        amdahl=replace(found.amdahl, next_bottleneck=HOSTILE),
        speeds=tuple(replace(speed, source=HOSTILE) for speed in found.speeds),
        sweep=replace(
            found.sweep,
            key=HOSTILE,
            points=tuple(
                replace(p, saturated=HOSTILE if p.saturated else None) for p in found.sweep.points
            ),
        ),
    )
    opened = open_cost(found, (HOSTILE, HOSTILE))
    assert opened.complaints == []
    assert len(opened.requests) == 1
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.locator("img, iframe, object, b b, script").count() == 0
    assert SEEN in opened.shown("h1")[0]
    assert opened.shown("tr.busiest th bdi") == [SEEN] * 3


@pytest.mark.parametrize(("scheme", "light"), [("light", True), ("dark", False)])
def test_light_and_dark(open_cost, scheme, light):
    ground = open_cost(make_operations(), color_scheme=scheme).page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => a + +b, 0)"
    )
    assert ground > 700 if light else ground < 100


def test_a_phone_scrolls_only_down(open_cost):
    opened = open_cost(make_operations(), viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert opened.page.locator("svg.narrow").is_visible()
    assert not opened.page.locator("svg.wide").is_visible()


def test_the_page_is_the_same_from_the_file(tmp_path):
    write_operations(make_operations(), NAMES, tmp_path)
    before = (tmp_path / "cost.html").read_bytes()
    assert render_operations_page(*load_operations(tmp_path)).encode() == before


def test_a_run_shows_its_operations_and_what_to_do(open_run):
    report = make_report(operations=make_operations(), drafting=(drafting(),))
    opened = open_run(Run(report=report))
    assert len(opened.requests) == 1
    assert opened.complaints == []
    assert opened.shown("#operations h2") == ["Operations in the pipeline rag"]
    assert opened.shown("#choices h3") == ["Replace", "Draft"]
    assert "best 4 tokens ahead" in opened.shown("#choices p")[1]


def test_a_long_reason_keeps_to_its_card(open_run):
    unknown = TooFew(reason="fidelity was not measured; run tailqa compare with --fidelity", n=0)
    drafts = replace(drafting(), same_top1=unknown)
    report = make_report(operations=make_operations(), drafting=(drafts,))
    opened = open_run(Run(report=report), viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert any(unknown.reason in text for text in opened.shown("#choices dd"))


def test_a_run_without_operations_has_no_such_section():
    page = render_page(Run(report=make_report()))
    assert 'id="operations"' not in page
    assert 'id="choices"' not in page
    assert "student-line" not in page


def test_a_bar_ends_where_its_number_is():
    for chart in bar_charts(make_operations()):
        for bar in chart.bars:
            assert 0 < bar.low < bar.end < bar.high <= 300
    time = bar_charts(saturated(make_operations()))[0]
    assert (time.bars[0].end, time.bars[0].words) == (None, "saturated")
