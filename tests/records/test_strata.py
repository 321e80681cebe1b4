"""Strata from columns: names, kinds, weights, clusters, and every fault of a rule."""

from collections.abc import Callable
from typing import Any

import pytest

from tailqa.files import Faults
from tailqa.records.recording import Item
from tailqa.records.strata import Parted, StrataRule, part
from tests.records.conftest import item

DOMAINS = ["law", "law", "maths", "poetry"]
STEPS = [2, 3, 3, 8]
Queries = list[tuple[Item, Item]]


def queries(**columns: list[Any]) -> Queries:
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    items = [item(n, fields=row) for n, row in enumerate(rows, 1)]
    return [(one, one) for one in items]


def parted(given: Queries, **rule: Any) -> Parted:
    return part(given, StrataRule(**rule), Faults())


def kinds(found: Parted) -> dict[str, str]:
    return {stratum.name: stratum.kind for stratum in found.strata}


def test_without_a_column_there_is_one_stratum() -> None:
    found = parted(queries(domain=DOMAINS))
    assert [(s.name, s.weight, s.kind, s.tier) for s in found.strata] == [
        ("all", 1.0, "head", "critical")
    ]
    assert found.of_query == ("all",) * 4
    assert found.clusters == (None,) * 4


def test_each_value_is_a_stratum_with_its_share_of_the_queries() -> None:
    found = parted(queries(domain=DOMAINS))
    found = parted(queries(domain=DOMAINS), column="domain", tail=("ma*", "poetry"))
    assert found.of_query == tuple(DOMAINS)
    assert {s.name: s.weight for s in found.strata} == {"law": 0.5, "maths": 0.25, "poetry": 0.25}
    assert kinds(found) == {"law": "head", "maths": "tail", "poetry": "tail"}


def test_values_that_are_numbers_stand_in_their_order() -> None:
    found = parted(queries(steps=[10, 2, "9", 2.0]), column="steps")
    assert [s.name for s in found.strata] == ["2", "9", "10"]
    assert found.of_query == ("10", "2", "9", "2")


@pytest.mark.parametrize(("end", "tail"), [("high", "steps > 3"), ("low", "steps ≤ 2")])
def test_the_outermost_bin_is_the_tail(end: str, tail: str) -> None:
    found = parted(queries(steps=STEPS), column="steps", quantiles=(0.25, 0.75), tail_end=end)
    assert [s.name for s in found.strata] == ["steps ≤ 2", "steps 3", "steps > 3"]
    assert [name for name, kind in kinds(found).items() if kind == "tail"] == [tail]


def test_names_say_the_tail_of_quantiles_too() -> None:
    found = parted(queries(steps=STEPS), column="steps", quantiles=(0.25, 0.75), tail=("*3",))
    assert [s.name for s in found.strata if s.kind == "tail"] == ["steps 3", "steps > 3"]


def test_weights_and_clusters_as_given() -> None:
    shares = {"law": 0.9, "maths": 0.09, "poetry": 0.01}
    found = parted(
        queries(domain=DOMAINS, book=["a", "a", 7, True]),
        column="domain", weights=shares, cluster="book",
    )  # fmt: skip
    assert {s.name: s.weight for s in found.strata} == shares
    assert found.clusters == ("a", "a", "7", "true")


def test_a_value_may_be_nested_and_known_on_one_side_only() -> None:
    bare = item(1)
    deep = item(1, fields={"doc": {"level": 3}})
    assert parted([(bare, deep), (deep, bare)], column="doc.level").of_query == ("3", "3")


FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown column": (
        {"column": "topic"},
        ["a.jsonl: topic: has no column of this name, or nothing in it; there are domain, steps"],
    ),
    "unknown cluster as well": (
        {"column": "topic", "cluster": "book"},
        [
            f"a.jsonl: {name}: has no column of this name, or nothing in it; "
            "there are domain, steps"
            for name in ("book", "topic")
        ],
    ),
    "malformed": (
        {"column": "a..b"},
        ["a.jsonl: a..b: must be names joined by dots, as in choices[0].text"],
    ),
    "no number": (
        {"column": "domain", "quantiles": (0.5,)},
        [
            f"a.jsonl:{n}: domain: must be a number (got {name!r})"
            for n, name in enumerate(DOMAINS, 1)
        ],
    ),
    "quantile": (
        {"column": "steps", "quantiles": (0.5, 1.0)},
        ["--quantiles: must lie strictly between 0 and 1 (got 1.0)"],
    ),
    "no quantile parts it": (
        {"column": "steps", "quantiles": (0.9,)},
        ["a.jsonl: steps: is not parted by these quantiles: they all fall on its greatest value"],
    ),
    "no column at all": (
        {"quantiles": (0.5,), "tail": ("x",)},
        ["--quantiles: needs --stratum", "--tail: needs --stratum"],
    ),
    "tail": (
        {"column": "domain", "tail": ("law", "lore")},
        ["--tail: matches no stratum; there are law, maths, poetry (got 'lore')"],
    ),
    "weights": (
        {"column": "domain", "weights": {"law": 0.5, "lore": 0.4}},
        [
            "--weight: no such stratum; there are law, maths, poetry (got 'lore')",
            "--weight: must name every stratum; there is none for maths, poetry",
            "--weight: must sum to 1 (got 0.9)",
        ],
    ),
    "a weight of nothing": (
        {"column": "domain", "weights": {"law": 0.5, "maths": 0.5, "poetry": 0.0}},
        ["--weight: poetry: must lie in (0, 1] (got 0.0)"],
    ),
    "a weight that is no number": (
        {"column": "domain", "weights": {"law": 0.5, "maths": 0.5, "poetry": float("nan")}},
        ["--weight: poetry: must lie in (0, 1] (got nan)", "--weight: must sum to 1 (got nan)"],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults(case: str, faults: Callable[[Callable[[], object]], list[str]]) -> None:
    rule, messages = FAULTS[case]
    given = queries(domain=DOMAINS, steps=STEPS)
    assert faults(lambda: parted(given, **rule)) == messages


def test_weights_may_miss_1_by_rounding() -> None:
    thirds = dict.fromkeys(["law", "maths", "poetry"], 0.3333333)
    assert parted(queries(domain=DOMAINS), column="domain", weights=thirds).strata
    with pytest.raises(Exception, match="must sum to 1"):
        parted(queries(domain=DOMAINS), column="domain", weights=dict.fromkeys(thirds, 0.33333))


def test_a_query_without_a_value_is_named_by_its_place(
    faults: Callable[[Callable[[], object]], list[str]],
) -> None:
    given = queries(domain=["law", "", None, ["law"]])
    assert faults(lambda: parted(given, column="domain")) == [
        "a.jsonl:2: domain: has no value",
        "a.jsonl:3: domain: has no value",
        "a.jsonl:4: domain: must be a text or a number (got ['law'])",
    ]


def test_sides_that_disagree_about_a_stratum(
    faults: Callable[[Callable[[], object]], list[str]],
) -> None:
    given = [(item(1, fields={"d": "law"}), item(1, fields={"d": "lore"}, place="b.jsonl:9"))]
    assert faults(lambda: parted(given, column="d")) == [
        "a.jsonl:1: d: is another one for the student under the same id (got 'law')"
    ]


def test_a_column_with_a_value_per_query_makes_no_strata(
    faults: Callable[[Callable[[], object]], list[str]],
) -> None:
    given = queries(key=list(range(1_001)))
    (message,) = faults(lambda: parted(given, column="key"))
    assert message == (
        "a.jsonl: key: has 1,001 values, more than strata can be; --quantiles parts numbers"
    )
