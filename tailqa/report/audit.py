"""What the audit found, in words."""

from tailqa.core.report import AuditFinding
from tailqa.report.format import PERCENT, count

COUNTED = "Counts of queries, not estimates: they have no interval."


def audit_count(finding: AuditFinding) -> str:
    """How many of the queries that were looked at show it.

    >>> audit_count(AuditFinding(kind="bos", side=None, n=3, of=1200, message="", examples=()))
    '3 of 1,200 queries (0.3 %)'
    """
    share = PERCENT.number(finding.n / finding.of)
    return f"{count(finding.n)} of {count(finding.of)} queries ({share} %)"


def audit_title(finding: AuditFinding) -> str:
    """The kind of finding and whose it is, as policies name them.

    >>> audit_title(AuditFinding(kind="bos", side="student", n=1, of=1, message="", examples=()))
    'bos, student'
    """
    return finding.kind if finding.side is None else f"{finding.kind}, {finding.side}"
