"""From a suite file to a Suite, or to all of its faults at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tailqa.core.query import GraderSpec, Query, Suite
from tailqa.core.words import count_of
from tailqa.files import Document, Faults, read_document, validate_all
from tailqa.suite.build import make_suite, unique
from tailqa.suite.checks import check
from tailqa.suite.graders import GraderFaults, check_grader
from tailqa.suite.mend import Mended, in_long_form
from tailqa.suite.plan import Item, query_plan, shot_plan
from tailqa.suite.readable import NO_SOURCE, readable
from tailqa.suite.rows import read_items
from tailqa.suite.schema import SuiteFile
from tailqa.suite.shots import Shots, make_shots
from tailqa.suite.sources import few_shot_table, main_table
from tailqa.suite.strata import assign, weigh

NO_SOURCES: Mapping[str, str | Path] = MappingProxyType({})


def _unchecked(_spec: GraderSpec, _queries: Sequence[Query]) -> Sequence[str]:
    return ()


def load_suite(
    path: str | Path,
    *,
    sources: Mapping[str, str | Path] = NO_SOURCES,
    num_fewshot: int | None = None,
    grader_faults: GraderFaults = _unchecked,
) -> Suite:
    """Reads the suite file at `path` and the rows it names, and checks both.

    `sources` gives files that take the place of a split of the suite's source; the key "" stands
    for the split that becomes the queries. `num_fewshot` overrides the number of worked examples.
    `grader_faults` knows the graders.

    Raises InputError with every fault of the file, of its rows and of its grader; that a dataset
    of the hub cannot be loaded is one.

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
    document, mended, suite = _suite_file(Path(path), faults)
    if mended.sure(("prompt",)):
        suite = _with_shots(suite, document, num_fewshot, faults)
    given = {split: Path(file) for split, file in sources.items()}
    unusable = check(suite, document, given, faults, mended)
    suite = readable(suite, mended, unusable)
    table = main_table(suite, document, given, faults)
    items = unique(suite, read_items(table, query_plan(suite), suite, faults), table.name, faults)
    assigned: list[int | None] = []
    weights: list[float] = []
    if items:
        assigned = assign(suite, items, file=table.name, document=document, faults=faults)
        weights = weigh(suite, items, assigned, file=table.name, document=document, faults=faults)
    check_grader(
        suite,
        items,
        file=table.name,
        document=document,
        mended=mended,
        grader_faults=grader_faults,
        faults=faults,
    )
    shots = _shots(suite, items, document, given, faults)
    faults.check()
    return make_suite(suite, items, assigned, weights, shots=shots, source=table.title)


def _suite_file(path: Path, faults: Faults) -> tuple[Document, Mended, SuiteFile]:
    document = read_document(path, faults)
    if document is not None and isinstance(document.data, dict):
        mended = Mended(data=in_long_form(document.data))
        suite = validate_all(document, mended.data, SuiteFile, faults, mended.mend)
        if suite is not None:
            return document, mended, suite
    elif document is not None:
        faults.add(document.file, "must be keys with values, as in name: my-name", line=1)
    faults.check()
    raise ValueError("a suite file that cannot be read has faults")


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
    suite: SuiteFile,
    items: Sequence[Item],
    document: Document,
    sources: Mapping[str, Path],
    faults: Faults,
) -> Shots | None:
    spec = suite.prompt.few_shot
    if spec is None or spec.k == 0:
        return None
    n_faults = len(faults)
    table = few_shot_table(suite, spec, document, sources, faults)
    plan = shot_plan(suite, spec)
    # The first rows will do, with one to spare for the query itself.
    limit = spec.k + 1 if spec.draw == "fixed" and spec.seed is None else None
    shots = make_shots(spec, read_items(table, plan, suite, faults, limit))
    is_read = all(name in suite.fields for name in plan.names) and NO_SOURCE not in (
        spec.source,
        suite.source if spec.source is None else None,
    )
    if is_read and len(faults) == n_faults and shots.short_of(items):
        rows, n_there = count_of(spec.k, "row", "rows"), len(shots.pool)
        there = "there is 1" if n_there == 1 else f"there are {n_there}"
        rule = f"few_shot needs {rows} besides the query; {there}"
        faults.add(document.file, rule, line=document.line(("prompt", "few_shot")), key="few_shot")
    return shots
