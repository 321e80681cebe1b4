"""Cells and tables of the terminal, and how much detail fits."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tailqa.core.estimate import Measured, TooFew
from tailqa.report import format as shown
from tailqa.report.escape import one_line
from tailqa.report.reading import reading

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

FULL, PLAIN, NARROW = 2, 1, 0
"""How much detail a table shows."""

_STYLE = {"worse": "red", "better": "green", "unclear": "", "unmeasured": "dim"}


def make_table(detail: int) -> "Table":
    """An empty table; columns stand closer where there is room for little `detail`."""
    from rich import box
    from rich.table import Table

    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1 if detail else 0, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="dim",
    )


def text(content: str, style: str = "") -> "Text":
    """One cell; nothing in `content` is markup."""
    from rich.text import Text

    return Text(content, style)


def gap_text(gap: Measured, *, stacked: bool) -> "Text":
    """A gap in points, coloured by what it says; `stacked` puts the interval below the value."""
    style = _STYLE[reading(gap)]
    if isinstance(gap, TooFew):
        return text(one_line(gap.reason, 40), style)
    between = "\n" if stacked else " "
    return (
        text("")
        .append(shown.value(gap, shown.POINTS), style)
        .append(between + shown.interval(gap, shown.POINTS), "dim")
    )


def figure_text(measured: Measured | None, unit: shown.Unit, *, stacked: bool = False) -> "Text":
    """A value with its interval, without the unit; a dash where there is none.

    `stacked` puts the interval below the value.
    """
    if measured is None or isinstance(measured, TooFew):
        return text(shown.NONE, "dim")
    between = "\n" if stacked else " "
    return text(shown.value(measured, unit)).append(between + shown.interval(measured, unit), "dim")


def two_lines(title: str) -> str:
    """A header on two lines, broken at its middle blank."""
    words = title.split(" ")
    middle = (len(words) + 1) // 2
    return " ".join(words[:middle]) + "\n" + " ".join(words[middle:])


def fitting(console: "Console", build: "Callable[[int], Table]") -> "Table":
    """The table with the most detail that is no wider than the console."""
    wide = console.options.update(max_width=1000)
    for detail in (FULL, PLAIN):
        table = build(detail)
        if console.measure(table, options=wide).maximum <= console.width:
            return table
    return build(NARROW)
