from dataclasses import replace

import pytest

from tailqa.report.chart import NARROW, WIDE, Layout, gap_chart
from tests.report.conftest import NONE, estimate, make_report, strata, stratum


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_marks_stand_where_their_gaps_are(layout: Layout) -> None:
    report = make_report()
    chart = gap_chart(report, layout)
    assert [mark.label for mark in chart.marks] == [
        "tail/multi-step",
        "tail/terminology",
        "tail/phrasing",
        "head/plain",
        "by traffic",
        "tail − head",
    ]
    assert chart.margin is not None
    scale = (chart.zero - chart.margin) / 0.05
    for mark, measured in zip(
        chart.marks[:4], sorted((s.gap for s in strata()), key=lambda gap: gap.value), strict=True
    ):
        ends = (measured.value, measured.low, measured.high)
        assert mark.ends == pytest.approx([chart.zero + scale * end for end in ends], abs=0.5)
    every = [x for mark in chart.marks for x in mark.ends] + [x for x, _ in chart.ticks]
    assert all(chart.left <= x <= chart.right for x in [*every, chart.zero, chart.margin])
    assert [mark.y for mark in chart.marks] == sorted(mark.y for mark in chart.marks)
    assert chart.height > chart.bottom > chart.marks[-1].y


def test_ticks_are_round_and_hold_zero() -> None:
    ticks = gap_chart(make_report(), WIDE).ticks
    assert [label for _, label in ticks] == ["−80", "−60", "−40", "−20", "0"]


def test_a_small_gap_is_drawn_large() -> None:
    small = stratum("tail/x", (97, 1, 0, 2), spread=0.01)
    report = make_report((small,), interaction=NONE)
    report = replace(report, overall=replace(report.overall, gap=estimate(-0.01, -0.02, 0.0)))
    assert [label for _, label in gap_chart(report, WIDE).ticks] == ["−4", "−2", "0", "+2"]


def test_what_was_not_measured_has_no_mark() -> None:
    chart = gap_chart(make_report((stratum("tail/x", (0, 0, 0, 0)),), interaction=NONE), WIDE)
    assert chart.marks[0].ends == ()
    assert chart.marks[0].value == "not measured"


def test_without_a_margin_there_is_no_line() -> None:
    report = make_report()
    report = replace(report, verdict=replace(report.verdict, margin=None))
    assert gap_chart(report, WIDE).margin is None


def test_a_long_name_is_shortened() -> None:
    report = make_report((stratum("tail/" + "x" * 90, (10, 1, 1, 1)),))
    assert gap_chart(report, WIDE).marks[0].label == "tail/" + "x" * 22 + "…"
