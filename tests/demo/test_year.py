"""benchmarks/year.py in small: the plan of its year, and its first weeks really run."""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def year() -> Iterator[ModuleType]:
    """The script, whose neighbours lie beside it as they do when it is run."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import year  # type: ignore[import-not-found]

        yield year
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_a_year_has_52_weeks_and_a_build_lives_two(year):
    last = date(2026, 11, 23)
    weeks = list(year.plan(last))
    assert len(weeks) == 52
    assert len(year.BUILDS) == 26
    assert weeks[-1].monday == last
    assert {after.monday - before.monday for before, after in pairwise(weeks)} == {
        timedelta(weeks=1)
    }
    assert [week.build.number for week in weeks[:5]] == [1, 1, 2, 2, 3]
    assert {build.parent < build.number for build in year.BUILDS} == {True}
    assert sum(week.left_out for week in weeks) == 1


@pytest.mark.slow
def test_its_first_weeks_really_run_and_are_kept(year, tmp_path, monkeypatch, capsys):
    small = ["--weeks", "4", "--limit", "2", "--speed", "0", "--pipeline", "none", "--fresh", "2"]
    monkeypatch.setattr(sys, "argv", ["year.py", "--out", str(tmp_path), *small])
    year.main()
    shown = capsys.readouterr().out
    assert (tmp_path / "page" / "weekly.html").is_file()
    assert [path.name for path in sorted((tmp_path / "builds").glob("build-??"))] == [
        "build-01", "build-02",
    ]  # fmt: skip
    assert shown.count("week ") >= 4
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    made |= {path: path.stat().st_mtime_ns for path in tmp_path.rglob("result.json")}
    assert len(made) == 6
    year.main()
    assert {path: path.stat().st_mtime_ns for path in made} == made
