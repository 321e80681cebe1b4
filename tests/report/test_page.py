"""The page in a real browser: what it asks for, what it runs, what it shows."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailqa.core.report import Run
from tailqa.report.page import render_page
from tailqa.report.run import write_run
from tests.report.conftest import make_report, pairs, row, stratum

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("TAILQA_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: set TAILQA_CHROMIUM or put chromium on the PATH"
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = (
    "<b>bold</b><script>window.hacked=1</script></script><img src=x onerror='window.hacked=1'>"
    "<!-- \x1b[31mred\x1b[0m \u202eevil\u2066 \x00 \ud800 &amp; {{ 7*7 }}"
)
SEEN = (
    "<b>bold</b><script>window.hacked=1</script></script><img src=x onerror='window.hacked=1'>"
    "<!-- ⟨ESC⟩[31mred⟨ESC⟩[0m ⟨U+202E⟩evil⟨U+2066⟩ ⟨NUL⟩ ⟨U+D800⟩ &amp; {{ 7*7 }}"
)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page with everything that it asked for and complained about."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def shown(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_inner_texts()


@pytest.fixture
def open_run(browser: "Browser", tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def opener(run: Run, **options: object) -> Opened:
        write_run(run, tmp_path)
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto((tmp_path / "report.html").as_uri())
        return opened

    yield opener
    for context in contexts:
        context.close()


def hostile_run() -> Run:
    name = f"tail {HOSTILE}"
    odd = stratum(name, (1, 2, 0, 0))
    report = make_report((odd,), findings=(HOSTILE,))
    report = replace(
        report,
        teacher=replace(report.teacher, name=HOSTILE, revision=HOSTILE),
        suite=replace(report.suite, name=HOSTILE, source=HOSTILE),
        verdict=replace(report.verdict, reasons=(HOSTILE,), policy=HOSTILE),
        fingerprint=replace(report.fingerprint, options={HOSTILE: HOSTILE}),
    )
    long = "long " + "0123456789" * 10_000
    values = {"prompt": HOSTILE, "extracted": HOSTILE, "references": (HOSTILE,), "cluster": HOSTILE}
    answers = (
        row(HOSTILE, name, "teacher", "right", text=HOSTILE, reason=HOSTILE, **values),
        row(HOSTILE, name, "student", "wrong", text=long, **values),
        row(
            "choice", name, "teacher", "right", choices=(HOSTILE, "b"), choice_logprobs=(-1.0, -2.5)
        ),
        row(
            "choice", name, "student", "wrong", choices=(HOSTILE, "b"), choice_logprobs=(-9.0, -2.5)
        ),
        row("third", name, "teacher", "right"),
        row("third", name, "student", "right"),
    )
    return Run(report=report, answers=answers)


def test_nothing_leaves_the_page_and_nothing_is_wrong(
    run: Run, open_run: Callable[..., Opened]
) -> None:
    opened = open_run(run)
    assert len(opened.requests) == 1
    assert opened.complaints == []
    assert opened.shown("h1")[0] == "Can demo:student replace demo:teacher? No."
    assert opened.shown("#status") == ["720 of 720 queries"]


def test_the_policy_of_the_page_is_strict(run: Run, open_run: Callable[..., Opened]) -> None:
    page = open_run(run).page
    blocked = page.evaluate(
        """async () => {
            const blocked = [];
            document.addEventListener("securitypolicyviolation", (event) =>
                blocked.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.hacked = 1";
            const image = document.createElement("img");
            image.src = "https://example.invalid/a.png";
            document.body.append(script, image);
            document.body.setAttribute("style", "color: red");
            document.body.setAttribute("onclick", "window.hacked = 1");
            document.body.click();
            await fetch("https://example.invalid/").catch(() => null);
            await new Promise((resolve) => setTimeout(resolve, 100));
            return blocked.sort();
        }"""
    )
    assert blocked == [
        "connect-src",
        "img-src",
        "script-src-attr",
        "script-src-elem",
        "style-src-attr",
    ]
    assert page.evaluate("window.hacked") is None


def test_hostile_text_is_shown_as_text(open_run: Callable[..., Opened]) -> None:
    opened = open_run(hostile_run())
    page = opened.page
    assert opened.complaints == []
    assert len(opened.requests) == 1
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, iframe, object, b b, main script").count() == 0
    assert page.locator("article").count() == 3
    first = page.locator("article").first
    for selector in ("h3 bdi >> nth=0", "pre >> nth=0", "pre >> nth=1", "p.facts bdi >> nth=0"):
        assert first.locator(selector).inner_text() == SEEN
    assert SEEN in opened.shown(".reasons li")[0]
    assert opened.shown(".findings li") == [SEEN]
    assert page.locator(".choices td").first.inner_text() == SEEN
    assert page.locator(".choices .picked td").all_inner_texts()[1] == "−1.000"
    assert page.evaluate("getComputedStyle(document.querySelector('pre')).unicodeBidi") == "isolate"
    page.select_option("#stratum", index=1)
    assert opened.shown("#status") == ["3 of 3 queries"]


def test_a_long_text_is_shown_in_part_and_on_demand_whole(open_run: Callable[..., Opened]) -> None:
    opened = open_run(hostile_run())
    pre = opened.page.locator("article").first.locator("pre").nth(2)
    assert len(pre.inner_text()) == 1501
    opened.page.get_by_role("button", name="Show all 100,005 characters").click()
    assert len(pre.inner_text()) == 100_005


def test_filters_search_and_pages(run: Run, open_run: Callable[..., Opened]) -> None:
    opened = open_run(run)
    page = opened.page
    assert page.locator("article").count() == 20
    assert opened.shown("#place") == ["page 1 of 36"]
    assert page.locator("#previous").is_disabled()
    first = opened.shown("article h3")[0]
    page.click("#next")
    assert opened.shown("#place, #place-below") == ["page 2 of 36"] * 2
    assert first not in opened.shown("article h3")

    page.select_option("#outcome", "student_only")
    assert opened.shown("#status") == ["3 of 720 queries"]
    assert page.locator("#next").is_disabled()
    page.select_option("#stratum", "tail/multi-step")
    assert opened.shown("#status") == ["1 of 720 queries"]
    assert opened.shown("article h3")[0].split("\n")[0].startswith("tail/multi-step-170")

    page.select_option("#outcome", "")
    page.fill("#search", "THE STUDENT OF tail/multi-step-17")
    page.get_by_text("11 of 720 queries", exact=True).wait_for()
    page.fill("#search", "no such text")
    page.get_by_text("0 of 720 queries", exact=True).wait_for()
    assert page.locator("article").count() == 0
    assert opened.complaints == []


def test_a_count_of_the_table_leads_to_its_answers(
    run: Run, open_run: Callable[..., Opened]
) -> None:
    opened = open_run(run)
    opened.page.get_by_role("link", name="52", exact=True).click()
    assert opened.shown("#status") == ["52 of 720 queries"]
    assert opened.page.input_value("#stratum") == "tail/terminology"
    assert opened.page.input_value("#outcome") == "teacher_only"


def test_the_keyboard_reaches_everything(run: Run, open_run: Callable[..., Opened]) -> None:
    opened = open_run(run)
    page = opened.page
    page.focus("#stratum")
    for wanted in ("outcome", "search", "next"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == wanted
    page.keyboard.press("Enter")
    assert opened.shown("#place") == ["page 2 of 36"]


def test_samples_and_prompts_that_differ(open_run: Callable[..., Opened]) -> None:
    rows = (
        row("a", "tail/x", "teacher", "right"),
        row("a", "tail/x", "teacher", "wrong", sample=1, text="second try"),
        row("a", "tail/x", "student", "failed", text="", prompt="<s>other", reason="out of memory"),
    )
    opened = open_run(Run(report=make_report((stratum("tail/x", (1, 0, 0, 0)),)), answers=rows))
    assert opened.shown("article h4")[:2] == [
        "prompt sent to the teacher",
        "prompt sent to the student",
    ]
    assert "out of memory" in opened.shown("article")[0]
    opened.page.get_by_text("1 more sample").click()
    assert opened.page.get_by_text("second try").is_visible()


@pytest.mark.parametrize(
    ("scheme", "light"), [("light", True), ("dark", False)], ids=["light", "dark"]
)
def test_light_and_dark(
    run: Run, open_run: Callable[..., Opened], scheme: str, light: bool
) -> None:
    opened = open_run(run, color_scheme=scheme)
    colours = opened.page.evaluate(
        """() => ["backgroundColor", "color"].map((name) =>
            getComputedStyle(document.body)[name].match(/\\d+/g).reduce((a, b) => a + +b, 0))"""
    )
    ground, ink = colours
    assert (ground > 700 and ink < 100) if light else (ground < 100 and ink > 650)


def test_a_phone_scrolls_only_down(run: Run, open_run: Callable[..., Opened]) -> None:
    opened = open_run(run, viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert opened.page.locator("svg.narrow").is_visible()
    assert not opened.page.locator("svg.wide").is_visible()


def test_it_prints_the_findings_and_not_the_answers(
    run: Run, open_run: Callable[..., Opened]
) -> None:
    opened = open_run(run, color_scheme="dark")
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert not opened.page.locator("#answers").is_visible()
    assert opened.page.locator("svg.wide").is_visible()
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    paper = opened.page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") <= 4


def test_the_chart_says_what_it_shows(run: Run, open_run: Callable[..., Opened]) -> None:
    opened = open_run(run)
    chart = opened.page.get_by_role("img", name="Gap of accuracy per stratum")
    assert chart.count() == 1
    described = opened.page.evaluate("document.getElementById('wide-desc').textContent")
    assert described.startswith("tail/multi-step: −83.9 [−89.4, −78.4].")


@pytest.mark.slow
def test_five_thousand_long_answers_stay_fast(open_run: Callable[..., Opened]) -> None:
    cells = (2000, 2000, 500, 500)
    answers = [
        replace(line, text=line.text + " word" * 150, prompt=line.prompt * 40)
        for line in pairs("tail/x", cells)
    ]
    run = Run(report=make_report((stratum("tail/x", cells),)), answers=tuple(answers))
    opened = open_run(run)
    assert opened.shown("#status") == ["5,000 of 5,000 queries"]
    assert opened.page.locator("article").count() == 20
    took = opened.page.evaluate(
        """() => {
            const start = performance.now();
            document.getElementById("outcome").value = "both";
            document.getElementById("outcome").dispatchEvent(new Event("change"));
            document.getElementById("next").click();
            return performance.now() - start;
        }"""
    )
    assert opened.shown("#status") == ["2,000 of 5,000 queries"]
    assert took < 10_000  # thousands of cards, one after the other, would take longer
    opened.page.fill("#search", "student of tail/x-1234")
    opened.page.get_by_text("1 of 5,000 queries", exact=True).wait_for()


def test_answers_that_do_not_fit_are_counted(
    run: Run, open_run: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = Run(report=run.report, answers=tuple(pairs("tail/x", (4900, 200, 1, 0))))
    opened = open_run(many)
    note = opened.shown("#answers .note")[0]
    assert note.startswith("5,000 of 5,101 queries are in this page")
    assert "answers.parquet" in note


def test_a_page_without_speed_cost_and_answers() -> None:
    page = render_page(Run(report=make_report((), latency=(), cost=())))
    assert "Speed was not measured in this run." in page
    assert "<h2>What a right answer costs" not in page


def test_one_query_is_no_queries() -> None:
    report = make_report(())
    one = replace(report, suite=replace(report.suite, n_queries=1))
    assert "<span>1 query</span>" in render_page(Run(report=one))


def test_answers_of_which_little_was_recorded(open_run: Callable[..., Opened]) -> None:
    """An imported run: no prompt, no text, no tokens, no size of the models."""
    bare = {"prompt": "", "text": "", "prompt_tokens": None, "completion_tokens": None}
    answers = (row("q", "tail", "teacher", **bare), row("q", "tail", "student", "wrong", **bare))
    report = make_report()
    unknown = replace(report.teacher, n_parameters=None)
    opened = open_run(Run(report=replace(report, teacher=unknown), answers=answers))
    assert opened.complaints == []
    (article,) = opened.shown("article")
    assert "only the teacher right" in article
    assert "(empty)" not in article
    assert "tokens" not in article
