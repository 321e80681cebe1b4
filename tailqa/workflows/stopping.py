"""Asks in blocks until the policy is decided: `compare --until-decided`.

The order within a stratum is random by seed, the tests are e-processes, so the chance of a false
verdict is kept however often one looks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tailqa import stats
from tailqa.core.answer import Answered, Pair, Scored
from tailqa.core.errors import TailqaError
from tailqa.core.query import Kind, Query, Suite
from tailqa.core.report import Outcome, Report, Stopping, StoppingResult
from tailqa.gate import Policy, rules
from tailqa.stats import GapEProcess, RetentionEProcess
from tailqa.suite import shuffled
from tailqa.workflows.gate import tiers
from tailqa.workflows.pooling import pooled_estimates

BLOCK = 32
"""Queries per stratum and round: enough to keep a batch full, few enough to stop soon."""

MOST_POINTS = 200

_FIXED = (
    "Asked until decided: intervals of gaps hold at whatever query one stops; those of accuracies, "
    "retention and flips are made for a fixed number of queries and are somewhat too narrow."
)

Test = GapEProcess | RetentionEProcess
AskBoth = Callable[[Sequence[Query]], Sequence[Pair]]
_LETTER = {(True, True): "b", (True, False): "t", (False, True): "s", (False, False): "n"}


@dataclass(kw_only=True, slots=True)
class Asking:
    """One stratum while it is asked. Without `tests` it gets the first block and no more.

    `waiting` holds its queries in random order; nothing is settled below `least` graded pairs.
    """

    name: str
    kind: Kind
    waiting: list[Query]
    tests: Sequence[Test]
    least: int
    margin: float | None = None
    pairs: list[Pair] = field(default_factory=list)
    outcomes: str = ""

    @property
    def outcome(self) -> Outcome:
        """fail as soon as one test fails, pass when all have passed."""
        verdicts = {test.verdict for test in self.tests}
        if len(self.outcomes) < self.least or not verdicts:
            return "inconclusive"
        if "fail" in verdicts:
            return "fail"
        return "pass" if verdicts == {"pass"} else "inconclusive"

    @property
    def is_open(self) -> bool:
        """Whether more queries could settle it and there are some."""
        return bool(self.tests and self.waiting) and self.outcome == "inconclusive"

    def take(self, n: int) -> list[Query]:
        """The next `n` queries, or as many as there are."""
        taken, self.waiting = self.waiting[:n], self.waiting[n:]
        return taken

    def add(self, pairs: Sequence[Pair]) -> None:
        """More evidence, in the order of asking; failed and ungraded pairs carry none."""
        self.pairs += pairs
        graded = [
            (pair.teacher_grade.correct, pair.student_grade.correct)
            for pair in pairs
            if isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored)
        ]
        self.outcomes += "".join(_LETTER[both] for both in graded)
        for test in self.tests:
            test.extend([teacher for teacher, _ in graded], [student for _, student in graded])


def askings(suite: Suite, policy: Policy, *, seed: int) -> list[Asking]:
    """The strata of a suite before anything is asked, with the tests that the policy wants.

    Raises TailqaError where queries come in clusters, or where the policy stands on something
    that cannot be tested while queries come in.
    """
    if any(query.cluster for query in suite.queries):
        raise TailqaError(
            f"the queries of {suite.name} come in clusters, so one more of a cluster is no fresh "
            "evidence; run it without --until-decided, or with --ignore-clusters if these clusters "
            "are all that the traffic has"
        )
    tests: dict[str, list[Test]] = {stratum.name: [] for stratum in suite.strata}
    margins: dict[str, float] = {}
    for rule in rules(policy, tiers(suite.strata)):
        if rule.tier != "critical" or rule.quantity == "prompts":
            continue
        if rule.stratum is None or rule.quantity not in {"gap", "retention"}:
            raise TailqaError(
                f"the policy {policy.name} stands on {rule.name!r}, which has no test that may be "
                "read while queries come in; make it supporting, or run without --until-decided"
            )
        if rule.quantity == "gap":
            margins[rule.stratum] = -rule.limit
            tests[rule.stratum].append(GapEProcess(-rule.limit, alpha=policy.alpha))
        else:
            tests[rule.stratum].append(RetentionEProcess(rule.limit, alpha=policy.alpha))
    if not any(tests.values()):
        raise TailqaError(f"the policy {policy.name} has no critical stratum to decide")
    waiting = shuffled(suite, seed=seed)
    return [
        Asking(
            name=stratum.name,
            kind=stratum.kind,
            waiting=list(waiting[stratum.name]),
            tests=tests[stratum.name],
            least=policy.of(stratum.name).min_queries,
            margin=margins.get(stratum.name),
        )
        for stratum in suite.strata
    ]


def at_any_time(report: Report, stopped: Stopping) -> Report:
    """The report with gaps whose intervals hold whenever one stops.

    Over several strata they are put together by MOVER. Tests for a fixed number of queries are
    left out.
    """
    outcomes = {item.name: item.outcomes for item in stopped.strata}
    strata = tuple(
        replace(
            result,
            gap=stats.gap_confidence_sequence(
                [letter in "bt" for letter in outcomes[result.name]],
                [letter in "bs" for letter in outcomes[result.name]],
            ),
            mcnemar_p=None,
            adjusted_p=None,
        )
        for result in report.strata
    )
    head, tail = ([r for r in strata if r.kind == kind] for kind in ("head", "tail"))
    interaction = report.interaction
    if head and tail:
        interaction = stats.tail_interaction(pooled_estimates(head), pooled_estimates(tail))
    return replace(
        report,
        strata=strata,
        overall=replace(report.overall, gap=pooled_estimates(strata)),
        interaction=interaction,
        stopping=stopped,
        findings=(*report.findings, _FIXED),
    )


def ask_until_decided(strata: Sequence[Asking], ask: AskBoth, *, block: int = BLOCK) -> None:
    """Asks in rounds until one stratum has failed, all have passed, or nothing is left to ask.

    Every stratum gets a first block. After that a settled stratum gets no more, and what it would
    have had goes to the tail strata that are open.
    """
    round_ = {asking.name: max(block, asking.least if asking.tests else 0) for asking in strata}
    n_tested = sum(bool(asking.tests) for asking in strata)
    while round_:
        taken = {asking.name: asking.take(round_.get(asking.name, 0)) for asking in strata}
        pairs = iter(ask([query for queries in taken.values() for query in queries]))
        for asking in strata:
            asking.add([next(pairs) for _ in taken[asking.name]])
        if any(asking.outcome == "fail" for asking in strata):
            return
        round_ = _shares([asking for asking in strata if asking.is_open], n_tested, block)


def _shares(still: Sequence[Asking], n_tested: int, block: int) -> dict[str, int]:
    """How many queries each open stratum gets next; every round asks about as many."""
    favoured = [asking for asking in still if asking.kind == "tail"] or list(still)
    shares = {asking.name: block for asking in still}
    for asking in favoured:
        shares[asking.name] += block * (n_tested - len(still)) // len(favoured)
    return shares


def stopping(strata: Sequence[Asking], *, block: int = BLOCK) -> Stopping:
    """What was asked and saved, with the path of the evidence."""
    tokens = [list(_tokens(asking.pairs)) for asking in strata]
    return Stopping(
        block=block,
        n_available=sum(len(asking.pairs) + len(asking.waiting) for asking in strata),
        n_asked=sum(len(asking.pairs) for asking in strata),
        asked_tokens=sum(map(sum, tokens)),
        saved_tokens=stats.stratified_total(tokens, [len(asking.waiting) for asking in strata]),
        strata=tuple(_result(asking) for asking in strata),
    )


def _result(asking: Asking) -> StoppingResult:
    test = next((test for test in asking.tests if isinstance(test, GapEProcess)), None)
    return StoppingResult(
        name=asking.name,
        n_available=len(asking.pairs) + len(asking.waiting),
        n_asked=len(asking.pairs),
        outcome=asking.outcome,
        outcomes=asking.outcomes,
        margin=asking.margin,
        threshold=test.threshold if test else None,
        path=tuple(_thinned(test)) if test else (),
    )


def _thinned(test: GapEProcess) -> Iterator[tuple[int, float, float]]:
    path = test.path
    step = max(1, -(-len(path) // MOST_POINTS))
    for index in sorted({*range(step - 1, len(path), step), len(path) - 1} - {-1}):
        passing, failing = path[index]
        yield index + 1, float(passing), float(failing)


def _tokens(pairs: Sequence[Pair]) -> Iterator[int]:
    """Prompt and answer of both models, per query that both answered."""
    for pair in pairs:
        if isinstance(pair.teacher, Answered) and isinstance(pair.student, Answered):
            attempts = (*pair.teacher.attempts, *pair.student.attempts)
            yield sum((a.prompt_tokens or 0) + (a.completion_tokens or 0) for a in attempts)
