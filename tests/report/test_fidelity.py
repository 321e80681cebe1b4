"""Fidelity on the terminal, in words and on the page."""

import json
from dataclasses import replace

import pytest

from tailqa.core.estimate import Measured, TooFew
from tailqa.core.report import FidelityResult, FidelityScope, Report, Run
from tailqa.report import format as shown
from tailqa.report.fidelity import in_order, kl_and_flips
from tailqa.report.page import render_page
from tailqa.report.result import load_report, render_json, save_report
from tailqa.report.table import render_terminal
from tests.report.conftest import estimate, make_report, row

FEW = TooFew(reason="an AUC needs 5 of each, got 2 and 178", n=180)


def result(
    name: str, scope: FidelityScope = "stratum", auc: Measured = FEW, **changes: object
) -> FidelityResult:
    values: dict[str, object] = {
        "name": name,
        "scope": scope,
        "n_queries": 180,
        "n_positions": 2160,
        "kl": estimate(0.031273, 0.02871, 0.03419, 2160),
        "reverse_kl": estimate(0.0412, 0.0371, 0.0458, 2160),
        "kl_p50": estimate(0.0000214, 0.0000191, 0.0000262, 2160),
        "kl_p90": estimate(0.0512, 0.0441, 0.0612, 2160),
        "kl_p99": estimate(0.912, 0.601, 1.412, 2160),
        "kl_p999": TooFew(reason="a p99.9 takes 3,688 independent values, there are 2,160", n=2160),
        "same_top1": estimate(0.97674, 0.9612, 0.9881, 2160),
        "acceptance": estimate(0.951, 0.941, 0.962, 2160),
        "first_divergence_tokens": TooFew(reason="too many never do for a p50", n=180),
        "never_diverged": estimate(0.72, 0.65, 0.78),
        "perplexity_ratio": estimate(1.041, 1.012, 1.071, 2160),
        "flip_auc": auc,
    }
    return FidelityResult(**(values | changes))  # type: ignore[arg-type]


def told(value: float, low: float, high: float) -> Measured:
    return estimate(value, low, high, 720)


@pytest.fixture
def faithful() -> Report:
    return make_report(
        fidelity=(
            result("head/plain"),
            result("tail/phrasing", auc=told(0.71, 0.55, 0.83)),
            result("tail/terminology", auc=told(0.58, 0.41, 0.73)),
            result("tail/multi-step", auc=told(0.81, 0.7, 0.89)),
            result("by traffic", "all", told(0.7653, 0.7012, 0.8211)),
            result("given texts", "texts", TooFew(reason="neither right nor wrong", n=0)),
        )
    )


TABLE = """\
                  posi-                 KL mean,        same top-1,              flips
stratum           tions                     nats                  %                AUC
--------------------------------------------------------------------------------------
tail/multi-step   2,160  0.0313 [0.0287, 0.0342]  97.7 [96.1, 98.8]  0.81 [0.70, 0.89]
tail/terminology  2,160  0.0313 [0.0287, 0.0342]  97.7 [96.1, 98.8]  0.58 [0.41, 0.73]
tail/phrasing     2,160  0.0313 [0.0287, 0.0342]  97.7 [96.1, 98.8]  0.71 [0.55, 0.83]
head/plain        2,160  0.0313 [0.0287, 0.0342]  97.7 [96.1, 98.8]                  -
by traffic        2,160  0.0313 [0.0287, 0.0342]  97.7 [96.1, 98.8]  0.77 [0.70, 0.82]
given texts       2,160  0.0313 [0.0287, 0.0342]  97.7 [96.1, 98.8]                  -
"""


def test_the_table(faithful: Report) -> None:
    assert TABLE in render_terminal(faithful, width=100, terminal=False)


@pytest.mark.parametrize(("width", "title"), [(80, "KL mean"), (100, "flips"), (130, "KL p99")])
def test_wider_terminals_show_more(faithful: Report, width: int, title: str) -> None:
    text = render_terminal(faithful, width=width, terminal=False)
    assert title in text
    assert max(map(len, text.splitlines())) <= width
    assert "\ntail/terminology " in text
    assert (title == "KL mean") == ("flips\n" not in text)


def test_without_fidelity_nothing_is_said(report: Report) -> None:
    assert "KL" not in render_terminal(report, width=160, terminal=False)
    assert "<h2>Fidelity</h2>" not in render_page(Run(report=report))
    assert kl_and_flips(report) == ""


@pytest.mark.parametrize(
    ("auc", "said"),
    [
        (
            told(0.7653, 0.7012, 0.8211),
            "KL tells which queries flip: in 76.5 % of all pairs of a flipped query and another "
            "the flipped one has the higher mean KL (95 % interval 70.1 to 82.1, n = 720; 50 % is "
            "chance); within a stratum it is shown in 2 of 4 (1 not measured).",
        ),
        (told(0.55, 0.48, 0.61), "KL is not shown to tell which queries flip: in 55.0 % of"),
        (told(0.31, 0.22, 0.44), "KL tells which queries flip, but the wrong way round: in 31.0 %"),
        (FEW, "Whether KL tells which queries flip was not measured: an AUC needs 5 of each,"),
    ],
)
def test_nothing_is_claimed_that_the_interval_does_not_bear_out(
    faithful: Report, auc: Measured, said: str
) -> None:
    changed = tuple(
        replace(item, flip_auc=auc) if item.scope == "all" else item for item in faithful.fidelity
    )
    assert kl_and_flips(replace(faithful, fidelity=changed)).startswith(said)


def test_one_stratum_has_no_share_of_strata() -> None:
    whole = result("by traffic", "all", told(0.9, 0.8, 0.95))
    only = make_report(fidelity=(result("head/plain"), whole))
    assert kl_and_flips(only).endswith("50 % is chance).")


def test_the_page_shows_every_figure_or_why_there_is_none(faithful: Report) -> None:
    page = render_page(Run(report=faithful, answers=(row("q1", "head/plain", "teacher"),)))
    section = page.split("<h2>Fidelity</h2>")[1].split("</section>")[0]
    assert section.count("<tr>") == 2 + 2 * 6
    for text in ("0.0313", "2.1e-5", "97.7", "1.04", "KL p99.9", "a p99.9 takes 3,688", "0.77"):
        assert text in section
    assert kl_and_flips(faithful).replace("'", "&#39;") in section


def test_what_a_suite_wrote_is_never_markup() -> None:
    hostile = result("<img src=x>", auc=TooFew(reason="<b>no</b>", n=0))
    section = render_page(Run(report=make_report(fidelity=(hostile,)))).split("Fidelity</h2>")[1]
    assert "<img" not in section
    assert "<b>no" not in section


def test_the_order_is_worst_gap_first_then_all_then_texts(faithful: Report) -> None:
    shuffled = replace(faithful, fidelity=faithful.fidelity[::-1])
    assert in_order(shuffled) == in_order(faithful)
    assert [item.scope for item in in_order(faithful)] == ["stratum"] * 4 + ["all", "texts"]
    assert in_order(faithful)[0].name == "tail/multi-step"


def test_it_is_read_back(faithful: Report, tmp_path) -> None:
    save_report(faithful, tmp_path)
    assert load_report(tmp_path) == faithful


def test_a_result_from_before_there_was_fidelity_loads(report: Report, tmp_path) -> None:

    values = json.loads(render_json(report))
    del values["fidelity"]
    (tmp_path / "result.json").write_text(json.dumps(values))
    assert load_report(tmp_path) == report


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.001355, "0.00136"),
        (0.445132, "0.445"),
        (0.99996, "1.000"),
        (12.31, "12.3"),
        (0.0000999, "1.0e-4"),
        (1e-12, "1.0e-12"),
        (-0.0004, "−0.000400"),
    ],
)
def test_tiny_quantities_keep_their_digits(value: float, text: str) -> None:
    assert shown.NATS.number(value) == text
