"""Suites by name: the embedded one, a shipped one or a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tailqa import suite as room
from tailqa.core.digest import digest
from tailqa.core.query import GraderSpec, Query, StratumSummary, Suite
from tailqa.demo import suite_file
from tailqa.grade import check_grader
from tailqa.workflows.models import token_counter

EMBEDDED = "demo"
FORMER = "arithmetic"
"""What the embedded suite was called in runs of before, which can still be replayed."""
CODE_GRADER = "evaluate"
"""The one grader that runs code which a suite names."""


def load_suite(
    name: str | Path,
    *,
    sources: Mapping[str, Path] | None = None,
    num_fewshot: int | None = None,
    each_query: bool = False,
) -> Suite:
    """The suite of a file, or of a shipped name such as `popqa`; `demo` is the embedded one.

    `sources` says which file holds a split ("" for the suite's own rows) instead of the suite's
    source; with `each_query` it is a fault that the grader could never grade one. Raises InputError
    with every fault of the suite and its data.

    >>> suite = load_suite("demo")
    >>> suite.name, {stratum.kind for stratum in suite.strata} == {"head", "tail"}
    ('demo', True)
    """
    asked = EMBEDDED if str(name) == FORMER else str(name)
    path = room.find_suite(asked, embedded={EMBEDDED: suite_file()})
    suite = room.load_suite(
        path,
        sources=sources or {},
        num_fewshot=num_fewshot,
        grader_faults=check_grader if each_query else _of_the_options,
    )
    return _with_metric(suite, path.parent)


def _of_the_options(spec: GraderSpec, _queries: Sequence[Query]) -> tuple[str, ...]:
    return check_grader(spec)


def _with_metric(suite: Suite, folder: Path) -> Suite:
    """A local metric is found from the suite's folder, and its code is a part of the digest."""
    metric = suite.grader.options.get("metric")
    if suite.grader.name != CODE_GRADER or not isinstance(metric, str):
        return suite
    place = folder / metric
    if not place.exists():
        return suite
    scripts = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    grader = replace(suite.grader, options={**suite.grader.options, "metric": str(place)})
    code = [script.read_text("utf-8") for script in scripts]
    return replace(suite, grader=grader, digest=digest([suite.digest, code]))


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """A suite that has no fault, and its strata in numbers."""

    suite: Suite
    strata: tuple[StratumSummary, ...]


def inspect_suite(
    name: str | Path,
    *,
    sources: Mapping[str, Path] | None = None,
    num_fewshot: int | None = None,
    tokenizer: str | None = None,
) -> Inspected:
    """The suite with counts, examples and lengths; its grader is checked against its queries.

    `tokenizer` is the model whose tokens are counted. Raises InputError with every fault and
    ModelError when there is no such model.
    """
    suite = load_suite(name, sources=sources, num_fewshot=num_fewshot, each_query=True)
    count_tokens = token_counter(tokenizer) if tokenizer else None
    return Inspected(suite=suite, strata=room.describe(suite, count_tokens=count_tokens))
