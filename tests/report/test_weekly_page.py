"""The weekly page in a real browser, in light and dark, on a phone and on a desk."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from tailqa.core.errors import ResultError
from tailqa.core.weekly import Weekly
from tailqa.report.escape import visible
from tailqa.report.weekly_chart import accuracy_range
from tailqa.report.weekly_markdown import render_weekly_markdown
from tailqa.report.weekly_page import render_weekly_page, write_weekly
from tailqa.report.weekly_queries import embed_changed, in_order, strata_of
from tailqa.report.weekly_scopes import scopes_of
from tailqa.report.weekly_table import render_weekly
from tests.report.test_page import Opened, browser, pytestmark
from tests.report.weekly_cases import (
    NAMES,
    hostile_texts,
    hostile_weekly,
    least_weekly,
    make_weekly,
    query_change,
)

__all__ = ["browser", "pytestmark"]


@pytest.fixture
def open_weekly(browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opener(weekly: Weekly, **options: object) -> Opened:
        page, _ = write_weekly(weekly, tmp_path)
        context = browser.new_context(**options)
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(page.as_uri())
        return opened

    yield opener
    for context in contexts:
        context.close()


LOOK = """() => {
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const ground = light(getComputedStyle(document.body).backgroundColor);
    const contrast = (element) => {
        const style = getComputedStyle(element);
        const own = light(element.ownerSVGElement ? style.fill : style.color);
        return (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
    };
    const texts = "main :not(rect, path, circle, line, title), header *";
    const written = [...document.querySelectorAll(texts)].filter((element) =>
        [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
        && element.getClientRects().length && !element.closest("option, button:disabled"));
    const outside = (text) => {
        const own = text.getBoundingClientRect();
        const around = text.closest("svg").getBoundingClientRect();
        return own.left < around.left - 3 || own.right > around.right + 3;
    };
    // Elements of one name and class in one place look the same.
    const kinds = new Map(written.map((element) => [
        [element, element.parentElement, element.parentElement.parentElement].map((each) =>
            `${each.nodeName}.${each.getAttribute("class")}`).join(">"), element]));
    const grid = getComputedStyle(document.querySelector(".panels")).gridTemplateColumns;
    return {
        wide: document.documentElement.scrollWidth,
        ground,
        columns: grid.split(" ").length,
        outside: written.filter((element) => element.ownerSVGElement && outside(element)).length,
        contrast: Math.min(...[...kinds.values()].map(contrast)),
    };
}"""


def test_light_and_dark_on_a_phone_and_on_a_desk(open_weekly):
    """Nothing asked for, no sideways scrolling, no text cut off, and the contrast of WCAG AA."""
    opened = open_weekly(make_weekly())
    for scheme, width in product(("light", "dark"), (390, 1280)):
        opened.page.set_viewport_size({"width": width, "height": 844})
        opened.page.emulate_media(color_scheme=scheme)
        look = opened.page.evaluate(LOOK)
        assert look["wide"] == width
        assert look["columns"] == (1 if width == 390 else 3)
        assert look["outside"] == 0
        assert look["contrast"] >= 4.5
        assert (look["ground"] > 0.9) if scheme == "light" else (look["ground"] < 0.02)
    assert (opened.complaints, len(opened.requests)) == ([], 1)


def test_the_filters_need_no_network(open_weekly):
    opened = open_weekly(make_weekly(n_strata=3, n_weeks=4))
    page = opened.page
    page.context.set_offline(True)
    assert opened.shown("#status") == ["70 of 70 queries"]
    assert page.locator("article").count() == 10
    assert "newly wrong" in opened.shown("article h3")[0]
    page.click("#next")
    assert opened.shown("#place") == ["page 2 of 7"]
    page.select_option("#direction", "newly right")
    assert opened.shown("#status") == ["9 of 70 queries"]
    page.select_option("#direction", "")
    page.select_option("#stratum", NAMES[0])
    assert opened.shown("#status") == ["43 of 70 queries"]
    page.fill("#search", "NUMBER 17?")
    page.get_by_text("1 of 70 queries", exact=True).wait_for()
    assert opened.shown("article h4") == [
        "student then: right",
        "student now: wrong",
        "teacher: right",
    ]
    assert opened.shown("article pre") == [
        "Which term of tail/terminology stands for number 17?",
        "It is term 17.",
        "It is word 17, I think.",
        "The answer is term 17.",
    ]
    assert opened.shown("article .facts")[0] == "reference term 17"
    assert (opened.complaints, len(opened.requests)) == ([], 1)


def test_an_answer_that_was_not_recorded_is_not_said_to_be_empty(open_weekly):
    """Where an imported run has outcomes alone; tokens tell that a text was really empty."""
    change = query_change(1, NAMES[0])
    nothing = {"text": "", "prompt_tokens": None, "completion_tokens": None}
    change = replace(
        change,
        then=replace(change.then, **nothing),
        now=replace(change.now, text=""),
        teacher=replace(change.teacher, **nothing),
    )
    opened = open_weekly(make_weekly(n_strata=1, n_weeks=2, changed=[change]))
    assert opened.shown("article .sides pre") == ["(not recorded)", "(empty)", "(not recorded)"]
    opened.page.fill("#search", "number 1?")
    opened.page.get_by_text("1 of 1 queries", exact=True).wait_for()
    assert opened.complaints == []


def test_a_thousand_hostile_answers_are_shown_as_text(open_weekly):
    texts = hostile_texts(1000)
    opened = open_weekly(hostile_weekly(texts))
    shown = opened.page.evaluate(
        """() => {
            const found = [];
            const next = document.getElementById("next");
            for (;;) {
                for (const article of document.querySelectorAll("article")) {
                    found.push([...article.querySelectorAll("pre")].map((pre) => pre.textContent));
                }
                if (next.disabled) return found;
                next.click();
            }
        }"""
    )
    assert len(shown) == 1000
    assert {pres[0] for pres in shown} == {visible(text) for text in texts}
    assert all(pres[0] == pres[2] for pres in shown)
    page = opened.page
    assert page.evaluate("window.hacked") is None
    assert (
        page.locator("img, iframe, object, embed, main script, [onclick], a[href^=java]").count()
        == 0
    )
    assert (opened.complaints, len(opened.requests)) == ([], 1)
    assert page.evaluate("document.title").startswith("Weekly: ")
    assert page.evaluate("getComputedStyle(document.querySelector('pre')).unicodeBidi") == "isolate"
    whole = page.evaluate("document.documentElement.textContent")
    assert not set("\x1b\x00\u202e\u2066\x07") & set(whole)


def test_it_prints_and_says_little_of_nothing(open_weekly):
    opened = open_weekly(make_weekly(n_strata=6), color_scheme="dark")
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert not opened.page.locator("#changed").is_visible()
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    least = open_weekly(least_weekly(), viewport={"width": 390, "height": 844})
    assert least.complaints == []
    assert least.shown("h2") == [
        "Accuracy, per stratum",
        "What changed, paired on the same queries",
        "What changed in the fingerprints",
        "All weeks",
    ]
    assert "not measured (2 queries are too few for an interval)" in least.shown(".now")[0]


def test_what_the_page_says():
    page = render_weekly_page(make_weekly())
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert '<h1>tail/terminology lost 6.1 points <span class="whole">[3.2, 9.0]</span>' in page
    assert "1 alarm open, 1 in the past." in text
    assert "at most once in 104 weeks (2 years) on average" in text
    assert "Null hypothesis: the answers to the same queries of this suite" in text
    assert "5,712 of the teacher&#39;s answers of the last run" in text
    assert "61 newly wrong, 9 newly right" in text
    low, _ = accuracy_range(make_weekly().weeks)
    assert f"on one scale that starts at {100 * low:.0f} %, not at 0; bands" in text
    assert "as a log e-value (ln M), of what raised an alarm" in text
    facets = page[page.index('id="fingerprints"') : page.index('id="weeks"')]
    assert facets.count('<b class="cause both">both: cannot tell</b>') == 2
    assert facets.count('<b class="cause harness">break</b>') == 3
    assert "<code>torch 2.9.0</code>" in facets
    weeks = page[page.index('id="weeks"') :]
    assert weeks.count("<tr") == 27
    assert weeks.count('class="absent"') == 2
    assert "tail/dates: 12 queries are too few" in weeks
    assert page == render_weekly_page(make_weekly())


def test_a_comparison_begins_with_the_worst():
    page = render_weekly_page(make_weekly())
    table = page[page.index('class="paired"') :]
    names = re.findall(r'<th scope="row"><bdi>([^<]+)', table[: table.index("</table>")])
    assert names[0] == "tail/terminology"
    assert names[-1] == "all traffic"
    assert len(names) == 21


def test_strata_have_one_order_in_all_tables():
    weekly = make_weekly()
    order = [scope.name for scope in scopes_of(weekly)]
    page, markdown = render_weekly_page(weekly), render_weekly_markdown(weekly)
    tables = re.findall(r'<table class="paired">.*?</table>', page, re.DOTALL)
    assert len(tables) == 2
    for table in tables:
        assert re.findall(r'<th scope="row"><bdi>([^<]+)', table) == [*order[1:], order[0]]
    assert re.findall(r"<h4><bdi>([^<]+)", page)[: len(order)] == order
    in_markdown = [line.split(" | ")[0][2:] for line in markdown.splitlines() if line[:2] == "| "]
    assert in_markdown[1:] == order
    terminal = render_weekly(weekly, width=120, terminal=False).splitlines()
    drawn = [line.split("  ")[0] for line in terminal if line.startswith(tuple(order))]
    assert drawn[-len(order) :] == order
    in_filter = [name for name, _, _ in strata_of(weekly)]
    assert in_filter == [name for name in order if name in in_filter]


def test_queries_of_the_worst_stratum_come_first():
    lost = [query_change(i, "b") for i in range(3)] + [query_change(9, "a")]
    won = [query_change(i, "a", direction="newly right") for i in range(20, 22)]
    weekly = replace(least_weekly(), changed=(*won, lost[3], *lost[:3]))
    order = [(item.direction, item.query.stratum) for item in in_order(weekly)]
    assert order == [("newly wrong", "b")] * 3 + [("newly wrong", "a")] + [("newly right", "a")] * 2
    assert strata_of(weekly) == (("b", 3, 0), ("a", 1, 2))
    assert embed_changed(weekly, max_queries=4).n_shown == 4
    assert embed_changed(weekly, max_characters=150).n_shown == 1
    assert "4 of them are in this page" not in render_weekly_page(weekly)


def test_two_files_are_written_or_a_sentence_says_why(tmp_path):
    page, summary = write_weekly(least_weekly(), tmp_path / "new")
    assert [path.name for path in (page, summary)] == ["weekly.html", "weekly.md"]
    assert sorted(path.name for path in page.parent.iterdir()) == ["weekly.html", "weekly.md"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="cannot write"):
        write_weekly(least_weekly(), tmp_path / "file" / "below")
    assert render_weekly_page(replace(least_weekly(), weeks=(), strata=()))
