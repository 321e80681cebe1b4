"""By what of a suite file with faults its rows can still be read."""

from collections.abc import Set

from tailqa.suite.mend import Mended
from tailqa.suite.schema import Choices, References, Rule, Source, SuiteFile
from tailqa.suite.stand_ins import HOLE

NO_SOURCE = Source.model_construct()
"""Has no rows."""


def readable(suite: SuiteFile, mended: Mended, unusable: Set[str]) -> SuiteFile:
    """The suite without what is faulty; nothing is said of rows for the lack of that.

    `unusable` are the fields that are used and cannot be read.
    """
    fields = {name: spec for name, spec in suite.fields.items() if name not in unusable}
    changes: dict[str, object] = {
        "fields": fields,
        "strata": [
            stratum
            if mended.whole("strata", index, "rule")
            else stratum.model_copy(update={"rule": Rule(field=HOLE, equals="")})
            for index, stratum in enumerate(suite.strata)
        ],
    }
    if not mended.whole("source"):
        changes["source"] = NO_SOURCE
    if not mended.whole("references"):
        changes["references"] = References(field=HOLE)
    if not mended.whole("choices"):
        changes["choices"] = Choices(field=HOLE)
    if suite.id in unusable:
        changes |= {"id": None, "duplicates": "drop"}
    if suite.weights is not None and suite.weights.count in unusable:
        changes["weights"] = None
    shots = suite.prompt.few_shot
    if shots is not None and shots.source and not mended.whole("prompt", "few_shot", "source"):
        shots = shots.model_copy(update={"source": NO_SOURCE})
        changes["prompt"] = suite.prompt.model_copy(update={"few_shot": shots})
    return suite.model_copy(update=changes)
