"""What is replayed: a pipeline, the halves of a suite, who asks and what the rules are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tailqa.core.digest import digest
from tailqa.core.errors import Fault, InputError, TailqaError
from tailqa.core.operations import Option
from tailqa.core.query import Query, Suite
from tailqa.core.report import Run
from tailqa.cost.arrivals import Closed
from tailqa.cost.assemble import rules_of
from tailqa.cost.line import Rules, Times
from tailqa.cost.population import Population
from tailqa.cost.schema import Pipeline
from tailqa.workflows.halves import Halves, halves
from tailqa.workflows.replay_run import Known, ReplayOptions, known_of
from tailqa.workflows.tried import tried_population

SOME_CLIENTS = 4
"""Clients where the pipeline has no closed loop and nobody says how many."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One replay, before anything is asked; `set_up` makes it."""

    run: Run
    pipeline: Pipeline
    suite: Suite
    options: ReplayOptions
    known: Known
    halves: Halves
    seed: int
    chosen: tuple[Option, ...]

    @property
    def clients(self) -> int:
        """Those asked for, else those of the pipeline's closed loop."""
        arrivals = self.pipeline.arrivals
        in_file = arrivals.clients if isinstance(arrivals, Closed) else SOME_CLIENTS
        return self.options.clients or in_file

    @property
    def think(self) -> Times:
        """How long a client waits before it asks again."""
        arrivals = self.pipeline.arrivals
        if isinstance(arrivals, Closed):
            return arrivals.think.times()
        return Times(kind="constant")

    def rules(self, option: Option) -> Rules:
        """The pipeline's. What a retry adds, and what that is worth, is not assumed here."""
        return replace(rules_of(self.pipeline, option), lift=0.0, added_prompt_tokens=0.0)

    def fit_queries(self) -> list[Query]:
        """The queries of the fit half, in the order of the suite."""
        return [query for query in self.known.queries if query.id in self.halves.fit]

    def people(self) -> Population:
        """The fit half as the cost model takes it. Raises TailqaError as `tried_population`."""
        return self._tried(self.halves.fit)

    def held_out_people(self) -> Population:
        """The same of the held-out half, which no prediction may see."""
        return self._tried(self.halves.held_out)

    def held_out_units(self) -> list[int]:
        """Per stratum the clusters (or queries) of the held-out half."""
        people = self.held_out_people()
        strata = range(len(people.strata))
        return [len(set(people.unit[people.stratum == stratum])) for stratum in strata]

    def _tried(self, half: frozenset[str]) -> Population:
        answers = tuple(row for row in self.run.answers if row.query_id in half)
        return tried_population(replace(self.run, answers=answers))

    def drawn(self, half: frozenset[str], n: int, words: str) -> list[Query]:
        """`n` queries of a half by traffic, with replacement; other words, other queries."""
        import numpy as np

        rng = np.random.default_rng([self.seed, int(digest(words)[:8], 16)])
        rows: list[Sequence[Query]] = [
            [q for q in self.known.queries if q.id in half and q.stratum == stratum.name]
            for stratum in self.suite.strata
        ]
        weights = np.array([stratum.weight for stratum in self.suite.strata])
        picked = rng.choice(len(rows), size=n, p=weights / weights.sum())
        return [rows[place][rng.integers(len(rows[place]))] for place in picked]


def set_up(run: Run, pipeline: Pipeline, suite: Suite, options: ReplayOptions) -> Setup:
    """Splits the suite in halves. Raises TailqaError where run, pipeline and options do not fit."""
    chosen = options.options or pipeline.options
    if unknown := [option for option in chosen if option not in pipeline.options]:
        rule = f"is null, so there is no option {unknown[0]}"
        raise InputError([Fault(file=pipeline.name, key="policy.escalate", rule=rule)])
    known = known_of(suite, run.answers)
    there = {query.stratum for query in known.queries}
    empty = [stratum.name for stratum in suite.strata if stratum.name not in there]
    if empty:
        raise TailqaError(
            f"no query of {', '.join(empty)} was answered and graded on both sides, so nothing is "
            "known of that part of the traffic"
        )
    seed = run.report.seed if options.seed is None else options.seed
    return Setup(
        run=run,
        pipeline=pipeline,
        suite=suite,
        options=options,
        known=known,
        halves=halves(known.queries, seed=seed),
        seed=seed,
        chosen=tuple(chosen),
    )
