"""The grader of a suite file against its options and its queries."""

from collections.abc import Callable, Sequence

from tailqa.core.query import GraderSpec, Query
from tailqa.files.document import Document
from tailqa.files.faults import Faults
from tailqa.suite.build import grader_spec, make_query
from tailqa.suite.mend import Mended
from tailqa.suite.plan import Item
from tailqa.suite.schema import SuiteFile

GraderFaults = Callable[[GraderSpec, Sequence[Query]], Sequence[str]]
"""Every fault of a grader's name and options, and of queries that it could never grade."""


def check_grader(
    suite: SuiteFile,
    items: Sequence[Item],
    *,
    file: str,
    document: Document,
    mended: Mended,
    grader_faults: GraderFaults,
    faults: Faults,
) -> None:
    """Notes the grader's faults at its place, and those of queries at their rows in `file`."""
    asks_for_one = suite.grader is None and suite.task == "generate"
    if asks_for_one or not mended.whole("grader") or not mended.sure(("task",)):
        return
    spec = grader_spec(suite)
    found = grader_faults(spec, ())
    for rule in found:
        faults.add(document.file, rule, line=document.line(("grader",)), key="grader")
    if found:
        return
    for item in items:
        read = item.question is not None and item.references
        if read and bool(item.choices) == (suite.task == "choose"):
            for rule in grader_faults(spec, (make_query(suite, item),)):
                kind = f"cannot be graded by {spec.name}"
                faults.add(file, rule, line=item.line, key="grader", kind=kind)
