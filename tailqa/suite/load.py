"""From a suite file to a Suite, or to all of its faults at once."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tailqa.core.query import Suite
from tailqa.files import Document, Faults, Location, read_document, validate
from tailqa.suite.build import make_suite, unique
from tailqa.suite.checks import check
from tailqa.suite.plan import query_plan, shot_plan
from tailqa.suite.rows import read_items
from tailqa.suite.schema import SuiteFile
from tailqa.suite.shots import Shots, make_shots
from tailqa.suite.sources import few_shot_table, main_table
from tailqa.suite.strata import assign, weigh

NO_SOURCES: Mapping[str, str | Path] = MappingProxyType({})
_STAND_INS: Mapping[str, object] = {
    "format": 1,
    "name": "unnamed",
    "version": "0",
    "description": "",
    "generation": {},
    "grader": "exact",
    "duplicates": "refuse",
}
"""Values that take the place of faulty ones, so that the rest of the file is checked as well."""
_STRATUM_STAND_INS: Mapping[str | int, str] = {"kind": "tail", "tier": "critical"}


def load_suite(
    path: str | Path,
    *,
    sources: Mapping[str, str | Path] = NO_SOURCES,
    num_fewshot: int | None = None,
) -> Suite:
    """Reads the suite file at `path` and the rows it names, and checks both.

    `sources` gives files that take the place of a split of the suite's source; the key "" stands
    for the split that becomes the queries. `num_fewshot` overrides the number of worked examples.

    Raises InputError with every fault of the file and of its rows, and TailqaError if a dataset
    of the hub cannot be loaded.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "sums.yaml")
    ...     _ = Path(folder, "sums.csv").write_text("q,a,digits\\n1+1,2,1\\n12+30,42,2\\n")
    ...     _ = file.write_text('''
    ... name: sums
    ... version: 1
    ... source: {file: sums.csv}
    ... fields: [q, a, digits]
    ... prompt: {template: "{q}="}
    ... references: a
    ... grader: numeric
    ... weights: rows
    ... strata:
    ...   - {name: short, kind: head, rule: {field: digits, range: [null, 2]}}
    ...   - {name: long, kind: tail, rule: {field: digits, range: [2, null]}}
    ... ''')
    ...     suite = load_suite(file)
    >>> [(query.prompt, query.references, query.stratum) for query in suite.queries]
    [('1+1=', ('2',), 'short'), ('12+30=', ('42',), 'long')]
    """
    faults = Faults()
    document = read_document(Path(path), faults)
    suite = None if document is None else _suite_file(document, faults)
    if document is None or suite is None:
        faults.check()
        raise ValueError("a suite file that cannot be read has faults")
    suite = _with_shots(suite, document, num_fewshot, faults)
    given = {split: Path(file) for split, file in sources.items()}
    unknown = check(suite, document, given, faults)
    table = main_table(suite, document, given, faults)
    items = unique(suite, read_items(table, query_plan(suite), suite, faults), table.name, faults)
    assigned: list[int | None] = []
    weights: list[float] = []
    if items and not any(unknown.intersection(stratum.rule.names) for stratum in suite.strata):
        assigned = assign(suite, items, file=table.name, document=document, faults=faults)
        weights = weigh(suite, items, assigned, file=table.name, document=document, faults=faults)
    n_faults = len(faults)
    shots = _shots(suite, document, given, faults)
    readable = not unknown and len(faults) == n_faults
    if shots is not None and readable and shots.short_of(items):
        rule = f"few_shot needs {shots.spec.k} rows besides the query; there are {len(shots.pool)}"
        faults.add(document.file, rule, line=document.line(("prompt", "few_shot")), key="few_shot")
    faults.check()
    return make_suite(suite, items, assigned, weights, shots=shots, source=table.title)


def _suite_file(document: Document, faults: Faults) -> SuiteFile | None:
    return validate(document, SuiteFile, faults, stand_ins=_STAND_INS, repair=_repair_stratum)


def _repair_stratum(data: dict[str, Any], location: Location) -> None:
    if len(location) == 3 and location[0] == "strata" and location[2] in _STRATUM_STAND_INS:
        _, index, key = location
        data["strata"][index][key] = _STRATUM_STAND_INS[key]


def _with_shots(suite: SuiteFile, document: Document, k: int | None, faults: Faults) -> SuiteFile:
    shots = suite.prompt.few_shot
    if k is None:
        return suite
    if shots is None:
        if k > 0:
            faults.add(document.file, "has no few_shot to draw from", key="num_fewshot", value=k)
        return suite
    prompt = suite.prompt.model_copy(update={"few_shot": shots.model_copy(update={"k": k})})
    return suite.model_copy(update={"prompt": prompt})


def _shots(
    suite: SuiteFile, document: Document, sources: Mapping[str, Path], faults: Faults
) -> Shots | None:
    spec = suite.prompt.few_shot
    if spec is None or spec.k == 0:
        return None
    table = few_shot_table(suite, spec, document, sources, faults)
    # The first rows will do, with one to spare for the query itself.
    limit = spec.k + 1 if spec.draw == "fixed" and spec.seed is None else None
    return make_shots(spec, read_items(table, shot_plan(suite, spec), suite, faults, limit))
