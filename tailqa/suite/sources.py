"""Where the rows of a suite come from: a file, a dataset of the hub, or generators."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tailqa.core.errors import TailqaError
from tailqa.core.words import count_of
from tailqa.files.document import Document, Location
from tailqa.files.faults import Faults
from tailqa.files.paths import Row
from tailqa.files.tables import Table, open_file
from tailqa.files.validate import shown
from tailqa.suite.schema import FewShot, GeneratorSpec, Source, SuiteFile

ATTEMPTS = 20
"""How many questions a generator may draw for each distinct one."""


def main_table(
    suite: SuiteFile, document: Document, given: Mapping[str, Path], faults: Faults
) -> Table:
    """The rows that become queries; `given` files take the place of the suite's own source."""
    path = given.get("") or given.get(suite.source.split or "")
    if path is not None:
        return open_file(path, faults)
    return _open(suite.source, document, ("source",), "", faults)


def few_shot_table(
    suite: SuiteFile,
    shots: FewShot,
    document: Document,
    given: Mapping[str, Path],
    faults: Faults,
) -> Table:
    """The rows that become worked examples."""
    if shots.source is not None:
        return _open(shots.source, document, ("prompt", "few_shot", "source"), "", faults)
    split = shots.split or ""
    if split in given:
        return open_file(given[split], faults)
    if split == suite.source.split:
        return main_table(suite, document, given, faults)
    source = suite.source.model_copy(update={"split": split})
    return _open(source, document, ("prompt", "few_shot", "split"), f"{split}=", faults)


def _open(
    source: Source, document: Document, location: Location, prefix: str, faults: Faults
) -> Table:
    if source.file is not None:
        return open_file(Path(document.file).parent / source.file, faults)
    if source.dataset is not None:
        try:
            return _dataset(source, prefix)
        except TailqaError as error:
            faults.add(document.file, str(error), line=document.line(location), key=shown(location))
            return Table(name=document.file, title=source.dataset, rows=iter(()))
    rows = _generated(source.reasoning_gym or [], document, location, faults)
    return Table(name=document.file, title="reasoning-gym", rows=rows)


def _dataset(source: Source, prefix: str) -> Table:
    import datasets

    parts = (source.config, f"split {source.split}", source.revision and f"at {source.revision}")
    name = f"{source.dataset} ({', '.join(part for part in parts if part)})"
    try:
        with _quiet():
            data = datasets.load_dataset(
                source.dataset, source.config, split=source.split, revision=source.revision
            )
    except Exception as error:  # the loader raises whatever its many backends raise
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise TailqaError(
            f"the dataset {name} cannot be loaded: {reason}. "
            f"Without a connection, give a local copy of it with --source {prefix}FILE"
        ) from error

    def rows() -> Iterator[tuple[int, Row]]:
        line = 0
        for columns in data.iter(batch_size=1000):
            for values in zip(*columns.values(), strict=True):
                line += 1
                yield line, dict(zip(columns, values, strict=True))

    return Table(name=name, title=name, rows=rows(), columns=tuple(data.column_names))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the loader's bars and retries off the terminal; what matters is in its error."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from huggingface_hub.utils import logging as hub_logging

    shown, verbosity = not are_progress_bars_disabled(), hub_logging.get_verbosity()
    disable_progress_bars()
    hub_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        hub_logging.set_verbosity(verbosity)
        if shown:
            enable_progress_bars()


def _generated(
    specs: list[GeneratorSpec], document: Document, location: Location, faults: Faults
) -> Iterator[tuple[int, Row]]:
    """The rows question, answer, metadata, generator, stratum and id."""
    total = 0
    for index, spec in enumerate(specs):
        at = (*location, "reasoning_gym", index)
        number = 0
        reason = None
        try:
            for number, row in enumerate(_distinct(spec), 1):
                label = "-".join(part for part in (spec.stratum, spec.generator) if part)
                extra = {"generator": spec.generator, "stratum": spec.stratum}
                yield total + number, {**row, **extra, "id": f"{label}-{spec.seed}-{number}"}
        except Exception as error:  # a generator may raise anything for a config it dislikes
            reason = (str(error).splitlines() or [type(error).__name__])[0]
        total += number
        if number < spec.size:
            reason = reason or f"only {number} distinct ones come out of this config"
            questions = count_of(spec.size, "question", "questions")
            rule = f"cannot generate {questions}: {reason}"
            line, key = document.line(at), shown(at)
            faults.add(document.file, rule, line=line, key=key, value=spec.generator)


def _distinct(spec: GeneratorSpec) -> Iterator[Row]:
    import reasoning_gym

    attempts = spec.size * ATTEMPTS
    config = {**spec.config, "seed": spec.seed, "size": attempts}
    drawn = reasoning_gym.create_dataset(spec.generator, **config)
    seen: set[str] = set()
    for at in range(attempts):
        row = drawn[at]
        if row["question"] not in seen:
            seen.add(row["question"])
            yield row
        if len(seen) == spec.size:
            return
