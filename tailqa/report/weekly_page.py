"""weekly.html and weekly.md: what moved, since when, and whether it was model or harness."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.weekly import Weekly
from tailqa.report import weekly_frame as frames
from tailqa.report import weekly_rows as rows
from tailqa.report import weekly_words as words
from tailqa.report.files import write_atomic
from tailqa.report.html import asset, environment, source_hash
from tailqa.report.weekly_alarms import alarm_words, scope_words
from tailqa.report.weekly_chart import accuracy_panels, accuracy_start
from tailqa.report.weekly_costs import cost_groups
from tailqa.report.weekly_evidence import evidence_panels
from tailqa.report.weekly_markdown import render_weekly_markdown
from tailqa.report.weekly_queries import embed_changed, strata_of
from tailqa.report.weekly_scopes import alarms_first, last_run, last_run_words, scopes_of

_WHOLE = re.compile(r"\d{4}-\d\d-\d\d|\[[\d.,+−]+, [\d.,+−]+\]|[+−][\d.,]+ points|n = [\d,]+")
WEEKLY_PAGE = "weekly.html"
WEEKLY_SUMMARY = "weekly.md"

if TYPE_CHECKING:
    from markupsafe import Markup


def render_weekly_page(weekly: Weekly) -> str:
    """The page as one file; the same bytes for the same report.

    Nothing that a model or a suite wrote becomes markup, and a Content-Security-Policy forbids
    every request and every script but the page's own.
    """
    frame = frames.frame_of(weekly.weeks)
    scopes = scopes_of(weekly)
    cost_panels, groups = cost_groups(weekly, frame, scopes)
    style = asset("page.css") + asset("weekly.css")
    script = asset("queries.js") + asset("weekly.js")
    return (
        environment()
        .get_template("weekly.html.j2")
        .render(
            weekly=weekly,
            frame=frame,
            drawing=frames,
            headline=words.headline(weekly),
            dated=dated,
            moment=words.moment,
            state=words.state_words(weekly),
            state_class=words.state_class(weekly),
            last_words=last_run_words(weekly),
            rate=words.rate_words(weekly),
            null=words.null_words(weekly),
            reused=words.reused_words(weekly),
            alarms=alarms_first(weekly),
            alarm_words=alarm_words,
            scope_words=scope_words,
            last=last_run(weekly),
            panels=accuracy_panels(weekly, frame, scopes),
            starts=accuracy_start(weekly.weeks),
            cost_panels=cost_panels,
            cost_groups=groups,
            evidence_panels=evidence_panels(weekly, frame),
            comparisons=rows.comparison_tables(weekly),
            bar_width=rows.BAR_WIDTH,
            facet_rows=rows.facet_rows(weekly),
            causes=words.CAUSES,
            cause_means=words.CAUSE_MEANS,
            week_rows=rows.week_rows(weekly),
            flaky=rows.flaky_rows(weekly.flaky),
            n_changed=words.n_changed(weekly),
            directions=words.DIRECTIONS,
            changed_strata=strata_of(weekly),
            embedded=embed_changed(weekly),
            style=style,
            script=script,
            style_hash=source_hash(style),
            script_hash=source_hash(script),
        )
    )


def dated(text: str) -> "Markup":
    """`text` for HTML, escaped, with its dates and intervals kept on one line.

    >>> str(dated("<b> since 2026-11-02"))
    '&lt;b&gt; since <span class="whole">2026-11-02</span>'
    """
    from markupsafe import Markup, escape

    return Markup(_WHOLE.sub(r'<span class="whole">\g<0></span>', str(escape(text))))  # noqa: S704


def write_weekly(weekly: Weekly, folder: Path) -> tuple[Path, Path]:
    """Writes weekly.html and weekly.md into `folder`, each whole or not at all.

    Returns their paths; raises ResultError where the folder is not writable or the disk is full.
    """
    page, summary = folder / WEEKLY_PAGE, folder / WEEKLY_SUMMARY
    page_text, summary_text = render_weekly_page(weekly), render_weekly_markdown(weekly)
    write_atomic(page, page_text.encode())
    write_atomic(summary, summary_text.encode())
    return page, summary
