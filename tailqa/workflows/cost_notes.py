"""Why some of a report of costs is missing."""

from collections.abc import Mapping

from tailqa.core.estimate import TooFew
from tailqa.core.operations import Figure, Option
from tailqa.cost.money import usd_has_formula
from tailqa.cost.offered import Setting
from tailqa.cost.schema import Pipeline


def paid_words(
    pipeline: Pipeline,
    settings: Mapping[Option, Setting],
    unknown: Mapping[Option, Mapping[Figure, TooFew]],
) -> tuple[str, ...]:
    """Why money has one break-even alone, where servers are paid by the hour in a closed loop."""
    known = all("usd_per_resolved" not in unknown[option] for option in settings)
    hourly = any(
        not setting.timed and not usd_has_formula(pipeline, setting)
        for setting in settings.values()
    )
    if not (known and hourly):
        return ()
    return (
        "Servers are paid by the hour in a closed loop, so what a query has of an hour depends on "
        "how many are answered in it: of money there is no break-even but that of the tail share",
    )
