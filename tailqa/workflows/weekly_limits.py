"""What a run must have to count in its week, by the counts that the history keeps of it."""

from dataclasses import dataclass

from tailqa.core.history import KeptRun, KeptStratum
from tailqa.core.words import count_of


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a stratum must have in a week to count there; `max_failed` is a share of queries."""

    min_queries: int = 30
    max_failed: float = 0.05

    def why_missing(self, stratum: KeptStratum | None) -> str | None:
        """Why a stratum does not count; None where it does.

        >>> few = KeptStratum(name="a", kind="tail", tier="critical", weight=1, both=10,
        ...     teacher_only=1, student_only=0, neither=1, failed=0, ungraded=0)
        >>> Limits().why_missing(few)
        '12 graded queries, fewer than 30'
        """
        if stratum is None:
            return "the run does not have this stratum"
        lost = stratum.failed + stratum.ungraded
        asked = stratum.n + lost
        if asked and lost / asked > self.max_failed:
            return (
                f"{lost:,} of {asked:,} queries failed or could not be graded, more than "
                f"{100 * self.max_failed:g} %"
            )
        if stratum.n < self.min_queries:
            graded = count_of(stratum.n, "graded query", "graded queries")
            return f"{graded}, fewer than {self.min_queries:,}"
        return None

    def why_not_counted(self, run: KeptRun) -> str | None:
        """Why a run does not count: its first stratum that does not; None where all do."""
        if not run.strata:
            return "no stratum"
        lacking = self.lacking(run)
        if not lacking:
            return None
        name, reason = next(iter(lacking.items()))
        others = len(lacking) - 1
        more = f" and in {others} more" if others else ""
        return f"{reason}, in {name}{more}"

    def lacking(self, run: KeptRun) -> dict[str, str]:
        """The strata of a run that do not count, and why."""
        reasons = {stratum.name: self.why_missing(stratum) for stratum in run.strata}
        return {name: reason for name, reason in reasons.items() if reason is not None}
