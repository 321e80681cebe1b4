"""What comes out of a good suite file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailqa.core.query import Generation, GraderSpec, Message, Stratum
from tailqa.suite import load_suite

Rows = list[dict[str, Any]]
Write = Callable[..., Path]
Save = Callable[[Path, Rows], Path]


def test_the_basic_suite(write: Write) -> None:
    suite = load_suite(write(generation={"max_tokens": 9, "stop": "\n"}))
    assert (suite.name, suite.version, suite.source, suite.task) == (
        *("sums", "1", "rows.jsonl", "generate"),
    )
    assert suite.generation == Generation(max_tokens=9, stop=("\n",))
    assert suite.grader == GraderSpec(name="numeric")
    assert suite.strata == (
        Stratum(name="easy", kind="head", weight=0.75, tier="supporting"),
        Stratum(name="hard", kind="tail", weight=0.25, tier="critical"),
    )
    first = suite.queries[0]
    assert (first.id, first.stratum, first.prompt) == ("a", "easy", "Q: 1+1?\nA:")
    assert (first.references, first.choices, first.cluster) == (("2",), (), None)
    assert [query.stratum for query in suite.queries] == ["easy", "easy", "hard", "hard"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_the_kind_of_file_does_not_matter(
    suffix: str, write: Write, save: Save, rows: Rows, tmp_path: Path
) -> None:
    path = write()
    other = save(tmp_path / f"other{suffix}", rows)
    suite, same = load_suite(path), load_suite(path, sources={"": other})
    assert same.queries == suite.queries
    assert same.digest == suite.digest
    assert same.source == f"other{suffix}"


def test_few_shot_is_written_as_lm_eval_writes_it(write: Write, save: Save, tmp_path: Path) -> None:
    shots = [{"question": f"{n}+0?", "answer": str(n)} for n in (7, 8, 9)]
    save(tmp_path / "train.csv", shots)
    few = {"k": 2, "source": {"file": "train.csv"}}
    path = write(prompt={"template": "Q: {question}\nA:", "few_shot": few, "system": "Add."})
    prompt = load_suite(path).queries[0].prompt
    assert prompt == "Add.\n\nQ: 7+0?\nA: 7\n\nQ: 8+0?\nA: 8\n\nQ: 1+1?\nA:"
    assert load_suite(path, num_fewshot=0).queries[0].prompt == "Add.\n\nQ: 1+1?\nA:"
    three = load_suite(path, num_fewshot=3)
    assert three.queries[0].prompt.count("Q:") == 4
    assert three.queries[0].id == "a"


def test_in_a_chat_the_shots_are_turns(write: Write) -> None:
    few = {"k": 1, "source": {"file": "rows.jsonl"}, "answer": "group"}
    prompt = {"style": "chat", "system": "Add.", "template": "{question}", "few_shot": few}
    suite = load_suite(write(prompt=prompt))
    assert suite.queries[1].prompt == (
        Message(role="system", content="Add."),
        Message(role="user", content="1+1?"),
        Message(role="assistant", content="easy"),
        Message(role="user", content="2+2?"),
    )
    own = suite.queries[0].prompt
    assert [turn.content for turn in own if isinstance(turn, Message)][1:3] == ["2+2?", "easy"]


def test_no_query_is_its_own_example(write: Write) -> None:
    rows = [
        {"id": str(n), "question": f"{n}?", "answer": "x", "group": ("easy", "hard")[n % 2]}
        for n in range(30)
    ]
    fields = ["id", "question", "answer", "group"]
    for drawing in ({}, {"seed": 3}, {"draw": "per_query", "seed": 3}):
        few = {"k": 4, "source": {"file": "rows.jsonl"}, **drawing}
        prompt = {"template": "<{question}>", "few_shot": few}
        suite = load_suite(write(rows, fields=fields, prompt=prompt))
        asked = [str(query.prompt).split("<")[1:] for query in suite.queries]
        assert all(len(set(texts)) == len(texts) == 5 for texts in asked)
        distinct = len({tuple(texts[:4]) for texts in asked})
        assert distinct > 20 if "draw" in drawing else distinct <= 6
        again = load_suite(write(rows, fields=fields, prompt=prompt))
        assert again.queries == suite.queries


def test_messages_of_a_row_are_the_prompt(write: Write, rows: Rows) -> None:
    for row in rows:
        row["turns"] = [{"role": "user", "content": row["question"]}]
    fields = ["id", "turns", "answer", "group"]
    suite = load_suite(write(rows, fields=fields, prompt={"style": "chat", "messages": "turns"}))
    assert suite.queries[2].prompt == (Message(role="user", content="17*23?"),)


def choosing(write: Write, rows: Rows, **changes: Any) -> Path:
    for row in rows:
        row["options"] = [row["answer"], "0", "1"]
    fields = ["id", "question", "answer", "group", "options", "right"]
    changes = {"task": "choose", "choices": "options", "grader": None, **changes}
    return write(rows, fields=fields, **changes)


def test_choices_of_a_field_carry_the_delimiter(write: Write, rows: Rows) -> None:
    suite = load_suite(choosing(write, rows))
    assert suite.grader == GraderSpec(name="choice")
    assert suite.queries[0].choices == (" 2", " 0", " 1")
    assert suite.queries[0].references == (" 2",)
    chat = {"style": "chat", "template": "{question}"}
    assert load_suite(choosing(write, rows, prompt=chat)).queries[0].choices == ("2", "0", "1")


@pytest.mark.parametrize(("form", "values"), [("index", [0, "1", 2, 0]), ("letter", list("aBcA"))])
def test_references_may_say_which_choice_it_is(
    form: str, values: list[object], write: Write, rows: Rows
) -> None:
    for row, value in zip(rows, values, strict=True):
        row["right"] = value
    suite = load_suite(choosing(write, rows, references={"field": "right", "as": form}))
    assert [query.references for query in suite.queries] == [(" 2",), (" 0",), (" 1",), (" 551",)]


def test_choices_may_be_templates(write: Write, rows: Rows) -> None:
    path = choosing(write, rows, choices=["{answer}", "none of {options0}"])
    text = path.read_text().replace('"options"', '"options0"')
    for row in rows:
        row["options0"] = "these"
    write(rows)
    path.write_text(text)
    assert load_suite(path).queries[0].choices == (" 2", " none of these")


def test_shots_of_a_choice_end_with_the_right_one(write: Write, rows: Rows) -> None:
    few = {"k": 1, "source": {"file": "rows.jsonl"}}
    prompt = {"template": "{question}", "few_shot": few, "separator": "|"}
    suite = load_suite(choosing(write, rows, prompt=prompt))
    assert suite.queries[1].prompt == "1+1? 2|2+2?"


def test_ids_made_from_the_query_do_not_depend_on_order_or_examples(
    write: Write, rows: Rows
) -> None:
    few = {"k": 2, "source": {"file": "rows.jsonl"}}
    prompt = {"template": "{question}", "few_shot": few}
    suite = load_suite(write(rows, id=None, prompt=prompt))
    fewer = load_suite(write(rows[::-1], id=None, prompt=prompt), num_fewshot=1)
    assert [query.id for query in suite.queries] == [query.id for query in fewer.queries][::-1]
    assert len({query.id for query in suite.queries}) == 4


def test_duplicates_may_be_dropped(write: Write, rows: Rows) -> None:
    suite = load_suite(write([*rows, rows[0]], id=None, duplicates="drop"))
    assert len(suite.queries) == 4


def test_a_row_without_id_gets_one(write: Write, rows: Rows) -> None:
    rows[0]["id"] = None
    first, second, *_ = load_suite(write(rows)).queries
    assert (len(first.id), second.id) == (16, "b")


def test_a_dataset_folder_with_splits(tmp_path: Path, write: Write, save: Save, rows: Rows) -> None:
    folder = tmp_path / "hub"
    (folder / "data").mkdir(parents=True)
    save(folder / "data" / "test-00000-of-00001.parquet", rows)
    shot = {**rows[0], "id": "t", "question": "5+5?", "answer": "10"}
    save(folder / "data" / "train-00000-of-00001.parquet", [shot])
    few = {"k": 1, "split": "train"}
    path = write(
        source={"dataset": str(folder), "split": "test"},
        prompt={"template": "{question}", "few_shot": few},
    )
    suite = load_suite(path)
    assert suite.source == f"{folder} (split test)"
    assert suite.queries[3].prompt == "5+5? 10\n\n19*29?"
    local = load_suite(path, sources={"test": path.parent / "rows.jsonl"})
    assert local.digest == suite.digest
    other = save(tmp_path / "shots.jsonl", [{**shot, "answer": "ten"}])
    swapped = load_suite(path, sources={"train": other})
    assert swapped.queries[3].prompt == "5+5? ten\n\n19*29?"


def test_a_byte_order_mark_and_odd_characters_are_no_problem(write: Write, rows: Rows) -> None:
    rows[0]["question"] = "<b>\x1b[31m\u202e\U0001f600é\u2028?"
    path = write(rows)
    data = path.parent / "rows.jsonl"
    raw = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    data.write_bytes(b"\xef\xbb\xbf" + raw.encode())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert rows[0]["question"] in str(load_suite(path).queries[0].prompt)
