"""What can be done with a student, side by side: replace the teacher, route, or draft."""

from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.drafting import DraftingResult
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Operations, Option
from tailqa.core.report import Report
from tailqa.core.routing import Routing
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.escape import one_line
from tailqa.report.routing_words import halves_words

Figure = tuple[str, Measured, shown.Unit]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One way of using the student: what it comes to in a sentence, and its figures by name."""

    title: str
    sentence: str
    figures: tuple[Figure, ...]


def choices_of(report: Report) -> list[Choice]:
    """The ways that this report has numbers for."""
    drafting = next((item for item in report.drafting if item.scope == "all"), None)
    return [
        *([replace_choice(report.operations)] if report.operations else []),
        *([route_choice(report.routing)] if report.routing else []),
        *([draft_choice(drafting)] if drafting else []),
    ]


def replace_choice(operations: Operations) -> Choice:
    """The student in the teacher's place, with the retries of the pipeline."""
    ratios = {(item.option, item.figure): item.ratio for item in operations.ratios}
    return Choice(
        title="Replace",
        sentence="The student answers everything, and asks again as the pipeline says. "
        "Ratios are to the teacher alone.",
        figures=(
            ("resolved, %", _of(operations, "student"), shown.PERCENT),
            ("resolved by the teacher, %", _of(operations, "teacher"), shown.PERCENT),
            *(
                (f"{figures.FIGURE_NAMES[figure]}, ratio", ratios["student", figure], shown.RATIO)
                for figure in ("seconds_per_resolved", "tokens_per_resolved", "usd_per_resolved")
                if isinstance(ratios.get(("student", figure)), Estimate)
            ),
        ),
    )


def route_choice(routing: Routing) -> Choice:
    """Some strata to the teacher, as few calls as keep what was aimed for."""
    choice = routing.choice
    teacher = ", ".join(one_line(name) for name in choice.teacher_strata)
    kept = shown.PERCENT.number(routing.limit)
    aim = (
        f"the fewest calls to the teacher that keep {kept} % of its quality"
        if routing.aim == "target quality"
        else f"the best that at most {kept} % of calls to the teacher give"
    )
    who = f"To the teacher: {teacher}" if teacher else "Everything to the student"
    return Choice(
        title="Route",
        sentence=" ".join(
            [
                f"{who}: {aim}, chosen on one half of the queries and told on the other.",
                *halves_words(choice),
            ]
        ),
        figures=(
            ("right answers, %", choice.figures.quality, shown.PERCENT),
            ("of the teacher's quality, %", choice.figures.retained, shown.PERCENT),
            ("calls to the teacher, %", choice.figures.teacher_share, shown.PERCENT),
            ("tokens per query", choice.figures.tokens, shown.TOKENS),
        ),
    )


def draft_choice(drafting: DraftingResult) -> Choice:
    """The student drafts what the teacher verifies: the answers stay the teacher's."""
    best = drafting.best
    length = f", best {best.length:,} tokens ahead" if best else ""
    return Choice(
        title="Draft",
        sentence="The student drafts and the teacher verifies: the answers stay the teacher's"
        f"{length}.",
        figures=(
            ("drafted tokens accepted, %", drafting.acceptance, shown.PERCENT),
            *(
                (
                    ("decoding, times as fast", best.speedup, shown.RATIO),
                    ("pays from an acceptance of, %", best.break_even, shown.PERCENT),
                )
                if best
                else ()
            ),
        ),
    )


def options_side_by_side(choices: Sequence[Choice]) -> list[tuple[str, str, list[tuple[str, ...]]]]:
    """As choices.html.j2 shows it: title, sentence, and figures (name, value, interval, why).

    Empty where there are not at least two to choose from.
    """
    if len(choices) < 2:
        return []
    return [
        (choice.title, choice.sentence, [_shown(f) for f in choice.figures]) for choice in choices
    ]


def _shown(figure: Figure) -> tuple[str, str, str, str]:
    name, measured, unit = figure
    if isinstance(measured, Estimate):
        return name, shown.value(measured, unit), shown.interval(measured, unit), ""
    return name, shown.NONE, "", measured.reason


def _of(operations: Operations, option: Option) -> Measured:
    return figures.figure_of(operations.option(option), "resolved")
