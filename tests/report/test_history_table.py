"""The list of runs in the width of the terminal, and the head of one run."""

import pytest

from tailqa.core.history import KeptRun
from tailqa.report.history_table import render_kept_run, render_runs

BUILD = "acme/small@b1 (77d077d0)"
NARROW = """\
                                             suite,
date       run      student    build         version        queries verdict
--------------------------------------------------------------------------------
2026-11-02 02ab34cd acme/small acme/small@b1 support          1,200 inconclusive
                               (77d077d0)    tickets
                                             2026 q3
2026-11-09 09ab34cd acme/small acme/small@b1 commonsense_qa       1 pass
                               (77d077d0)    1.0, 5-shot
"""
PLAIN = """\
date        run       student     build                     suite            version      queries  \
verdict
---------------------------------------------------------------------------------------------------\
------------
2026-11-02  02ab34cd  acme/small  acme/small@b1 (77d077d0)  support tickets  2026 q3        1,200  \
inconclusive
2026-11-09  09ab34cd  acme/small  acme/small@b1 (77d077d0)  commonsense_qa   1.0, 5-shot        1  \
pass
"""


def kept(day, suite, version, n_queries, verdict):
    return KeptRun(
        run=f"{day:02d}ab34cd" * 8,
        name=f"week-{day}",
        date=f"2026-11-{day:02d}",
        student="acme/small",
        build=BUILD,
        teacher="acme/large",
        suite=suite,
        suite_version=version,
        suite_digest="d" * 64,
        facets={},
        verdict=verdict,
        policy="strict",
        policy_digest=None,
        n_queries=n_queries,
        seed=0,
        tailqa_version="0.1.0",
        format_version=1,
        strata=(),
    )


RUNS = (
    kept(2, "support tickets", "2026 q3", 1200, "inconclusive"),
    kept(9, "commonsense_qa", "1.0, 5-shot", 1, "pass"),
)


@pytest.mark.parametrize(("width", "expected"), [(80, NARROW), (120, PLAIN)])
def test_a_suite_is_told_from_its_version_at_any_width(width, expected):
    shown = render_runs(RUNS, width=width, terminal=False)
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines == expected.splitlines()


def test_the_head_of_a_run_names_suite_and_version():
    first, second = (render_kept_run(run, width=100, terminal=False) for run in RUNS)
    assert first.splitlines()[1] == (
        "2026-11-02, support tickets, version 2026 q3, 1,200 queries: inconclusive (strict)"
    )
    assert second.splitlines()[1] == (
        "2026-11-09, commonsense_qa, version 1.0, 5-shot, 1 query: pass (strict)"
    )
