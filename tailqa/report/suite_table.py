"""A suite on a terminal: its strata in a table, then two examples of each."""

from collections.abc import Sequence
from io import StringIO

from tailqa.core.query import Lengths, PlannedStratum, Query, StratumSummary, Suite
from tailqa.report.console import as_ascii
from tailqa.report.escape import one_line, visible
from tailqa.report.format import NONE, PERCENT

_EXAMPLE_CHARACTERS = 600


def render_suite(suite: Suite, strata: Sequence[StratumSummary], *, width: int = 100) -> str:
    """Counts, weights, prompt lengths (p50 and p95) and examples, as plain text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    unit = "tokens" if any(stratum.tokens for stratum in strata) else "words"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("stratum")
    for name in ("kind", "tier"):
        table.add_column(name)
    for name in ("queries", "traffic, %", f"prompt {unit}\np50", "p95", "most"):
        table.add_column(name, justify="right")
    for stratum in strata:
        lengths = stratum.tokens or stratum.words
        table.add_row(
            one_line(stratum.name),
            stratum.kind,
            stratum.tier,
            f"{stratum.n:,}",
            f"{100 * stratum.weight:.1f}",
            *_row(lengths),
        )
    console = Console(file=StringIO(), width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    head = f"{suite.name} {suite.version}, {suite.task}, digest {suite.digest[:12]}\n{suite.source}"
    lines = [line.rstrip() for line in capture.get().splitlines()]
    examples = [
        f"--- {stratum.name}\n" + "\n\n".join(_example(query) for query in stratum.examples)
        for stratum in strata
    ]
    return visible("\n".join([head, "", *lines, "", *examples]))


def render_plan(strata: Sequence[PlannedStratum], *, width: int = 100) -> str:
    """Queries there and needed per stratum, as plain text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("stratum")
    table.add_column("tier")
    for name in ("margin,\npoints", "queries", "needed", "missing"):
        table.add_column(name, justify="right")
    for stratum in strata:
        missing = max(0, (stratum.needed or 0) - stratum.n)
        table.add_row(
            one_line(stratum.name),
            stratum.tier,
            NONE if stratum.margin is None else PERCENT.number(stratum.margin),
            f"{stratum.n:,}",
            NONE if stratum.needed is None else f"{stratum.needed:,}",
            f"{missing:,}" if missing else "",
        )
    console = Console(file=StringIO(), width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return as_ascii("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _row(lengths: Lengths) -> tuple[str, str, str]:
    return (f"{lengths.p50:,}", f"{lengths.p95:,}", f"{lengths.most:,}")


def _example(query: Query) -> str:
    if isinstance(query.prompt, str):
        prompt = query.prompt
    else:
        prompt = "\n".join(f"[{turn.role}] {turn.content}" for turn in query.prompt)
    if len(prompt) > _EXAMPLE_CHARACTERS:
        cut = len(prompt) - _EXAMPLE_CHARACTERS
        prompt = f"(… {cut:,} characters before)\n{prompt[-_EXAMPLE_CHARACTERS:]}"
    choices = f"\nchoices: {' | '.join(query.choices)}" if query.choices else ""
    return f"{query.id}: {prompt}{choices}\n=> {' | '.join(query.references)}"
