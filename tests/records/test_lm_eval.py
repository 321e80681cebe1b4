"""Real runs of lm-eval 0.4.13 on the embedded pair, and what can be wrong with such files."""

import json
import math
import random
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.errors import InputError
from tailqa.records.lm_eval import read_lm_eval
from tailqa.records.lm_eval_samples import to_item
from tailqa.records.pairing import pair_up
from tailqa.records.strata import StrataRule
from tests.records.damage import is_sound, with_another_value

DATA = Path(__file__).parent / "data" / "lm-eval"
SIDES = ("teacher", "student")
GENERATED = {"tasks": ["arithmetic"], "filter_name": "last-number"}


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(DATA / "teacher", tmp_path / "run"))


def samples(folder, task="arithmetic"):
    (path,) = folder.rglob(f"samples_{task}_2*.jsonl")
    return path


def rewrite(path, change):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows)))


def by_hand(task, kept, metric):
    """Cells by the documents' own ids, which the reader does not look at."""
    right = []
    for side in SIDES:
        rows = map(json.loads, samples(DATA / side, task).read_text().splitlines())
        right.append({r["doc"]["id"]: r[metric] == 1 for r in rows if r["filter"] == kept})
    return Counter((name.split("-0")[0], right[0][name], right[1][name]) for name in right[0])


@pytest.mark.parametrize(
    ("task", "kept", "metric"),
    [
        ("arithmetic", "last-number", "exact_match"),
        ("arithmetic", "strict", "exact_match"),
        ("arithmetic_choice", "none", "acc"),
        ("arithmetic_choice", "none", "acc_norm"),
    ],
)
def test_the_cells_are_those_that_a_hand_count_gives(task, kept, metric):
    read = [
        read_lm_eval(DATA / side, tasks=[task], filter_name=kept, metric=metric) for side in SIDES
    ]
    imported = pair_up(*read, StrataRule(column="stratum", cluster="cluster"))
    found = Counter(
        (p.query.stratum, p.teacher_grade.correct, p.student_grade.correct) for p in imported.pairs
    )
    assert found == by_hand(task, kept, metric)
    assert found.total() == 24
    assert imported.findings == ()
    for recording, side in zip(read, SIDES, strict=True):
        (results,) = (DATA / side).rglob("results_*.json")
        mean = json.loads(results.read_text())["results"][task][f"{metric},{kept}"]
        assert sum(i.score for i in recording.items) / 24 == pytest.approx(mean)


def test_what_was_recorded_is_there():
    recording = read_lm_eval(DATA / "student", **GENERATED)
    assert recording.harness == "lm-eval 0.4.13"
    assert (recording.name, recording.version) == ("arithmetic", "1.0, 0-shot")
    assert (recording.task, recording.metric) == ("generate", "exact_match, last-number")
    assert recording.model.name == "student"
    assert recording.model.n_parameters == 319_968
    assert (recording.model.dtype, recording.model.device) == ("float32", "cpu")
    assert recording.model.engine == "lm-eval hf, transformers 5.23.0"
    first = recording.items[0]
    assert first.prompt == "Q: How much is 39 times 6?\nA:"
    assert (first.text, first.extracted, first.references) == ("39*6=180+54=234", "234", ("234",))
    assert first.fields["n_steps"] == 1
    assert first.fields["task"] == "arithmetic"
    assert first.place == f"{samples(DATA / 'student')}:25"


def test_choices_come_with_their_log_probabilities():
    recording = read_lm_eval(DATA / "teacher", tasks=["*_choice"])
    assert (recording.task, recording.metric) == ("choose", "acc")
    for item in recording.items:
        best = max(range(4), key=item.choice_logprobs.__getitem__)
        assert (item.choices[best] in item.references) == (item.score == 1)
    assert recording.items[0].references == (" 234",)


def test_the_order_of_the_lines_does_not_matter(run):
    rule = StrataRule(column="stratum")
    teacher = read_lm_eval(DATA / "teacher", **GENERATED)
    before = pair_up(teacher, read_lm_eval(run, **GENERATED), rule)
    rewrite(samples(run), lambda rows: random.Random(1).sample(rows, len(rows)))
    after = pair_up(teacher, read_lm_eval(run, **GENERATED), rule)
    assert [p.student_grade for p in after.pairs] == [p.student_grade for p in before.pairs]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "tasks of two kinds; choose some with --task: arithmetic generate, arithmetic_choice"),
        ({"tasks": ["arithmetic"]}, "choose one with --filter; there are arithmetic: strict, last"),
        ({"tasks": ["gsm*"]}, "--task: matches no task; .* has arithmetic, arithmetic_choice"),
        (GENERATED | {"filter_name": "x"}, "--filter: is not there; .* has strict, last-number"),
        (GENERATED | {"metric": "f1"}, "--metric: is not there; arithmetic in .* has exact_match"),
    ],
)
def test_what_is_not_clear_is_asked_for_with_what_there_is(options, said):
    with pytest.raises(InputError, match=said):
        read_lm_eval(DATA / "teacher", **options)


def test_a_line_cut_short_is_named(run):
    path = samples(run)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError) as caught:
        read_lm_eval(run, **GENERATED)
    (fault,) = caught.value.faults
    assert (fault.file, fault.line) == (str(path), 48)
    assert fault.rule.startswith("is not valid JSON")


def test_a_log_cut_between_lines_is_truncated(run):
    rewrite(samples(run), lambda rows: rows[:-3])
    with pytest.raises(InputError, match="has 21 documents where the run had 24: it is truncated"):
        read_lm_eval(run, **GENERATED)


def test_a_document_that_is_there_twice_is_told_apart_and_one_answer_twice_is_refused(run):
    path = samples(run)
    rewrite(path, lambda rows: [*rows, rows[30] | {"doc_id": 90}])
    recording = read_lm_eval(run, **GENERATED)
    assert recording.items[-1].id == recording.items[6].id + "#2"
    assert len(pair_up(recording, recording, StrataRule()).pairs) == 25
    rewrite(path, lambda rows: [*rows, rows[30]])
    recording = read_lm_eval(run, **GENERATED)
    with pytest.raises(InputError, match=r":50: .* is there twice, first at .*:31"):
        pair_up(recording, recording, StrataRule())


def test_of_several_runs_the_newest_is_read(run):
    old = samples(run)
    for path in list(old.parent.iterdir()):
        shutil.copy(path, path.with_name(path.name.replace("2026-11-24", "2026-11-25")))
    rewrite(old, lambda rows: [row | {"exact_match": 0.0} for row in rows])
    recording = read_lm_eval(run, **GENERATED)
    assert sum(item.score for item in recording.items) == 18
    assert recording.notes == ("Of each task in run the newest run was read, and not 1 older.",)


def test_several_models_are_refused():
    with pytest.raises(InputError, match=r"holds several models; name one of .*student, .*teacher"):
        read_lm_eval(DATA, **GENERATED)


def test_several_tasks_are_one_recording_with_the_task_as_a_column(run):
    path = samples(run)
    (results,) = run.rglob("results_*.json")
    text = path.read_text()
    path.with_name(path.name.replace("arithmetic", "sums")).write_text(text)
    data = json.loads(results.read_text())
    for part in ("results", "configs", "versions", "n-shot", "n-samples", "higher_is_better"):
        data[part]["sums"] = data[part]["arithmetic"]
    results.write_text(json.dumps(data))
    tasks = {"tasks": ["arithmetic", "sums"], "filter_name": "last-number"}
    recording = read_lm_eval(run, **tasks)
    assert (recording.name, len(recording.items)) == ("arithmetic, sums", 48)
    strata = pair_up(recording, recording, StrataRule(column="task")).strata
    assert [s.name for s in strata] == ["arithmetic", "sums"]
    data["higher_is_better"]["sums"] = {"exact_match": False}
    results.write_text(json.dumps(data))
    with pytest.raises(InputError, match="of exact_match in sums less is better"):
        read_lm_eval(run, **tasks)


def test_a_folder_without_samples_or_results(run, tmp_path):
    with pytest.raises(InputError, match=r"must be a folder with samples_TASK_DATE\.jsonl"):
        read_lm_eval(tmp_path / "none", **GENERATED)
    (results,) = run.rglob("results_*.json")
    results.write_text(results.read_text()[:1000])
    with pytest.raises(InputError, match=r"results_.*\.json:\d+: is not valid JSON"):
        read_lm_eval(run, **GENERATED)
    results.unlink()
    with pytest.raises(InputError, match=r"samples_.* belongs to a results_.*, which is not there"):
        read_lm_eval(run, **GENERATED)


def test_all_faulty_lines_are_named_at_once(run):
    def broken(rows):
        rows[25]["exact_match"] = 2
        rows[26]["exact_match"] = math.nan
        rows[27]["doc_hash"] = None
        rows[28]["resps"] = 3
        rows[29].pop("exact_match")
        return rows

    rewrite(samples(run), broken)
    with pytest.raises(InputError) as caught:
        read_lm_eval(run, **GENERATED)
    assert [(fault.line, fault.key) for fault in caught.value.faults] == [
        (28, "doc_hash"),
        (26, "exact_match"),
        (27, "exact_match"),
        (29, None),
    ]


def test_a_missing_score_is_ungraded(run):
    def without(rows):
        rows[25].pop("exact_match")
        return rows

    rewrite(samples(run), without)
    item = read_lm_eval(run, **GENERATED).items[1]
    assert (item.score, item.reason) == (None, "lm-eval gave no exact_match")


def choice_row(requests, target):
    return {
        "doc_id": 0,
        "doc": {},
        "target": target,
        "arguments": {
            f"gen_args_{n}": {"arg_0": a, "arg_1": b} for n, (a, b) in enumerate(requests)
        },
        "resps": [[[str(-n), "False"]] for n in range(len(requests))],
        "acc": 1.0,
    }


@pytest.mark.parametrize(
    ("requests", "target", "prompt", "choices", "references"),
    [
        ([("p", " a"), ("p", " b")], "1", "p", (" a", " b"), (" b",)),
        ([("p", " a"), ("p", " b")], "[0, 1]", "p", (" a", " b"), (" a", " b")),
        ([("p", " a"), ("p", " b")], "a", "p", (" a", " b"), (" a",)),
        ([("p", " a"), ("p", " b")], "7", "p", (" a", " b"), ("7",)),
        # acc_mutual_info scores every choice again without a prompt
        ([("p", "a"), ("p", "b"), ("", "a"), ("", "b")], "0", "p", ("a", "b"), ("a",)),
        # Winogrande: the contexts differ
        ([("He", " ran"), ("She", " ran")], "1", "", ("He ran", "She ran"), ("She ran",)),
    ],
)
def test_choices_as_lm_eval_has_them(requests, target, prompt, choices, references):
    row = choice_row(requests, target)
    item = to_item(row, item_id="a", task="t", kind="choose", metric="acc", place="f:1")
    assert (item.prompt, item.choices, item.references) == (prompt, choices, references)
    assert item.choice_logprobs == tuple(-float(n) for n in range(len(choices)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_give_a_recording_or_faults(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(DATA / "teacher", folder)
    path = data.draw(st.sampled_from(sorted(folder.rglob("*.json*"))))
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(at, min(at + 400, len(raw))))
    path.write_bytes(raw[:at] + data.draw(st.binary(max_size=8)) + raw[end:])
    recording = None
    with suppress(InputError):
        recording = read_lm_eval(folder, **GENERATED)
    assert recording is None or len(recording.items) >= 24


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_values_of_other_types_give_a_recording_or_faults(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("typed") / "run"
    shutil.copytree(DATA / "teacher", folder)
    (results,) = folder.rglob("results_*.json")
    if data.draw(st.booleans()):
        results.write_text(json.dumps(with_another_value(data, json.loads(results.read_text()))))
    else:
        rewrite(
            samples(folder),
            lambda rows: [*rows[:30], with_another_value(data, rows[30]), *rows[31:]],
        )
    recording = None
    with suppress(InputError):
        recording = read_lm_eval(folder, **GENERATED)
    assert recording is None or is_sound(recording)
