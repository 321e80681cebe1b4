"""A verdict as Markdown, for a step summary on GitHub or a comment on a merge request.

Nothing that a person or a model wrote becomes markup, a link or a mention, and no line begins
with it (GitLab takes a line that begins with a slash for a command).
"""

import re
from collections.abc import Sequence

from tailqa.core.report import Report, Requirement, Verdict
from tailqa.report import format as shown
from tailqa.report.escape import one_line
from tailqa.report.gate_rows import (
    MEANING,
    SHORT_DIGEST,
    blocking_first,
    limit_words,
    name_words,
    settling_words,
    tally,
    unit_of,
)

ROWS_BYTES, REASONS_BYTES, ADVISORY_BYTES = 28_000, 20_000, 12_000
"""What each part may take: together less than a comment on GitHub holds (65,536 characters) and
far less than a step summary (1 MiB)."""

_HEADER = (
    "| requirement | tier | measured | limit | outcome | queries to settle it |",
    "|---|---|---|--:|---|--:|",
)
# Markup, and what becomes a mention, a reference or a link without any: a zero-width space ends it.
# An interval stays as it is, to be read in plain mail too: brackets around numbers are no link.
_MARKUP = re.compile(
    r"(?P<interval>\[[−+-]?[\d.,]+, [−+-]?[\d.,]+\](?![(\[:]))"
    r"|[\\`*_\[\]<>|~&$]|(?P<active>@|#|:(?=//)|www(?=\.))",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(r"^(\d*)([-+=.)])")


def render_gate_markdown(report: Report, verdict: Verdict) -> str:
    """The outcome as a heading, then what was required, why, and the advisory part folded away.

    At most 65,536 bytes: rows and reasons that find no room are counted.
    """
    rules = blocking_first(verdict.requirements)
    deciding = [rule for rule in rules if rule.tier != "advisory"]
    advisory = [rule for rule in rules if rule.tier == "advisory"]
    lines = [
        f"## {verdict.outcome.upper()}: {MEANING[verdict.outcome]}",
        "",
        f"{_subject(report)}. {_policy(verdict)}.",
        "",
    ]
    if deciding:
        lines += [*_table(deciding, ROWS_BYTES), ""]
    if verdict.reasons:
        reasons = [bullet(reason) for reason in verdict.reasons]
        lines += [*fitting_lines(reasons, REASONS_BYTES, "- and {n} more"), ""]
    if advisory:
        lines += _folded(advisory)
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """`text` so that it shows as itself in Markdown, in a table too.

    >>> escaped("a|b <b>*x*</b> @all")
    'a&#124;b &#60;b&#62;&#42;x&#42;&#60;/b&#62; @&#8203;all'
    >>> escaped("6.1 points [3.2, 9.0], [3, 9](x)")
    '6.1 points [3.2, 9.0], &#91;3, 9&#93;(x)'
    """

    def shown(match: re.Match[str]) -> str:
        if match["interval"]:
            return match[0]
        return f"{match[0]}&#8203;" if match["active"] else f"&#{ord(match[0])};"

    return _MARKUP.sub(shown, text)


def bullet(text: str) -> str:
    """`text` as an item of a list, whatever it begins with."""
    begun = _LIST_MARK.sub(
        lambda match: f"{match[1]}&#{ord(match[2])};", escaped(one_line(text)).strip()
    )
    return f"- {begun}"


def _subject(report: Report) -> str:
    suite = report.suite
    names = (report.student.name, report.teacher.name, suite.name, suite.version)
    student, teacher, name, version = (escaped(one_line(text, 100)) for text in names)
    return f"The student {student} against its teacher {teacher} on {name} {version}"


def _policy(verdict: Verdict) -> str:
    name = f"Policy {escaped(one_line(verdict.policy, 100))}"
    digest = (verdict.policy_digest or "")[:SHORT_DIGEST]
    named = f"{name}, digest {escaped(one_line(digest))}" if digest else name
    return f"{named}; {tally(verdict)}"


def _table(rules: Sequence[Requirement], most: int) -> list[str]:
    rows = fitting_lines([_row(rule) for rule in rules], most, "| and {n} more | | | | | |")
    return [*_HEADER, *rows]


def _row(rule: Requirement) -> str:
    measured = shown.figure(rule.estimate, unit_of(rule)) if rule.estimate else shown.NONE
    cells = (
        escaped(name_words(rule)),
        rule.tier,
        escaped(one_line(measured)),
        limit_words(rule),
        rule.outcome if rule.outcome == "pass" else f"**{rule.outcome}**",
        settling_words(rule),
    )
    return f"| {' | '.join(cells)} |"


def _folded(rules: Sequence[Requirement]) -> list[str]:
    open_ones = sum(rule.outcome != "pass" for rule in rules)
    title = f"Advisory, does not block: {open_ones} of {len(rules)} did not pass"
    said = [bullet(rule.detail) for rule in rules if rule.outcome != "pass"]
    return [
        "<details>",
        f"<summary>{title}</summary>",
        "",
        *_table(rules, ADVISORY_BYTES // 2),
        "",
        *fitting_lines(said, ADVISORY_BYTES // 2, "- and {n} more"),
        "",
        "</details>",
    ]


def fitting_lines(lines: Sequence[str], most: int, rest: str) -> list[str]:
    """As many `lines` as `most` bytes hold, then how many there are beside them."""
    taken = 0
    for kept, line in enumerate(lines):
        taken += len(line.encode()) + 1
        if taken > most:
            return [*lines[:kept], rest.format(n=shown.count(len(lines) - kept))]
    return list(lines)
