"""The page of a bench in a real browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tailqa.core.bench import Bench
from tailqa.report.bench_chart import BOTTOM, LEFT, RIGHT, TOP, ratio_panels
from tailqa.report.bench_result import render_bench_json, write_bench
from tests.report.test_bench import bench
from tests.report.test_page import HOSTILE, SEEN, Opened, browser, pytestmark

__all__ = ["bench", "browser", "pytestmark"]


@pytest.fixture
def open_bench(browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opener(shown: Bench, **options: object) -> Opened:
        write_bench(shown, tmp_path)
        context = browser.new_context(**options)
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto((tmp_path / "bench.html").as_uri())
        return opened

    yield opener
    for context in contexts:
        context.close()


def test_it_says_where_the_student_is_slower(bench, open_bench):
    opened = open_bench(bench)
    assert len(opened.requests) == 1
    assert opened.complaints == []
    assert opened.shown("h1") == ["How fast is small against large?"]
    assert "slower than the teacher in 2 of 6 cells" in opened.shown(".policy")[0]
    assert "slower at batch 1; faster at batch 4" in opened.shown("figcaption")[0]
    assert opened.shown("figcaption b")[0] == "(crossover between batch 1 and 4)"
    assert opened.page.locator("tbody.cell b.worse").count() == 2 * 3
    assert opened.page.locator("svg .mark.worse").count() == 2 * 3
    assert "small ran out of memory" in opened.shown("tbody.cell")[2]


def test_the_chart_says_what_it_shows(bench, open_bench):
    opened = open_bench(bench)
    name = "Student time over teacher time at prompts of 8 tokens, by batch size"
    assert opened.page.get_by_role("img", name=name).count() == 1
    described = opened.page.evaluate("document.getElementById('desc-8').textContent")
    assert "answer, batch 1: 1.14 [1.14, 1.14]." in described
    assert "answer, batch 16: not measured." in described


def test_marks_stand_where_their_ratios_are(bench):
    for panel in ratio_panels(bench):
        places = {point.reading: point for point in panel.points if point.metric == "answer"}
        assert places["worse"].y < panel.one < places["better"].y
        for point in panel.points:
            assert LEFT < point.x < RIGHT
            assert TOP <= point.high <= point.y <= point.low <= BOTTOM
        assert len(panel.y_ticks) >= 3


def test_hostile_text_is_shown_as_text(bench, open_bench):
    model = replace(bench.student, info=replace(bench.student.info, name=HOSTILE))
    audit = replace(bench.padding[0], suite=HOSTILE)
    odd = replace(bench, student=model, findings=(HOSTILE,), padding=(audit,), created=HOSTILE)
    opened = open_bench(odd)
    assert opened.complaints == []
    assert len(opened.requests) == 1
    assert opened.page.evaluate("window.hacked") is None
    assert opened.shown(".findings li") == [SEEN]
    assert opened.page.locator("img, iframe, object, b b, main script").count() == 0
    assert SEEN in opened.shown("h1")[0]


@pytest.mark.parametrize(("scheme", "light"), [("light", True), ("dark", False)])
def test_light_and_dark(bench, open_bench, scheme, light):
    ground = open_bench(bench, color_scheme=scheme).page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => a + +b, 0)"
    )
    assert ground > 700 if light else ground < 100


def test_a_phone_scrolls_only_down(bench, open_bench):
    opened = open_bench(bench, viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_page_is_the_same_from_the_file(bench, tmp_path):
    from tailqa.workflows.bench import rerender_bench

    write_bench(bench, tmp_path)
    before = (tmp_path / "bench.html").read_bytes()
    (tmp_path / "bench.html").unlink()
    found, page = rerender_bench(tmp_path)
    assert render_bench_json(found) == render_bench_json(bench)
    assert page.read_bytes() == before
