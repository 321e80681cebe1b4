"""The noise floor beside every gap."""

import re
from dataclasses import replace

import pytest

from tailqa.core.estimate import TooFew
from tailqa.core.report import NoiseFloor, NoiseResult, Report, Run
from tailqa.report.noise import noise_of, noise_words
from tailqa.report.page import render_page
from tailqa.report.table import render_terminal
from tests.report.conftest import estimate


@pytest.fixture
def noisy(report: Report) -> Report:
    results = tuple(
        NoiseResult(
            name=item.name, n=180, flipped=2, changed=9, flips=estimate(0.0111, 0.0031, 0.0396)
        )
        for item in report.strata
    )
    floor = NoiseFloor(
        how="in batches of at most 32, in another order <b>",
        strata=results,
        overall=estimate(0.0123, 0.0044, 0.0311, 720),
    )
    return replace(report, noise_floor=floor)


def test_the_terminal_shows_it_beside_the_gap(noisy: Report) -> None:
    text = render_terminal(noisy, width=120, terminal=False)
    assert re.search(r"multi-step .* -83\.9 \[-89\.4, -78\.4\]\s+1\.1 ", text)
    assert re.search(r"by traffic .* -9\.3 \[-11\.2, -7\.5\]\s+1\.2", text)
    assert "contradicts its own grade in 1.2 %" in " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_asked(noisy: Report, width: int) -> None:
    text = render_terminal(noisy, width=width, terminal=False)
    assert max(map(len, text.splitlines())) <= width


def test_the_page_shows_it_in_every_row(noisy: Report) -> None:
    page = render_page(Run(report=noisy))
    assert page.count("1.1<small>[0.3, 4.0]</small>") == 4
    assert page.count("1.2<small>[0.4, 3.1]</small>") == 1
    assert "36 of 720 answers changed at all" in page
    assert "another order &lt;b&gt;" in page
    table = page[page.index('<table class="strata">') :]
    table = table[: table.index("</table>")]
    widths = set()
    for row in re.findall(r"<tr>.*?</tr>", table[table.index("<tbody>") :], re.DOTALL):
        spans = [int(n) for n in re.findall(r'colspan="(\d+)"', row)]
        cells = len(re.findall(r"<t[hd]", row))
        widths.add(cells - len(spans) + sum(spans))
    assert len(widths) == 1


def test_without_it_nothing_is_shown(report: Report) -> None:
    assert noise_words(report) == ""
    assert noise_of(report, "tail/phrasing") is None
    assert "oise floor" not in render_terminal(report, width=160, terminal=False)
    assert "oise floor" not in render_page(Run(report=report))


def test_a_floor_that_was_not_measured_says_why(noisy: Report) -> None:
    assert noisy.noise_floor is not None
    none = TooFew(reason="no graded answers", n=0)
    words = noise_words(replace(noisy, noise_floor=replace(noisy.noise_floor, overall=none)))
    assert words == (
        "Noise floor: asked again (in batches of at most 32, in another order <b>), the teacher's "
        "own grades could not be compared: no graded answers."
    )
