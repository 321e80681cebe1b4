"""Retries: the table, the words, the chart, and their way through result.json."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tailqa.core.estimate import TooFew
from tailqa.core.report import Report, Run
from tailqa.core.retries import RetryResult
from tailqa.cost.attempts import measure_retries
from tailqa.cost.redrawn import AttemptCounts
from tailqa.cost.retry import BetaBinomial
from tailqa.report.page import render_page
from tailqa.report.result import load_report, render_json, save_report
from tailqa.report.retries import NOT_MEASURED, retry_words
from tailqa.report.retries_chart import BOTTOM, LEFT, RIGHT, TOP, retry_panels
from tailqa.report.table import render_terminal


def results(names: tuple[str, ...], icc: float = 0.5) -> tuple[RetryResult, ...]:
    found: list[RetryResult] = []
    rng = np.random.default_rng(0)
    for side, mean in (("teacher", 0.85), ("student", 0.6)):
        truth = BetaBinomial.of(mean, icc)
        strata = [
            AttemptCounts(
                name=name,
                weight=1.0,
                right=rng.binomial(5, rng.beta(truth.a, truth.b, 80)).tolist(),
                made=[5] * 80,
            )
            for name in names
        ]
        found += measure_retries(strata, side=side, rng=rng, resamples=200)  # type: ignore[arg-type]
    return tuple(found)


@pytest.fixture
def retried(report: Report) -> Report:
    return replace(report, retries=results(tuple(item.name for item in report.strata)))


def test_teacher_and_student_stand_together_worst_stratum_first(retried: Report) -> None:
    text = render_terminal(retried, width=220, terminal=False)
    table = text[text.index("too optimistic") :]
    rows = re.findall(r"^(\S.*?)? +(teacher|student) ", table, re.MULTILINE)
    assert [name.strip() for name, side in rows if side == "teacher"][:5] == [
        "tail/multi-step", "tail/terminology", "tail/phrasing", "head/plain", "by traffic",
    ]  # fmt: skip
    assert "pass@5" in text
    assert "extrapolated" in text


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_asked(retried: Report, width: int) -> None:
    text = render_terminal(retried, width=width, terminal=False)
    assert max(map(len, text.splitlines())) <= width
    assert "ICC" in text


def test_what_retries_are_worth_is_said_with_what_independent_ones_would_promise(
    retried: Report,
) -> None:
    words = retry_words(retried)
    assert re.fullmatch(
        r"Of 5 attempts of the student at a query at least one is right in [\d.]+ % \(95 % "
        r"interval [\d.]+ to [\d.]+, n = 320\) of the traffic; independent attempts would promise "
        r"[\d.]+ %, which is too much by [\d.]+ points \(95 % interval [\d.]+ to [\d.]+, n = "
        r"320\): "
        r"what failed once mostly fails again \(ICC 0\.\d\d \[0\.\d\d, 0\.\d\d\]\)\.",
        words,
    )
    assert words in " ".join(render_terminal(retried, width=200, terminal=False).split())


def test_what_the_interval_does_not_bear_out_is_not_claimed(report: Report) -> None:
    words = retry_words(replace(report, retries=results(("head/plain",), icc=0.002)))
    assert "that this is too much is not shown" in words
    assert "mostly fails again" not in words


def test_without_a_figure_the_reason_is_said(retried: Report) -> None:
    none = TooFew(reason="3 <b> queries, 10 needed", n=3)
    last = replace(retried.retries[-1], pass_at=(replace(
        retried.retries[-1].pass_at[0], unbiased=none, independent=none, optimism=none
    ),) * 10)  # fmt: skip
    bare = replace(retried, retries=(*retried.retries[:-1], last))
    assert retry_words(bare) == (
        "What retries are worth over all traffic is not known: 3 <b> queries, 10 needed."
    )
    page = render_page(Run(report=bare))
    assert "3 &lt;b&gt; queries, 10 needed" in page
    assert "3 <b>" not in page


def test_single_answers_say_how_to_learn_of_retries(report: Report) -> None:
    assert retry_words(report) == NOT_MEASURED
    assert NOT_MEASURED in " ".join(render_terminal(report, width=200, terminal=False).split())
    page = render_page(Run(report=report))
    assert NOT_MEASURED in page
    assert "pass@k" not in page
    elsewhere = replace(report.fingerprint, options={"imported from": "lighteval"})
    imported = retry_words(replace(report, fingerprint=elsewhere))
    assert "--samples" not in imported
    assert imported.endswith("import them (epochs) where they were recorded.")
    choosing = replace(report, suite=replace(report.suite, task="choose"))
    assert retry_words(choosing) == ""
    assert "<h2>Retries</h2>" not in render_page(Run(report=choosing))


def test_every_mark_stays_in_its_drawing(retried: Report) -> None:
    panels = retry_panels(retried)
    assert len(panels) == 10
    for panel in panels:
        assert len(panel.points) == 5
        assert [label for _, label in panel.x_ticks] == ["1", "5", "10"]
        for line in (panel.fitted, panel.beyond, panel.band, panel.alone):
            ends = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", line)]
            assert len(ends) >= 5
            assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in ends)
        for point in panel.points:
            assert TOP <= point.high <= point.y <= point.low <= BOTTOM


def test_names_are_escaped_in_page_and_terminal(report: Report) -> None:
    hostile = replace(report.strata[1], name="<script>\x1b[31m")
    retries = results(("<script>\x1b[31m",))
    report = replace(report, strata=(hostile,), retries=retries)
    page = render_page(Run(report=report))
    section = page[page.index("<h2>Retries</h2>") :]
    section = section[: section.index("</section>")]
    assert "<script>" not in section
    assert "&lt;script&gt;⟨ESC⟩[31m" in section
    assert "\x1b" not in render_terminal(report, width=120, terminal=False)


def test_the_page_is_the_same_fresh_or_loaded(retried: Report, tmp_path) -> None:
    loaded = load_report(save_report(retried, tmp_path))
    assert loaded == retried
    assert render_page(Run(report=loaded)) == render_page(Run(report=retried))


def test_a_report_from_before_there_were_retries(report: Report, tmp_path) -> None:
    values = json.loads(render_json(report))
    assert values.pop("retries") == []
    (tmp_path / "result.json").write_text(json.dumps(values))
    assert load_report(tmp_path) == report
