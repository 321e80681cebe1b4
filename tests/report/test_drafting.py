"""The student as drafter: what is said, tabled and drawn."""

from dataclasses import replace

import pytest

from tailqa.core.drafting import DraftingResult
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.report import Report, Run
from tailqa.cost.drafting import draft_length_of
from tailqa.report.drafting import applies, best_drafting, drafting_shown, drafting_words
from tailqa.report.page import render_page
from tailqa.report.result import load_report, save_report
from tailqa.report.table import render_terminal
from tests.report.conftest import estimate
from tests.report.test_fidelity import result as followed

NO_SPEED = TooFew(reason="speed was not measured", n=0)


def result(
    name: str,
    scope: str,
    accepted: float = 0.9,
    cost: Measured | None = None,
    temperature: float = 0.0,
    tail_minus_head: Measured | None = None,
) -> DraftingResult:
    acceptance = estimate(accepted, accepted - 0.03, accepted + 0.02)
    cost = estimate(0.35, 0.33, 0.38, 30) if cost is None else cost
    lengths = tuple(
        draft_length_of(
            length,
            acceptance=acceptance,
            draft_cost=cost,
            tokens=estimate(1 + 0.8 * length * accepted, 1 + 0.7 * length, 1 + 0.9 * length),
        )
        for length in range(1, 9)
    )
    speeds = {r.length: r.speedup.value for r in lengths if isinstance(r.speedup, Estimate)}
    return DraftingResult(
        name=name,
        scope=scope,  # type: ignore[arg-type]
        temperature=temperature,
        n_queries=180,
        same_top1=acceptance,
        overlap=acceptance,
        draft_cost=cost,
        lengths=lengths,
        best_length=max(speeds, key=lambda length: speeds[length], default=None),
        tail_minus_head=tail_minus_head,
    )


def drafting(cost: Measured | None = None) -> tuple[DraftingResult, ...]:
    return (
        result("head/plain", "stratum", 0.95, cost),
        result("tail/phrasing", "stratum", cost=cost),
        result("tail/<b>", "stratum", cost=cost),
        result("head", "head", 0.95, cost),
        result("tail", "tail", cost=cost),
        result("by traffic", "all", cost=cost, tail_minus_head=estimate(-0.05, -0.08, -0.02)),
    )


@pytest.fixture
def drafted(report: Report) -> Report:
    return replace(report, drafting=drafting())


def test_head_alone_is_its_own_stratum_and_all_traffic_comes_last(drafted: Report) -> None:
    names = [found.name for found in drafting_shown(drafted)]
    assert names[-2:] == ["tail", "by traffic"]
    assert "head" not in names
    best = best_drafting(drafted)
    assert best is not None
    assert (best.scope, best.best_length) == ("all", 8)


def test_the_sentence_names_both_speedups_the_break_even_and_the_tail(drafted: Report) -> None:
    assert drafting_words(drafted) == (
        "As a drafter, 8 tokens ahead, the student gives the teacher's own texts: the pair would "
        "decode 1.78 [1.57, 2.17] times as fast as the teacher alone (95 % interval, n = 30 timed "
        "queries) if verifying took one step of the teacher and the loop around it no time. The "
        "teacher accepts 90.0 % [87.0, 92.0] of drafted tokens (at temperature 0 a draft is "
        "accepted where both find the same token likeliest); at this pair's draft cost 75.9 % "
        "[74.5, 77.8] would break even. The formula for independent acceptances and endless texts "
        "says 1.61 [1.42, 1.76]. Tail − head, acceptance: −5.0 points [−8.0, −2.0]."
    )


def test_a_drafter_that_is_no_faster_is_not_called_so(report: Report) -> None:
    dear = replace(report, drafting=drafting(estimate(1.6, 1.5, 1.7, 30)))
    assert "which is slower" in drafting_words(dear)
    even = replace(report, drafting=drafting(estimate(0.8, 0.5, 1.1, 30)))
    assert "no difference shown" in drafting_words(even)


@pytest.mark.parametrize(
    ("temperature", "said"),
    [(0.0, "same token likeliest"), (1.0, "at temperature 1, a draft"), (0.7, "run's is 0.7")],
)
def test_the_temperature_says_which_acceptance_applies(temperature: float, said: str) -> None:
    assert said in applies(temperature)


def test_the_other_acceptance_is_taken_where_answers_are_sampled() -> None:
    found = replace(result("s", "all"), overlap=estimate(0.5, 0.4, 0.6))
    assert found.acceptance == found.same_top1
    assert replace(found, temperature=1.0).acceptance == found.overlap


def test_without_speed_the_reason_stands_where_fidelity_was_measured(
    report: Report,
) -> None:
    bare = replace(report, drafting=drafting(NO_SPEED))
    assert drafting_shown(bare) == ()
    assert best_drafting(bare) is None
    assert drafting_words(bare) == ""
    asked = replace(bare, fidelity=(followed("by traffic", "all"),))
    reason = "What the student is worth as a drafter is not known: speed was not measured."
    assert drafting_words(asked) == reason
    assert reason in render_terminal(asked, width=200)
    assert reason in render_page(Run(report=asked))
    assert "as drafter" not in render_page(Run(report=report))


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_fits_and_holds_every_row(drafted: Report, width: int) -> None:
    lines = render_terminal(drafted, width=width, terminal=False).splitlines()
    assert all(len(line) <= width for line in lines)
    start = next(n for n, line in enumerate(lines) if "break-even" in line or "draft " in line)
    [row] = [line for line in lines[start:] if line.startswith("by traffic") and "yes" in line]
    assert "90.0 [87.0, 92.0]" in row


def test_the_page_holds_all_draft_lengths_and_no_markup_of_a_name(drafted: Report) -> None:
    page = render_page(Run(report=drafted))
    section = page[page.index("The student as drafter") :]
    assert "tail/&lt;b&gt;" in section
    assert "tail/<b>" not in page
    assert section.count('<th scope="row" class="r">') == 8


def test_it_is_read_back(drafted: Report, tmp_path) -> None:
    save_report(drafted, tmp_path)
    assert load_report(tmp_path) == drafted
