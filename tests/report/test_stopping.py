"""A run that stopped when it was decided: what is said and drawn."""

from dataclasses import replace

from tailqa.core.estimate import TooFew
from tailqa.core.report import Report, Run, Stopping, StoppingResult
from tailqa.report.page import render_page
from tailqa.report.result import load_report, save_report
from tailqa.report.stopping import stopping_panels, stopping_sentences
from tailqa.report.table import render_terminal
from tests.report.conftest import estimate


def stratum(
    name: str, outcome: str, asked: int, path: tuple = ((32, 0.4, -0.3),)
) -> StoppingResult:
    return StoppingResult(
        name=name,
        n_available=200,
        n_asked=asked,
        outcome=outcome,  # type: ignore[arg-type]
        outcomes="b" * asked,
        margin=0.05,
        threshold=2.9957,
        path=path,
    )


def stopped(report: Report) -> Report:
    strata = (
        stratum("head/plain", "pass", 96, ((32, 0.4, -0.3), (64, 1.9, -2.0), (96, 3.1, -9.0))),
        stratum("tail/<b>", "inconclusive", 200),
    )
    return replace(
        report,
        stopping=Stopping(
            block=32,
            n_available=400,
            n_asked=296,
            asked_tokens=12_000,
            saved_tokens=estimate(4200, 4010, 4390, 296),
            strata=strata,
        ),
    )


def test_queries_and_tokens_saved_are_said_with_an_interval(report: Report) -> None:
    first, second = stopping_sentences(stopped(report))
    assert first == (
        "Asked until decided: 296 of 400 queries per model, in random order within strata; "
        "104 were saved, about 4,200 tokens (95 % interval 4,010 to 4,390, n = 296) of both models "
        "together."
    )
    assert (
        second
        == "By stratum: head/plain passed after 96 of 200, tail/<b> undecided after 200 of 200."
    )


def test_unknown_tokens_are_left_out(report: Report) -> None:
    found = stopped(report).stopping
    assert found is not None
    unknown = replace(found, saved_tokens=TooFew(reason="nothing was left to ask", n=0))
    first, _ = stopping_sentences(replace(report, stopping=unknown))
    assert first.endswith("104 were saved.")


def test_evidence_stays_in_the_drawing_and_ends_where_it_decided(report: Report) -> None:
    panel, other = stopping_panels(stopped(report))
    assert panel.decided == "passed after 96 of 200"
    ys = [float(point.split()[1]) for point in panel.outside[1:].split("L")]
    assert max(ys) == 146.0
    last_x, last_y = panel.inside.rsplit("L", 1)[1].split()
    assert float(last_x) == 292.0
    assert float(last_y) < panel.needed < panel.zero
    assert other.outcome == "inconclusive"


def test_page_and_terminal_show_it_and_others_do_not(report: Report) -> None:
    page = render_page(Run(report=stopped(report)))
    assert "Stopped when it was decided" in page
    assert "tail/&lt;b&gt;" in page
    assert "tail/<b>" not in page
    assert page.count('class="evidence better"') == 2
    words = " ".join(render_terminal(stopped(report)).split())
    assert "296 of 400 queries per model" in words
    assert "Stopped when it was decided" not in render_page(Run(report=report))


def test_it_is_read_back(report: Report, tmp_path) -> None:
    save_report(stopped(report), tmp_path)
    assert load_report(tmp_path) == stopped(report)
