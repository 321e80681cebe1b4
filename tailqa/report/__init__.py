"""A report or a verdict → files, terminal tables and pages; all rounding is done here."""

from tailqa.report.bench_page import write_bench_page
from tailqa.report.bench_result import BENCH, load_bench, render_bench_json, write_bench
from tailqa.report.bench_table import render_bench
from tailqa.report.gate_json import render_gate_json
from tailqa.report.gate_junit import render_junit
from tailqa.report.gate_markdown import render_gate_markdown
from tailqa.report.gate_table import render_gate
from tailqa.report.operations_page import render_operations_page, write_operations_page
from tailqa.report.operations_result import (
    COST,
    load_operations,
    render_operations_json,
    write_operations,
)
from tailqa.report.operations_table import render_operations
from tailqa.report.page import render_page, write_page, write_summary
from tailqa.report.replay_result import (
    load_replay,
    render_replay_json,
    replay_paths,
    write_replay,
)
from tailqa.report.replay_table import render_replay
from tailqa.report.result import (
    load_answers,
    load_report,
    render_json,
    save_answers,
    save_report,
)
from tailqa.report.routing_result import (
    load_routing,
    render_routing_json,
    write_routing,
    write_rule,
)
from tailqa.report.routing_table import render_routing
from tailqa.report.run import load_run, write_run
from tailqa.report.sentences import three_sentences
from tailqa.report.suite_table import render_plan, render_suite
from tailqa.report.table import render_terminal
from tailqa.report.weekly_markdown import render_weekly_markdown
from tailqa.report.weekly_page import render_weekly_page, write_weekly
from tailqa.report.weekly_table import render_weekly

__all__ = [
    "BENCH",
    "COST",
    "load_answers",
    "load_bench",
    "load_operations",
    "load_replay",
    "load_report",
    "load_routing",
    "load_run",
    "render_bench",
    "render_bench_json",
    "render_gate",
    "render_gate_json",
    "render_gate_markdown",
    "render_json",
    "render_junit",
    "render_operations",
    "render_operations_json",
    "render_operations_page",
    "render_page",
    "render_plan",
    "render_replay",
    "render_replay_json",
    "render_routing",
    "render_routing_json",
    "render_suite",
    "render_terminal",
    "render_weekly",
    "render_weekly_markdown",
    "render_weekly_page",
    "replay_paths",
    "save_answers",
    "save_report",
    "three_sentences",
    "write_bench",
    "write_bench_page",
    "write_operations",
    "write_operations_page",
    "write_page",
    "write_replay",
    "write_routing",
    "write_rule",
    "write_run",
    "write_summary",
    "write_weekly",
]
