"""An operations report on a terminal, in words, and in a file and back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tailqa.core.errors import ResultError
from tailqa.core.estimate import TooFew
from tailqa.core.operations import (
    ALL_TRAFFIC,
    UNTIMED,
    ClosedForm,
    Sweep,
    SweepPoint,
    TrapFinding,
)
from tailqa.report.operations_result import (
    load_operations,
    render_operations_json,
    write_operations,
)
from tailqa.report.operations_sweep import bottleneck_words, saturation_words, sweep_rows
from tailqa.report.operations_table import render_operations
from tailqa.report.operations_words import agreement_words, break_even_words, trap_words
from tailqa.report.result import load_report, render_json, save_report
from tests.report.conftest import make_report
from tests.report.operations_cases import (
    NAMES,
    about,
    make_operations,
    saturated,
    untimed,
    without_prices,
)

EXPECTED = Path(__file__).parent / "expected"


@pytest.mark.parametrize("width", [80, 120])
def test_the_whole_output(width):
    shown = render_operations(make_operations(), NAMES, width=width, terminal=False)
    assert f"{shown}\n" == (EXPECTED / f"operations-{width}.txt").read_text("utf-8")


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_is_wider_than_asked(width, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    shown = render_operations(make_operations(), NAMES, width=width, terminal=terminal)
    assert max(map(len, shown.splitlines())) <= width
    for words in ("tail/multi-step", "generation", "bottleneck", "[1,825, 2,058]", "The trap"):
        assert words in shown


def test_no_interval_is_left_out_where_there_is_little_room():
    shown = [
        render_operations(make_operations(), NAMES, width=width, terminal=False)
        for width in (60, 80, 100, 120, 200)
    ]
    assert len({text.count("[") for text in shown}) == len({text.count("]") for text in shown}) == 1
    for text in shown[1:]:
        for interval in ("[3.65, 4.12]", "[36.0, 37.5]", "[5.48, 6.18]", "[69.6, 72.4]"):
            assert interval in text
    assert "..." not in "".join(shown)


def test_wide_terminals_have_ratios_in_columns_of_their_own():
    wide, narrow = (
        render_operations(make_operations(), NAMES, width=width, terminal=False)
        for width in (160, 100)
    )
    assert "student /" in wide
    assert "x1.60 [1.55, 1.65]" not in wide
    assert "x1.60 [1.55, 1.65]" in narrow


def test_worse_is_red_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = render_operations(make_operations(), NAMES, width=160, terminal=True)
    assert "\x1b[31m1.60 [1.55, 1.65]" in shown
    assert "\x1b[32m0.61 [0.59, 0.63]" in shown
    assert "\x1b[1;31mThe trap" in shown


def test_a_saturated_option_has_no_time():
    found = saturated(make_operations(ratios=(), sweep=None))
    lines = render_operations(found, NAMES, width=160, terminal=False).splitlines()
    for name in ("end-to-end mean, s", "end-to-end p95, s", "time per resolved, s"):
        row = next(line for line in lines if line.startswith(name))
        assert row.split(name)[1].split()[0] == "saturated"
    whole = " ".join(lines)
    why = "end-to-end p99, time per resolved (teacher): saturated: generation at 12 requests/s."
    assert why in whole
    assert whole.count("at 12 requests/s") == 1


def test_what_a_run_without_times_does_not_know_is_said():
    found = untimed(make_operations(sweep=None))
    shown = render_operations(found, NAMES, width=100, terminal=False)
    said = " ".join(shown.split())
    for words in (
        "Speed of the teacher and of the student: no speed was measured, so nothing is told",
        "Not known: share in use, wait of embedding, search, rerank: no speed was measured.",
        "Not known: share in use, wait, service of generation: no speed was measured.",
        "Not known: which stage is the bottleneck: no speed was measured.",
        "Amdahl's view is not known: no speed was measured.",
        "no time is known; visits of stages from 20,000 simulated requests",
    ):
        assert words in said
    assert "times from" not in said
    assert "bottleneck\n" not in shown


def test_nothing_at_all_is_known():
    none = TooFew(reason="no query was graded", n=0)
    found = make_operations()
    found = replace(
        found,
        options=tuple(
            replace(row, figures=dict.fromkeys(row.figures, none), draws={})
            for row in found.options
        ),
        stages=tuple(
            replace(
                stage,
                visits_per_query=none,
                utilisation=none,
                wait_s=none,
                service_s=none,
                closed_wait_s=None,
                bottleneck=False,
            )
            for stage in found.stages
        ),
        checks=tuple(replace(check, simulated=none, agrees=False) for check in found.checks),
        traps=tuple(
            replace(trap, occurs="unclear", per_token=none, per_resolved=none)
            for trap in found.traps
        ),
        break_evens=tuple(replace(item, value=none) for item in found.break_evens),
        amdahl=replace(
            found.amdahl, share=none, generation=none, by_law=none, unloaded=none, loaded=none
        ),
        ratios=tuple(replace(item, ratio=none) for item in found.ratios),
        icc_effects=(),
        sweep=replace(
            found.sweep,
            points=tuple(
                replace(point, figures={}, saturated="generation", utilisation=None)
                for point in found.sweep.points
            ),
            saturation={},
        ),
    )
    shown = " ".join(render_operations(found, NAMES, width=120, terminal=False).split())
    assert "head/plain tail/phrasing" not in shown.replace(" teacher student escalated", "")
    assert "no time is known; seed 0" in shown
    assert "per token not known (no query was graded), per resolved query not known" in shown
    assert "No break-even in tail share" in shown
    assert "agree in 0 of 2 figures" in shown
    assert "[" not in shown


def test_without_a_price_nothing_is_said_of_money():
    shown = render_operations(without_prices(make_operations()), NAMES, width=120, terminal=False)
    assert "USD" not in shown
    assert shown.count("No price was given, so nothing is said of money.") == 1


def test_one_option_alone():
    found = make_operations(ratios=(), traps=(), break_evens=(), checks=(), stages=(), sweep=None)
    found = replace(
        found,
        options=tuple(row for row in found.options if row.option == "student"),
        amdahl=None,
        icc_effects=(),
        speeds=(),
        assumptions=(),
    )
    shown = render_operations(found, NAMES, width=80, terminal=False)
    assert "teacher" not in shown.split("\n", 1)[1]
    assert "Per query, 95 % intervals." in shown


def test_hostile_names_reach_no_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    hostile = "\x1b[2J[red]\u202e\x00" + "z" * 10_000
    found = make_operations(name=hostile, assumptions=(hostile,))
    found = replace(
        found,
        stages=(replace(found.stages[0], stage=hostile),),
        traps=(replace(found.traps[0], scope=hostile),),
        options=tuple(
            row if row.scope == ALL_TRAFFIC else replace(row, scope=hostile)
            for row in found.options
        ),
        amdahl=replace(found.amdahl, next_bottleneck=hostile),
        break_evens=(replace(found.break_evens[0], meaning=hostile),),
        sweep=replace(found.sweep, key=hostile),
        speeds=(replace(found.speeds[0], source=hostile),),
    )
    shown = render_operations(found, (hostile, hostile), terminal=True)
    assert not set("\x1b\u202e\x00") & set(shown)
    assert len(shown) < 30_000


@pytest.mark.parametrize(
    ("occurs", "token", "resolved", "said"),
    [
        ("yes", 0.34, 1.21, "The trap (student, all traffic; by cost): faster per token ("),
        ("no", 0.34, 0.52, "No trap (student, all traffic; by cost): faster per token ("),
        ("no", 1.34, 2.52, "No trap (student, all traffic; by cost): slower per token ("),
        (
            "unclear",
            0.34,
            1.01,
            "Unclear whether the trap occurs (student, all traffic; by cost): faster",
        ),
    ],
)
def test_the_trap_by_name(occurs, token, resolved, said):
    finding = TrapFinding(
        scope=ALL_TRAFFIC,
        option="student",
        figure="usd_per_resolved",
        occurs=occurs,
        per_token=about(token, 0.03),
        per_resolved=about(resolved, 0.03),
    )
    words = trap_words(finding)
    assert words.startswith(said)
    dear = "dearer" if resolved > 1.1 else "cheaper" if resolved < 1 else "no difference"
    assert f", {dear} per resolved query" in words


def test_a_break_even_beside_what_is_so_today():
    found = make_operations().break_evens
    assert break_even_words(found[0]) == (
        "Break-even in tail share (time per resolved, student): 14.2 % [12.8, 15.6], today 18.0 %."
        " Above it the teacher takes less time."
    )
    cap = replace(found[1], value=replace(about(2), low=1, high=4))
    assert ": 2 [1, 4], today 3." in break_even_words(cap)


def test_formulas_that_simulation_does_not_bear_out_are_shown():
    apart = ClosedForm(
        option="teacher",
        scope=ALL_TRAFFIC,
        figure="wait at rerank",
        closed=0.0305,
        simulated=about(0.0411),
        agrees=False,
    )
    found = make_operations()
    found = replace(found, checks=(*found.checks, apart))
    assert agreement_words(found) == (
        "Formula and simulation agree in 2 of 3 figures; the largest difference is 34.8 % "
        "(teacher, all traffic, wait at rerank)."
    )
    shown = render_operations(found, NAMES, width=100, terminal=False)
    assert "they differ in" in shown
    assert agreement_words(replace(found, checks=())) == ""


def test_a_sweep_says_why_a_cell_is_empty_and_how_full_the_bottleneck_is():
    found = make_operations()
    shown = render_operations(found, NAMES, width=100, terminal=False).splitlines()
    [at] = [i for i, text in enumerate(shown) if text.split()[:1] == ["16"]]
    assert shown[at].split("  ")[-1].strip() == "saturated in 7 of 60 resamples"
    assert "saturated: generation" in shown[at]
    assert shown[at + 1].split("%")[-1].strip() == "[93.9, 99.7]"
    said = " ".join(" ".join(shown).split())
    for words in (
        "Below each how much of the bottleneck is in use; 60 resamples.",
        "The bottleneck is generation (teacher), rerank (student), rerank (student, escalated).",
        "Saturated, a stage being 98 % in use, from arrivals.rate = 11.4 [11.1, 11.7] (teacher)",
    ):
        assert words in said
    few = TooFew(reason="8 queries, 10 needed", n=8)
    unsure = replace(found.sweep, saturated_from={"teacher": few})
    assert "= 11.4, without an interval: 8 queries, 10 needed (teacher), 19.6 (student)" in (
        saturation_words(unsure, found)
    )
    moving = [
        replace(row, bottleneck="search" if row.value == 1 else "generation")
        for row in sweep_rows(found, found.sweep)
        if row.value in (1, 8)
    ]
    assert bottleneck_words(moving) == "The bottleneck is search at 1; generation at 8."


def test_a_sweep_without_any_time_says_why():
    found = make_operations()
    none = TooFew(reason=UNTIMED, n=0)
    points = tuple(
        SweepPoint(value=p.value, option=p.option, figures={"p95_s": none})
        for p in found.sweep.points
    )
    found = replace(found, sweep=Sweep(key="arrivals.rate", points=points))
    shown = " ".join(render_operations(found, NAMES, width=100, terminal=False).split())
    assert "No p95 is known at any value of arrivals.rate: no speed was measured." in shown


def test_a_figure_that_has_a_formula_is_named_as_everywhere():
    found = make_operations()
    checks = [replace(check, figure="given_up", agrees=False) for check in found.checks]
    found = replace(found, checks=tuple(checks))
    shown = render_operations(found, NAMES, width=100, terminal=False)
    assert "given_up" not in shown
    assert "(student, tail/multi-step, given up)" in " ".join(shown.split())


def test_what_is_written_is_loaded(tmp_path):
    found = make_operations()
    path = write_operations(found, NAMES, tmp_path)
    assert path.name == "cost.json"
    assert load_operations(tmp_path) == (found, NAMES)
    assert f"{render_operations_json(*load_operations(path))}\n" == path.read_text("utf-8")
    assert next(iter(json.loads(path.read_text("utf-8")))) == "format_version"


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_draw_that_is_not_finite_becomes_null(odd, tmp_path):
    found = make_operations()
    first = replace(found.options[0], draws={"p95_s": (1.0, odd, 2.0)})
    found = replace(found, options=(first, *found.options[1:]))
    path = write_operations(found, NAMES, tmp_path)
    assert load_operations(path)[0].options[0].draws == {"p95_s": (1.0, None, 2.0)}
    loaded = load_report(save_report(make_report(operations=found), tmp_path))
    assert loaded.operations.options[0].draws == {"p95_s": (1.0, None, 2.0)}
    assert not {"NaN", "Infinity"} & set(path.read_text("utf-8").replace(",", " ").split())


def test_any_other_number_that_is_not_finite_is_refused(tmp_path):
    found = make_operations()
    found = replace(found, speeds=(replace(found.speeds[0], base_s=float("inf")),))
    with pytest.raises(ResultError, match="not finite"):
        render_operations_json(found, NAMES)


def test_a_report_holds_its_operations(tmp_path):
    report = make_report(operations=make_operations())
    assert load_report(save_report(report, tmp_path)) == report


def test_a_report_from_before_there_were_operations(tmp_path):
    values = json.loads(render_json(make_report()))
    del values["operations"]
    (tmp_path / "result.json").write_text(json.dumps(values))
    assert load_report(tmp_path).operations is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.update(format_version=9), "has format version 9, this tailqa reads 1"),
        (lambda v: v.pop("teacher"), "is not a report of costs: teacher: field required"),
        (
            lambda v: v["operations"]["options"][0].update(option="nobody"),
            r"operations\.options\.0\.option: input should be",
        ),
        (
            lambda v: v["operations"]["options"][0]["figures"].update(attempts=3),
            r"operations\.options\.0\.figures\.attempts: ",
        ),
        (lambda v: v["operations"].update(seed="1"), r"operations\.seed: input should be"),
    ],
)
def test_a_file_that_is_wrong_says_why(tmp_path, change, says):
    path = write_operations(make_operations(), NAMES, tmp_path)
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(ResultError, match=says) as caught:
        load_operations(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_cut_off_or_not_there(tmp_path):
    with pytest.raises(ResultError, match="does not exist"):
        load_operations(tmp_path)
    path = write_operations(make_operations(), NAMES, tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ResultError, match="is not whole JSON"):
        load_operations(path)
