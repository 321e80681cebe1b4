"""A replay on a terminal: what was predicted, what was seen, and how far apart they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Option
from tailqa.core.replay import Replayed, ReplayedFigure, ReplayedFigureName, ReplayedStage
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report.cells import NARROW, figure_text, fitting, make_table, text
from tailqa.report.console import as_ascii, draw
from tailqa.report.escape import one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

NAMES: dict[ReplayedFigureName, str] = {
    "attempts": "attempts per query",
    "tokens": "tokens per query",
    "resolved": "resolved, %",
    "uncaught": "uncaught, %",
    "given_up": "given up, %",
    "escalated": "escalated, %",
    "mean_s": "mean",
    "p50_s": "p50",
    "p95_s": "p95",
    "p99_s": "p99",
}
OPTION_NAMES: dict[Option, str] = {
    "teacher": "teacher only",
    "student": "student only",
    "escalated": "student, escalated",
}
_SHARES = ("resolved", "uncaught", "given_up", "escalated")
_SIGNED = shown.Unit(symbol="%", scale=100, decimals=1, signed=True)


def render_replay(
    replayed: Replayed, *, width: int | None = None, terminal: bool | None = None
) -> str:
    """The replay as text of at most `width` columns, as `render_terminal` does it."""
    return draw(
        lambda console, ascii_only: _Terminal(replayed, ascii_only).parts(console),
        width=width,
        terminal=terminal,
    )


@dataclass(frozen=True)
class _Terminal:
    replayed: Replayed
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        yield self._heading()
        yield ""
        yield fitting(console, self._figures)
        yield ""
        yield fitting(console, self._stages)
        yield ""
        yield text(self._plain(self._basis()))
        yield from (text(self._plain(f"\nNote: {one_line(note)}"), "dim") for note in self._notes())

    def _plain(self, sentence: str) -> str:
        return as_ascii(sentence) if self.ascii_only else sentence

    def _heading(self) -> "Text":
        from rich.text import Text

        replayed = self.replayed
        return Text.assemble(
            "Replay of ",
            (self._plain(one_line(replayed.name)), "bold"),
            " with student ",
            (self._plain(one_line(replayed.student)), "bold"),
            " and teacher ",
            (self._plain(one_line(replayed.teacher)), "bold"),
            self._plain(
                f" on {one_line(replayed.suite)}: {replayed.clients:,} clients in closed loop"
            ),
        )

    def _figures(self, detail: int) -> "Table":
        table = make_table(detail)
        table.add_column("option", no_wrap=detail != NARROW)
        table.add_column("figure", no_wrap=True)
        for name in ("predicted", "observed", "error,\n%", "in hind-\nsight, %"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("in the\ninterval", no_wrap=True)
        last = None
        for figure in self.replayed.figures:
            if figure.option != "escalated" and figure.figure == "escalated":
                continue
            unit, name = _unit(figure)
            table.add_row(
                text(OPTION_NAMES[figure.option] if figure.option != last else ""),
                text(name),
                _cell(figure.predicted, unit, detail),
                _cell(figure.observed, unit, detail),
                _error(figure.error),
                _error(figure.hindsight_error),
                _inside(figure.inside),
            )
            last = figure.option
        return table

    def _stages(self, detail: int) -> "Table":
        table = make_table(detail)
        table.add_column("option", no_wrap=detail != NARROW)
        table.add_column("stage", no_wrap=True)
        for name in ("busy, %,\npredicted", "observed", "wait, ms,\npredicted", "observed"):
            table.add_column(name, justify="right", no_wrap=True)
        last = None
        for stage in self.replayed.stages:
            table.add_row(
                text(OPTION_NAMES[stage.option] if stage.option != last else ""),
                text(one_line(stage.stage)),
                *self._stage(stage, detail),
            )
            last = stage.option
        return table

    def _stage(self, stage: ReplayedStage, detail: int) -> "Iterator[Text]":
        percent, milliseconds = shown.PERCENT, shown.MILLISECONDS
        yield _cell(stage.predicted, percent, detail)
        yield text(shown.NONE if stage.observed is None else percent.number(stage.observed))
        yield _cell(stage.predicted_wait_s, milliseconds, detail)
        yield text(milliseconds.number(stage.observed_wait_s))

    def _basis(self) -> str:
        replayed = self.replayed
        done = ", ".join(
            f"{option.n_requests:,} ({OPTION_NAMES[option.option]})"
            if option.n_requests == option.n_asked
            else f"{option.n_requests:,} of {option.n_asked:,} ({OPTION_NAMES[option.option]})"
            for option in replayed.options
        )
        queries = count_of(replayed.n_held_out, "query", "queries")
        others = count_of(replayed.n_fit, "other", "others")
        return (
            f"Requests: {done}, from {queries}; predicted from {others}. "
            f"{100 * replayed.level:g} % intervals: of predicted, where such a replay lies; of "
            "observed, of these requests alone. In hindsight: the error of a prediction from the "
            "run's own answers to the queries that were asked; what is gone there is due to the "
            "halves."
        )

    def _notes(self) -> "Iterator[str]":
        replayed = self.replayed
        if replayed.interrupted:
            yield "The replay was interrupted; what was done until then is shown."
        yield _speed(replayed)
        failed = sum(option.failed_attempts for option in replayed.options)
        if failed:
            attempts = count_of(failed, "attempt", "attempts")
            yield f"{attempts} had no answer, or none that could be graded; refused."
        if replayed.lift is not None:
            measured = shown.figure(replayed.lift, shown.PERCENT)
            yield f"Of wrong answers, the added text turned into right ones: {measured}."
        yield from replayed.notes


def _speed(replayed: Replayed) -> str:
    timed = sum(speed.basis.n_timed for speed in replayed.speeds)
    rounds = [ratio for speed in replayed.speeds for ratio in speed.rounds]
    live = [speed.live for speed in replayed.speeds if speed.live is not None]
    answers = count_of(timed, "answer", "answers")
    in_rounds = count_of(replayed.rounds, "round", "rounds")
    return (
        f"The models' speed is that of {answers} in rehearsals of the same pipeline with "
        f"the predicting half, in {in_rounds} between the requests. Of what all of "
        f"them say for the same tokens, single rounds took {_between(rounds)}, the replay itself "
        f"{_between(live)}."
    )


def _between(ratios: Sequence[float]) -> str:
    low, high = f"{100 * min(ratios):.1f}", f"{100 * max(ratios):.1f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def _unit(figure: ReplayedFigure) -> tuple[shown.Unit, str]:
    name = NAMES[figure.figure]
    if figure.figure in _SHARES:
        return shown.PERCENT, name
    if figure.figure.endswith("_s"):
        unit = shown.time_unit(figure.predicted, figure.observed)
        return unit, f"{name}, {unit.symbol}"
    return (shown.RATIO if figure.figure == "attempts" else shown.TOKENS), name


def _cell(measured: Measured | None, unit: shown.Unit, detail: int) -> "Text":
    if isinstance(measured, Estimate) and measured.low == measured.high == 0:
        return text("0")
    return figure_text(measured, unit, stacked=detail == NARROW)


def _error(error: float | None) -> "Text":
    return text(shown.NONE, "dim") if error is None else text(_SIGNED.number(error))


def _inside(inside: bool | None) -> "Text":
    if inside is None:
        return text(shown.NONE, "dim")
    return text("yes", "green") if inside else text("no", "red")
