"""Every kind of fault, with its exact message; and all of a file's faults at once."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tailqa.core.errors import InputError, TailqaError
from tailqa.grade import check_grader
from tailqa.suite import load_suite

OTHERS = {name: name for name in ("id", "answer", "group", "size", "uses")}
GENERATE = {"k": 1, "source": {"file": "rows.jsonl"}}


def faults(path: Path, **options: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_suite(path, **options)
    return [str(fault).replace(f"{path.parent}/", "") for fault in caught.value.faults]


SUITE_FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": (
        {"promt": 1},
        ["suite.yaml:12: promt: is not a known key; did you mean prompt?"],
    ),
    "unknown key inside": (
        {"generation": {"max_token": 3}},
        ["suite.yaml:12: generation.max_token: is not a known key; did you mean max_tokens?"],
    ),
    "misspelt": (
        {"prompt": None, "promt": {"template": "{question}"}},
        ["suite.yaml:11: promt: is not a known key; did you mean prompt?"],
    ),
    "required": ({"prompt": None}, ["suite.yaml:1: prompt: is required"]),
    "wrong type": (
        {"generation": {"max_tokens": "many"}},
        ["suite.yaml:12: generation.max_tokens: must be a valid integer (got 'many')"],
    ),
    "future format": ({"format": 2}, ["suite.yaml:12: format: must be 1 (got 2)"]),
    "two sources": (
        {"source": {"file": "rows.jsonl", "dataset": "a/b", "split": "test"}},
        ["suite.yaml:3: source: needs exactly one of file, dataset, reasoning_gym"],
    ),
    "dataset without split": (
        {"source": {"dataset": "a/b"}},
        ["suite.yaml:3: source: needs a split with dataset"],
    ),
    "file with split": (
        {"source": {"file": "rows.jsonl", "split": "test"}},
        ["suite.yaml:3: source: takes config, revision and split only with dataset"],
    ),
    "missing file": (
        {"source": {"file": "none.csv"}},
        ["none.csv: cannot be read: No such file or directory"],
    ),
    "unknown kind of file": (
        {"source": {"file": "rows.xlsx"}},
        ["rows.xlsx: must end in .jsonl, .csv or .parquet"],
    ),
    "bad path": (
        {"fields": {**OTHERS, "question": "a..b"}},
        [
            "suite.yaml:4: fields.question: must be names joined by dots, as in choices[0].text "
            "(got 'a..b')"
        ],
    ),
    "bad regex": (
        {"fields": {**OTHERS, "question": {"path": "question", "pattern": "("}}},
        [
            "suite.yaml:4: fields.question.pattern: must be a regular expression: missing ), "
            "unterminated subpattern at position 0 (got '(')"
        ],
    ),
    "bad template": (
        {"prompt": {"template": "{question"}},
        ["suite.yaml:6: prompt.template: expected '}' before end of string (got '{question')"],
    ),
    "template with code": (
        {"prompt": {"template": "{question!r}"}},
        [
            "suite.yaml:6: prompt.template: {question!r}: only plain {field} names are allowed "
            "(got '{question!r}')"
        ],
    ),
    "template with an unknown field": (
        {"prompt": {"template": "{question} {hint}"}},
        [
            "suite.yaml:6: prompt.template: unknown field {hint}; "
            "fields has id, question, answer, group, size, uses"
        ],
    ),
    "unknown fields elsewhere": (
        {"references": "gold", "cluster": "topic", "id": "key"},
        [
            f"suite.yaml:{line}: {key}: unknown field {{{name}}}; "
            "fields has id, question, answer, group, size, uses"
            for line, key, name in [
                (7, "references", "gold"),
                (5, "id", "key"),
                (12, "cluster", "topic"),
            ]
        ],
    ),
    "choose without choices": ({"task": "choose"}, ["suite.yaml:12: task: choose needs choices"]),
    "choices without choose": (
        {"choices": ["2", "4"]},
        ["suite.yaml:12: choices: only for task: choose"],
    ),
    "no grader": ({"grader": None}, ["suite.yaml:1: grader: is required for task: generate"]),
    "samples that cannot differ": (
        {"generation": {"samples": 3}},
        ["suite.yaml:12: generation: needs a temperature above 0 with samples above 1"],
    ),
    "per-query examples without a seed": (
        {"prompt": {"template": "{question}", "few_shot": {**GENERATE, "draw": "per_query"}}},
        ["suite.yaml:6: prompt.few_shot: needs a seed with draw: per_query"],
    ),
    "too few examples": (
        {"prompt": {"template": "{question}", "few_shot": {**GENERATE, "k": 4}}},
        ["suite.yaml:6: few_shot: few_shot needs 4 rows besides the query; there are 4"],
    ),
    "no such split": (
        {"prompt": {"template": "{question}", "few_shot": {"k": 1, "split": "train"}}},
        [
            "suite.yaml:6: prompt.few_shot.split: has no split train to draw from; "
            "give few_shot a source of its own"
        ],
    ),
    "messages and template": (
        {"prompt": {"template": "{question}", "messages": "question"}},
        ["suite.yaml:6: prompt: needs exactly one of template, messages"],
    ),
    "no strata": (
        {"strata": []},
        ["suite.yaml:9: strata: list should have at least 1 item after validation, not 0"],
    ),
}


@pytest.mark.parametrize("name", SUITE_FAULTS)
def test_faults_of_the_suite_file(name: str, write: Callable[..., Path]) -> None:
    changes, expected = SUITE_FAULTS[name]
    assert faults(write(**changes)) == expected


RULE_FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no measure": ({"equals": 1}, ["needs exactly one of field, rarity"]),
    "two tests": (
        {"field": "size", "equals": 1, "range": [0, 1]},
        ["needs exactly one of equals, in, range, quantile, cumulative"],
    ),
    "rarity needs a span": (
        {"rarity": "question", "equals": 1},
        ["needs range or quantile with rarity"],
    ),
    "upside down": (
        {"field": "size", "range": [3, 2]},
        ["needs a lower bound below its upper bound"],
    ),
    "not a share": ({"field": "size", "quantile": [0, 50]}, ["needs bounds between 0 and 1"]),
}


@pytest.mark.parametrize("name", RULE_FAULTS)
def test_faults_of_a_rule(
    name: str, write: Callable[..., Path], strata: list[dict[str, Any]]
) -> None:
    rule, expected = RULE_FAULTS[name]
    strata[1]["rule"] = rule
    assert faults(write(strata=strata)) == [
        f"suite.yaml:11: strata[1].rule: {text}" for text in expected
    ]


def changed(strata: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [strata[0], {**strata[1], **changes}]


def test_faults_of_weights(write: Callable[..., Path], strata: list[dict[str, Any]]) -> None:
    assert faults(write(strata=changed(strata, weight=0.3))) == [
        "suite.yaml:9: strata: weights must sum to 1 (got 1.05)"
    ]
    assert faults(write(strata=changed(strata, weight=-0.25))) == [
        "suite.yaml:11: strata[1].weight: must be above 0 and at most 1 (got -0.25)",
        "suite.yaml:9: strata: weights must sum to 1 (got 0.5)",
    ]
    del strata[1]["weight"]
    assert faults(write(strata=strata)) == [
        "suite.yaml:11: strata[1].weight: is required, unless weights says how to count it"
    ]
    assert faults(write(strata=strata, weights="rows")) == [
        "suite.yaml:10: strata[0].weight: must not be given where weights are counted (got 0.75)"
    ]


def test_faults_of_strata(write: Callable[..., Path], strata: list[dict[str, Any]]) -> None:
    empty = changed(strata, rule={"field": "group", "equals": "harder"})
    assert faults(write(strata=empty)) == [
        "suite.yaml:11: strata[1]: no query matches (got 'hard')",
        "rows.jsonl:3: strata: matches no stratum (got 'hard')",
        "rows.jsonl:4: strata: matches no stratum (got 'hard')",
    ]
    twice = changed(strata, rule={"field": "group", "in": ["easy", "hard"]})
    assert faults(write(strata=twice)) == [
        "rows.jsonl:1: strata: matches 2 strata: easy, hard (got 'easy')",
        "rows.jsonl:2: strata: matches 2 strata: easy, hard (got 'easy')",
    ]
    same = changed(strata, name="easy")
    assert faults(write(strata=same)) == [
        "suite.yaml:11: strata[1].name: duplicate name, first given by strata[0] (got 'easy')"
    ]


@pytest.mark.parametrize("test", ["range", "quantile", "cumulative"])
def test_a_numeric_rule_needs_numbers(
    test: str, write: Callable[..., Path], strata: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    strata[0]["rule"] = {"field": "size", test: [0, 0.5]}
    strata[1]["rule"] = {"field": "size", test: [0.5, None]}
    rows[2]["size"] = "large"
    assert faults(write(rows, strata=strata))[0] == (
        "rows.jsonl:3: size: must be a number (got 'large')"
    )


def test_cumulative_needs_popularities(
    write: Callable[..., Path], strata: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    for stratum, span in zip(strata, [[0, 0.5], [0.5, 1]], strict=True):
        stratum["rule"] = {"field": "size", "cumulative": span}
    rows[2]["size"] = -1
    assert faults(write(rows, strata=strata)) == [
        "rows.jsonl: size: cumulative needs numbers of at least 0, and one above it"
    ]


def test_frequencies_are_numbers_of_at_least_zero(
    write: Callable[..., Path], strata: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    for stratum in strata:
        del stratum["weight"]
    rows[0]["uses"], rows[1]["uses"], rows[2]["uses"], rows[3]["uses"] = -1, "often", 0, 0
    assert faults(write(rows, strata=strata, weights={"count": "uses"})) == [
        "rows.jsonl:1: uses: must not be negative (got -1.0)",
        "rows.jsonl:2: uses: must be a number (got 'often')",
        "suite.yaml:10: strata[0]: has no traffic: uses is 0 in all its rows (got 'easy')",
        "suite.yaml:11: strata[1]: has no traffic: uses is 0 in all its rows (got 'hard')",
    ]


ROW_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no value": ({"question": None}, "question: has no value at question"),
    "empty reference": ({"answer": " "}, "answer: reference is empty"),
    "no reference": ({"answer": []}, "answer: has no reference"),
    "reference that is no text": ({"answer": {"a": 1}}, "answer: is not a text"),
    "question that is no text": (
        {"question": ["a"]},
        "prompt.template: {question} is a list, not a text; take one item of it, as in path[0]",
    ),
    "half a character": ({"question": "\ud83d"}, "prompt.template: holds half a character "),
    "duplicate id": ({"id": "a"}, "id: duplicate id, first on line 1 (got 'a')"),
}


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_faults_of_a_row(name: str, write: Callable[..., Path], rows: list[dict[str, Any]]) -> None:
    changes, expected = ROW_FAULTS[name]
    rows[2].update(changes)
    (fault,) = faults(write(rows))
    assert fault.startswith(f"rows.jsonl:3: {expected}")


def test_an_empty_prompt(write: Callable[..., Path], rows: list[dict[str, Any]]) -> None:
    rows[2]["question"] = " "
    path = write(rows, prompt={"template": "{question}\n"})
    assert faults(path) == ["rows.jsonl:3: prompt: the prompt is empty"]


def test_the_same_query_twice_without_ids(
    write: Callable[..., Path], rows: list[dict[str, Any]]
) -> None:
    path = write([*rows, rows[0]], id=None)
    assert faults(path) == ["rows.jsonl:5: duplicate prompt and references, first on line 1"]


def test_faults_of_choices(write: Callable[..., Path], rows: list[dict[str, Any]]) -> None:
    wrong = [["2", "2"], ["4", " "], ["391"], ["1", "2"]]
    for row, choices in zip(rows, wrong, strict=True):
        row["choices"] = choices
    fields = ["id", "question", "answer", "group", "choices"]
    path = write(rows, fields=fields, task="choose", choices="choices", grader=None)
    assert faults(path) == [
        "rows.jsonl:1: choices: has a choice twice (got ('2', '2'))",
        "rows.jsonl:2: choices: a choice is empty (got ('4', ' '))",
        "rows.jsonl:3: choices: has fewer than two choices (got ('391',))",
        "rows.jsonl:4: answer: reference is not among the choices (got ('551',))",
    ]


def test_faults_of_data_files(write: Callable[..., Path]) -> None:
    path = write()
    data = path.parent / "rows.jsonl"
    good = data.read_bytes().splitlines(keepends=True)
    data.write_bytes(good[0] + b'{"question": "\xff"}\n{"a":\n[1]\n\n' + b"".join(good[2:]))
    assert faults(path) == [
        "rows.jsonl:2: is not valid UTF-8",
        "rows.jsonl:3: is not valid JSON: Expecting value",
        "rows.jsonl:4: must be a JSON object",
    ]


def test_faults_of_csv(write: Callable[..., Path]) -> None:
    path = write(source={"file": "rows.csv"})
    data = path.parent / "rows.csv"
    data.write_bytes(
        b"id,question,group,size,uses,size\n"
        b'a,"two\nlines",easy,1,1,1\n'
        b"b,\xff,easy,1,1,1\n"
        b"c,1,hard,1\n"
        b'd,"1,hard\n'
    )
    assert faults(path) == [
        "rows.csv:1: size: duplicate column",
        "rows.csv:1: answer: has no column answer",
        "rows.csv:4: is not valid UTF-8",
        "rows.csv:5: has 4 columns where the header has 6",
        "rows.csv:6: is not valid CSV: unexpected end of data",
        "suite.yaml:11: strata[1]: no query matches (got 'hard')",
    ]
    data.write_bytes(b"")
    assert faults(path) == ["rows.csv: has no header"]
    data.write_bytes(b"id,question,answer,group,size,uses\n")
    assert faults(path) == ["rows.csv: has no rows"]


def test_parquet_that_is_none(write: Callable[..., Path]) -> None:
    path = write(source={"file": "rows.parquet"})
    (path.parent / "rows.parquet").write_bytes(b"PAR1 and nothing more")
    (fault,) = faults(path)
    assert fault.startswith("rows.parquet: is not valid Parquet: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "suite.yaml: is empty"),
        ("- 1\n", "suite.yaml:1: must be keys with values, as in name: my-name"),
        ("a: [1\n", "suite.yaml:2: is not valid YAML: expected ',' or ']', but got"),
        ("a: &x 1\nb: *x\n", "suite.yaml:2: is not valid YAML: aliases (*name) are not allowed"),
        ("a: \0\n", "suite.yaml:1: is not valid YAML: special characters are not allowed"),
        ("[" * 5000, "suite.yaml: is not valid YAML: it is nested too deeply"),
        ("a: 1\na: 2\n", "suite.yaml:2: a: duplicate key, first given on line 1"),
        ("a: !!python/name:os.system x\n", "suite.yaml:1: the YAML tag tag:yaml.org,2002:python"),
    ],
)
def test_faults_of_yaml(text: str, expected: str, write: Callable[..., Path]) -> None:
    assert faults(write(text=text))[0].startswith(expected)


def test_a_suite_file_that_is_not_utf8_or_not_there(write: Callable[..., Path]) -> None:
    path = write()
    path.write_bytes(b"name: x\nversion: \xff\n")
    assert faults(path) == ["suite.yaml:2: is not valid UTF-8"]
    path.unlink()
    assert faults(path) == ["suite.yaml: cannot be read: No such file or directory"]


def test_sources_and_examples_that_the_suite_does_not_have(write: Callable[..., Path]) -> None:
    path = write()
    assert faults(path, sources={"train": path.parent / "rows.jsonl"}) == [
        "suite.yaml: has no split 'train' for --source; it has none"
    ]
    assert faults(path, num_fewshot=3) == [
        "suite.yaml: num_fewshot: has no few_shot to draw from (got 3)"
    ]


def test_generators_that_do_not_exist_or_repeat_themselves(write: Callable[..., Path]) -> None:
    few = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}
    generators = [
        {"generator": "no_such", "size": 1, "seed": 1},
        {"generator": "chain_sum", "size": 3, "seed": 1, "config": {"min_terms": 9}},
        {"generator": "chain_sum", "size": 1000, "seed": 1, "config": few},
    ]
    path = write(
        source={"reasoning_gym": generators},
        fields=["question", "answer", "generator"],
        id=None,
        strata=[
            {
                "name": "all",
                "kind": "head",
                "weight": 1,
                "rule": {"field": "generator", "equals": "chain_sum"},
            }
        ],
    )
    assert faults(path) == [
        "suite.yaml:3: source.reasoning_gym[0]: cannot generate 1 question: "
        "Dataset 'no_such' not registered (got 'no_such')",
        "suite.yaml:3: source.reasoning_gym[1]: cannot generate 3 questions: "
        "max_terms must be >= min_terms (got 'chain_sum')",
        "suite.yaml:3: source.reasoning_gym[2]: cannot generate 1,000 questions: "
        "only 200 distinct ones come out of this config (got 'chain_sum')",
    ]


def test_all_faults_of_a_file_and_its_rows_at_once(
    write: Callable[..., Path], strata: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    rows[1]["answer"] = ""
    rows[3]["id"] = "a"
    rows.append({**rows[2], "id": "e", "group": "odd"})
    path = write(
        rows,
        nmae="x",
        version=1.5,
        generation={"max_tokens": 0},
        prompt={"template": "{hint}{question}"},
        strata=[*changed(strata, weight=0.3), {**strata[1], "name": "none", "kind": "middle"}],
    )
    path.write_text(path.read_text() + "version: again\n")
    assert sorted(fault.split(" (got")[0] for fault in faults(path)) == sorted(
        [
            "suite.yaml:15: version: duplicate key, first given on line 2",
            "suite.yaml:13: nmae: is not a known key; did you mean name?",
            "suite.yaml:2: version: must be a valid string",
            "suite.yaml:14: generation.max_tokens: must be greater than or equal to 1",
            "suite.yaml:12: strata[2].kind: must be 'head' or 'tail'",
            "suite.yaml:9: strata: weights must sum to 1",
            "suite.yaml:6: prompt.template: unknown field {hint}; "
            "fields has id, question, answer, group, size, uses",
            "rows.jsonl:2: answer: reference is empty",
            "rows.jsonl:4: id: duplicate id, first on line 1",
            "rows.jsonl:3: strata: matches 2 strata: hard, none",
            "rows.jsonl:5: strata: matches no stratum",
        ]
    )


def test_faults_of_every_kind_come_in_one_round(
    write: Callable[..., Path], strata: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    """Keys, values, what does not fit together, rows, examples and the grader."""
    rows[1]["answer"] = ""
    rows[3]["group"] = "odd"
    strata[0]["rule"]["equls"] = strata[0]["rule"].pop("equals")
    strata[1]["kind"] = "tale"
    path = write(
        rows,
        fields={**OTHERS, "question": "question", "uses": "a..b"},
        cluster="topic",
        generation={"max_tokens": 0, "samples": 3},
        grader={"name": "exact", "options": {"case": False}},
        prompt={
            "template": "{hint}{question}",
            "few_shot": {"k": 2, "source": {"file": "shots.csv"}, "draw": "per_query"},
        },
        strata=[*strata, {**strata[1], "name": "third", "weight": 0.5, "kind": "tail"}],
    )
    (path.parent / "shots.csv").write_text("question,answer\n1+2?,3\n2+1?,\n")
    known = "fields has id, answer, group, size, uses, question"
    assert sorted(faults(path, grader_faults=check_grader)) == sorted(
        [
            "suite.yaml:4: fields.uses: must be names joined by dots, as in choices[0].text "
            "(got 'a..b')",
            "suite.yaml:6: prompt.few_shot: needs a seed with draw: per_query",
            f"suite.yaml:6: prompt.template: unknown field {{hint}}; {known}",
            "suite.yaml:8: grader: `case` is not an option of exact; it takes ignore_articles, "
            "ignore_case, ignore_punctuation, ignore_whitespace",
            "suite.yaml:9: strata: weights must sum to 1 (got 1.5)",
            "suite.yaml:10: strata[0].rule.equls: is not a known key; did you mean equals?",
            "suite.yaml:11: strata[1].kind: must be 'head' or 'tail' (got 'tale')",
            f"suite.yaml:13: cluster: unknown field {{topic}}; {known}",
            "suite.yaml:14: generation.max_tokens: must be greater than or equal to 1 (got 0)",
            "suite.yaml:14: generation: needs a temperature above 0 with samples above 1",
            "rows.jsonl:2: answer: reference is empty",
            "rows.jsonl:3: strata: matches 2 strata: hard, third (got 'hard')",
            "shots.csv:3: answer: reference is empty",
        ]
    )


SINGLE: dict[str, Any] = {
    "description": 3,
    "duplicates": "no",
    "id": "key",
    "cluster": 7,
    "references": {"field": "answer", "as": "word"},
    "prompt": {"template": "{question"},
    "task": "ask",
    "choices": ["one"],
    "generation": {"temperature": -1, "samples": 2},
    "weights": "columns",
    "fields": 5,
    "strata": [],
    "source": {"file": "rows.jsonl", "split": "test"},
    "grader": {"nome": "numeric"},
}


@pytest.mark.parametrize(("first", "second"), [*combinations(SINGLE, 2)])
def test_two_faults_are_what_each_is_alone(
    first: str, second: str, write: Callable[..., Path]
) -> None:
    """None hides another, and none makes one up."""

    def said(**changes: Any) -> set[str]:
        found = faults(write(**changes), grader_faults=check_grader)
        return {fault.split(": ", 1)[1] for fault in found}

    alone = [said(**{key: SINGLE[key]}) for key in (first, second)]
    both = said(**{key: SINGLE[key] for key in (first, second)})
    if "fields" in (first, second):
        alone = [{fault for fault in one if "unknown field" not in fault} for one in alone]
    if "choices" in (first, second) and "task" in (first, second):
        alone = [{fault for fault in one if "only for task" not in fault} for one in alone]
    assert both == alone[0] | alone[1]


def test_faults_of_the_grader_and_of_queries_it_could_never_grade(
    write: Callable[..., Path], rows: list[dict[str, Any]]
) -> None:
    rows[1]["answer"] = "four"
    rows[2]["answer"] = ""
    path = write(rows)
    assert faults(path, grader_faults=check_grader) == [
        "rows.jsonl:3: answer: reference is empty",
        "rows.jsonl:2: grader: no reference of query b holds a number",
    ]
    path = write(rows, grader={"name": "bleu"})
    found = faults(path, grader_faults=check_grader)
    assert found[1].startswith("suite.yaml:8: grader: 'bleu' is not a grader; known are choice, ")


def test_a_dataset_that_cannot_be_loaded_hides_nothing(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    missing = str(tmp_path / "no-such-dataset")
    first, second = faults(write(source={"dataset": missing, "split": "test"}, cluster="topic"))
    assert first.startswith("suite.yaml:12: cluster: unknown field {topic}; ")
    assert second.startswith("suite.yaml:3: source: the dataset no-such-dataset (split test) ")


def test_an_example_besides_the_only_query(
    write: Callable[..., Path], rows: list[dict[str, Any]], strata: list[dict[str, Any]]
) -> None:
    path = write(
        rows[:1],
        prompt={"template": "{question}", "few_shot": GENERATE},
        strata=[{**strata[0], "weight": 1}],
    )
    assert faults(path) == [
        "suite.yaml:6: few_shot: few_shot needs 1 row besides the query; there is 1"
    ]


def test_thousands_of_bad_rows_stay_readable(
    write: Callable[..., Path], rows: list[dict[str, Any]]
) -> None:
    many = [{**rows[0], "id": str(n), "answer": ""} for n in range(3000)]
    found = faults(write([*many, rows[2]]))
    assert len(found) == 21
    assert found[-1] == "rows.jsonl: answer: and 2980 more: reference is empty"


def test_a_dataset_that_cannot_be_loaded_says_what_to_do(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    missing = str(tmp_path / "no-such-dataset")
    path = write(source={"dataset": missing, "split": "test"})
    with pytest.raises(TailqaError) as caught:
        load_suite(path)
    assert str(caught.value).startswith(
        f"{path}:3: source: the dataset {missing} (split test) cannot be loaded: "
    )
    assert str(caught.value).endswith("give a local copy of it with --source FILE")
    shots = {"k": 1, "split": "train"}
    path = write(
        source={"dataset": missing, "split": "test"},
        prompt={"template": "{question}", "few_shot": shots},
    )
    with pytest.raises(TailqaError, match=r"--source train=FILE$"):
        load_suite(path, sources={"": tmp_path / "rows.jsonl"})
