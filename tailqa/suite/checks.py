"""What a suite file may not say although every single value in it is right."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from tailqa.files.document import Document, Location
from tailqa.files.faults import Faults
from tailqa.files.validate import shown
from tailqa.suite.mend import Mended
from tailqa.suite.schema import SuiteFile
from tailqa.suite.stand_ins import HOLE
from tailqa.suite.template import compile_template

WEIGHT_TOLERANCE = 1e-6


def check(
    suite: SuiteFile,
    document: Document,
    given: Mapping[str, Path],
    faults: Faults,
    mended: Mended,
) -> frozenset[str]:
    """Notes what does not fit together; returns the fields that are used and cannot be read.

    Nothing is said of what is `mended`: it is a fault already.
    """
    checker = _Checker(suite, document, faults, mended)
    checker.task()
    checker.strata()
    checker.weights()
    checker.sources(given)
    return checker.names()


class _Checker:
    def __init__(
        self, suite: SuiteFile, document: Document, faults: Faults, mended: Mended
    ) -> None:
        self._suite, self._document, self._faults = suite, document, faults
        self._mended = mended

    def _note(self, location: Location, rule: str, value: object = None) -> None:
        if self._mended.sure(location):
            self._note_surely(location, rule, value)

    def _note_surely(self, location: Location, rule: str, value: object = None) -> None:
        line, key = self._document.line(location), shown(location)
        self._faults.add(self._document.file, rule, line=line, key=key, value=value)

    def names(self) -> frozenset[str]:
        defined = self._suite.fields
        uses = [(location, name) for location, name in _uses(self._suite) if name != HOLE]
        for location, name in uses:
            if name not in defined and self._mended.sure(("fields",)):
                known = ", ".join(defined)
                self._note_surely(location, f"unknown field {{{name}}}; fields has {known}")
        faulty = {
            name
            for _, name in uses
            if name not in defined or not self._mended.whole("fields", name)
        }
        return frozenset({*faulty, HOLE})

    def task(self) -> None:
        suite, sure = self._suite, self._mended.sure
        if suite.task == "choose" and suite.choices is None:
            self._note(("task",), "choose needs choices")
        if not sure(("task",)):
            return
        if suite.task == "generate" and suite.choices is not None:
            self._note(("choices",), "only for task: choose")
        if suite.task == "generate" and suite.references.form != "text":
            self._note(("references", "as"), "only for task: choose", suite.references.form)
        if suite.task == "generate" and suite.grader is None:
            self._note(("grader",), "is required for task: generate")

    def strata(self) -> None:
        first: dict[str, int] = {}
        for index, stratum in enumerate(self._suite.strata):
            if stratum.name in first:
                rule = f"duplicate name, first given by strata[{first[stratum.name]}]"
                self._note(("strata", index, "name"), rule, stratum.name)
            first.setdefault(stratum.name, index)

    def weights(self) -> None:
        weights = [stratum.weight for stratum in self._suite.strata]
        given = [weight for weight in weights if weight is not None]
        sure = self._mended.sure(("weights",))
        for index, weight in enumerate(weights):
            at = ("strata", index, "weight")
            if weight is not None and self._suite.weights is not None and sure:
                self._note(at, "must not be given where weights are counted", weight)
            elif weight is not None and not 0 < weight <= 1:
                self._note(at, "must be above 0 and at most 1", weight)
            elif weight is None and self._suite.weights is None and sure:
                self._note(at, "is required, unless weights says how to count it")
        all_given = self._suite.weights is None and sure and len(given) == len(weights)
        if all_given and not math.isclose(sum(given), 1, abs_tol=WEIGHT_TOLERANCE):
            self._note(("strata",), "weights must sum to 1", round(sum(given), 9))

    def sources(self, given: Mapping[str, Path]) -> None:
        source, shots = self._suite.source, self._suite.prompt.few_shot
        split = shots.split if shots and shots.k else None
        local = source.dataset is None
        if split is not None and local and split not in given:
            rule = f"has no split {split} to draw from; give few_shot a source of its own"
            self._note(("prompt", "few_shot", "split"), rule)
        known = [name for name in ("", source.split, split) if name is not None]
        sure = self._mended.whole("source") and self._mended.whole("prompt", "few_shot")
        for name in given if sure else ():
            if name not in known:
                splits = ", ".join(repr(one) for one in known if one) or "none"
                self._faults.add(
                    self._document.file, f"has no split {name!r} for --source; it has {splits}"
                )


def _uses(suite: SuiteFile) -> Iterator[tuple[Location, str]]:
    """Each use of a field, with its place in the file."""
    prompt, shots, choices, weights = (
        suite.prompt,
        suite.prompt.few_shot,
        suite.choices,
        suite.weights,
    )
    for name in dict.fromkeys(compile_template(prompt.template or "").names):
        yield ("prompt", "template"), name
    for index, text in enumerate((choices.texts if choices else None) or ()):
        for name in compile_template(text).names:
            yield ("choices", index), name
    single: list[tuple[Location, str | None]] = [
        (("prompt", "messages"), prompt.messages),
        (("prompt", "few_shot", "answer"), shots.answer if shots else None),
        (("references",), suite.references.field),
        (("choices",), choices.field if choices else None),
        (("id",), suite.id),
        (("cluster",), suite.cluster),
        (("weights", "count"), weights.count if weights else None),
    ]
    for index, stratum in enumerate(suite.strata):
        single += [(("strata", index, "rule"), name) for name in stratum.rule.names]
    for location, used in single:
        if used is not None:
            yield location, used
