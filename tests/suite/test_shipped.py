"""The suites that ship, on rows of the hub's shape and, where it is there, on the real data."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailqa.core.errors import InputError
from tailqa.suite import describe, find_suite, load_suite, shipped_suites

DATA = Path(__file__).parents[2].parent / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here")
Save = Callable[[Path, list[dict[str, Any]]], Path]


def test_names() -> None:
    assert shipped_suites() == ("commonsense", "gsm8k-steps", "popqa", "reasoning-steps")
    path = find_suite("popqa")
    assert find_suite(path) == find_suite(str(path)) == path


@pytest.mark.parametrize("name", ["pop", "no/such.yaml", "x" * 5000, "suites"])
def test_unknown_names_list_the_known(name: str) -> None:
    with pytest.raises(InputError) as caught:
        find_suite(name)
    assert str(caught.value) == (
        f"{name}: is neither a file nor a shipped suite "
        "(commonsense, gsm8k-steps, popqa, reasoning-steps)"
    )


def test_suites_that_lie_elsewhere_are_shipped_too(tmp_path: Path) -> None:
    embedded = {"demo": tmp_path / "arithmetic.yaml"}
    assert find_suite("demo", embedded=embedded) == tmp_path / "arithmetic.yaml"
    with pytest.raises(InputError, match=r"\(commonsense, demo, gsm8k-steps, popqa, "):
        find_suite("dem", embedded=embedded)


def answer(question: str) -> int:
    """The answer of a reasoning-gym question, worked out anew."""
    if found := re.search(r"problem: (.+) =|Calculate (.+)\.", question):
        return int(eval(found[1] or found[2], {"__builtins__": {}}))  # noqa: S307 - digits and signs
    if found := re.search(r'the letter "(.)" appear in the text: "(.+)"\?', question, re.DOTALL):
        return found[2].lower().count(found[1])
    if found := re.search(r"these numbers: ([\d, ]+)\.", question):
        return math.gcd(*map(int, found[1].split(",")))
    from reasoning_gym.arithmetic.leg_counting import ANIMALS

    animals = re.findall(r"(\d+) ([a-z ]+?)(?=,|\?)", question.split("if you have")[1])
    legs = {**ANIMALS, **{f"{name}s": n for name, n in ANIMALS.items()}}
    return sum(int(number) * legs[name] for number, name in animals)


def test_reasoning_steps_is_the_same_every_time_and_right() -> None:
    suite = load_suite(find_suite("reasoning-steps"))
    assert suite == load_suite(find_suite("reasoning-steps"))
    assert {summary.name: summary.n for summary in describe(suite)} == {
        "shallow": 250,
        "deeper": 250,
        "deep": 250,
    }
    assert len({query.prompt for query in suite.queries}) == 750
    for query in suite.queries:
        *shots, question = str(query.prompt).removesuffix("\nAnswer:").split("\nAnswer: ")
        assert len(shots) == 5
        assert query.references == (str(answer(question.split("\n\n", 1)[1])),)


def test_a_seed_makes_the_questions(tmp_path: Path) -> None:
    text = find_suite("reasoning-steps").read_text()
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("seed: 101,", "seed: 111,"))
    first, second = load_suite(find_suite("reasoning-steps")), load_suite(other)
    assert first.digest != second.digest
    assert first.queries[0].prompt != second.queries[0].prompt
    assert first.queries[100] == second.queries[100]


def test_gsm8k_in_the_shape_of_the_hub(tmp_path: Path, save: Save) -> None:
    def row(n: int, steps: int) -> dict[str, Any]:
        worked = "".join(f"add <<{i}+1={i + 1}>>{i + 1}\n" for i in range(steps))
        return {"question": f"Count {n}?", "answer": f"{worked}#### {n:,} "}

    test = save(tmp_path / "test.parquet", [row(1000 + n, n % 8) for n in range(16)])
    train = save(tmp_path / "train.parquet", [row(n, 1) for n in range(9)])
    suite = load_suite(find_suite("gsm8k-steps"), sources={"test": test, "train": train})
    assert [query.stratum for query in suite.queries[:8]] == [
        *["up to 2 steps"] * 3,
        *("3 steps", "4 steps"),
        *["5 steps and more"] * 3,
    ]
    assert suite.queries[1].references == ("1,001",)
    blocks = str(suite.queries[0].prompt).split("\n\n")
    assert len(blocks) == 6
    assert blocks[0] == "Question: Count 0?\nAnswer: add <<0+1=1>>1\n#### 0 "
    assert blocks[-1] == "Question: Count 1000?\nAnswer:"
    assert [stratum.weight for stratum in suite.strata] == [0.375, 0.125, 0.125, 0.375]


def test_commonsense_in_both_shapes_is_the_same_suite(tmp_path: Path, save: Save) -> None:
    rare = ["quokka", "gazebo", "house", "door", "water", "people", "school", "money", "tree"]
    hub, released = [], []
    for n, word in enumerate(rare):
        texts = [f"{word} {letter}" for letter in "vwxyz"]
        key = {"id": f"id{n}", "answerKey": "ABCDE"[n % 5]}
        stem = f" Where would one look for a {word}? "
        hub.append({**key, "question": stem, "choices": {"label": list("ABCDE"), "text": texts}})
        choices = [
            {"label": label, "text": text} for label, text in zip("ABCDE", texts, strict=True)
        ]
        released.append({**key, "question": {"stem": stem, "choices": choices}})
    suites = [
        load_suite(find_suite("commonsense"), sources={"": file, "train": file})
        for file in (save(tmp_path / "a.parquet", hub), save(tmp_path / "b.jsonl", released))
    ]
    assert suites[0].queries == suites[1].queries
    assert suites[0].digest == suites[1].digest
    suite = suites[0]
    assert suite.queries[0].stratum == suite.queries[1].stratum == "rare wording"
    assert suite.queries[6].choices == (" A", " B", " C", " D", " E")
    assert suite.queries[6].references == (" B",)
    assert str(suite.queries[6].prompt).split("\n\n")[-1] == (
        "Question: Where would one look for a school?\nA. school v\nB. school w\nC. school x\n"
        "D. school y\nE. school z\nAnswer:"
    )
    assert "E. quokka z\nAnswer: A\n\n" in str(suite.queries[6].prompt)


def test_popqa_in_both_shapes_is_the_same_suite(tmp_path: Path, save: Save) -> None:
    rows = [
        {"question": f"Who is {n}?", "s_pop": 2 ** (12 - n), "prop": ("author", "capital")[n % 2]}
        for n in range(12)
    ]
    hub = [{**r, "id": n, "possible_answers": f'["Æ{n}", "B"]'} for n, r in enumerate(rows)]
    local = [{**row, "answers": [f"Æ{n}", "B"]} for n, row in enumerate([*rows, rows[3]])]
    local[-1]["answers"] = ["Æ3", "B"]
    one, other = (
        load_suite(find_suite("popqa"), sources={"test": file})
        for file in (save(tmp_path / "a.csv", hub), save(tmp_path / "b.jsonl", local))
    )
    assert one.queries == other.queries
    assert one.queries[2].references == ("Æ2", "B")
    assert one.queries[2].cluster == "author"
    assert [query.stratum for query in one.queries[:4]] == [
        *("popular", "less popular", "obscure", "obscure")
    ]
    assert str(one.queries[2].prompt).count("Q: ") == 6


@real
@pytest.mark.parametrize(
    ("name", "files", "counts"),
    [
        ("gsm8k-steps", {"": "gsm8k_test", "train": "gsm8k_train_64"}, [440, 364, 290, 225]),
        ("commonsense", {"": "commonsenseqa_dev", "train": "commonsenseqa_train_64"}, None),
        ("popqa", {"": "popqa"}, [37, 111, 2676]),
    ],
)
def test_real_data(name: str, files: dict[str, str], counts: list[int] | None) -> None:
    sources = {split: DATA / f"{file}.jsonl" for split, file in files.items()}
    suite = load_suite(find_suite(name), sources=sources)
    found = [summary.n for summary in describe(suite)]
    assert counts is None or found == counts
    assert sum(stratum.weight for stratum in suite.strata) == pytest.approx(1)
    assert len(found) == len(suite.strata)
    if name == "commonsense":
        assert sum(found) == 1221
        assert min(found) >= 200
