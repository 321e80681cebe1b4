"""Real runs of lighteval 0.13 on the embedded pair, and what can be wrong with such files."""

import json
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tailqa.core.errors import InputError
from tailqa.records.lighteval import read_lighteval
from tailqa.records.pairing import pair_up
from tailqa.records.strata import StrataRule

DATA = Path(__file__).parent / "data" / "lighteval"
SIDES = ("teacher", "student")
GENERATED = {"tasks": ["worded_arithmetic|0"], "metric": "em_suffix"}


def with_bars(folder):
    """The names as lighteval writes them: `|` cannot be in a name everywhere, so data has `=`."""
    for path in list(folder.rglob("details_*")):
        path.rename(path.with_name(path.name.replace("=", "|")))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return with_bars(Path(shutil.copytree(DATA, tmp_path_factory.mktemp("lighteval") / "runs")))


@pytest.fixture
def run(runs, tmp_path):
    return Path(shutil.copytree(runs / "teacher", tmp_path / "run"))


def details(folder, task="worded_arithmetic"):
    (path,) = folder.rglob(f"details_{task}|0_*.parquet")
    return path


def rewrite(path, change):
    rows = parquet.read_table(path).to_pylist()
    parquet.write_table(pyarrow.Table.from_pylist(change(rows)), path)


def by_hand(runs, task, metric):
    """Cells by the text of the question, which the reader does not pair by."""
    sides = []
    for side in SIDES:
        rows = parquet.read_table(details(runs / side, task)).to_pylist()
        sides.append({r["doc"]["query"]: r for r in rows})
    teacher, student = sides
    return Counter(
        (
            teacher[query]["doc"]["specific"]["stratum"],
            teacher[query]["metric"][metric] == 1,
            student[query]["metric"][metric] == 1,
        )
        for query in teacher
    )


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("worded_arithmetic", "em_suffix"),
        ("worded_arithmetic", "em"),
        ("worded_arithmetic_choice", "acc"),
    ],
)
def test_the_cells_are_those_that_a_hand_count_gives(runs, task, metric):
    read = [read_lighteval(runs / side, tasks=[f"{task}|0"], metric=metric) for side in SIDES]
    imported = pair_up(*read, StrataRule(column="stratum", cluster="cluster"))
    found = Counter(
        (p.query.stratum, p.teacher_grade.correct, p.student_grade.correct) for p in imported.pairs
    )
    assert found == by_hand(runs, task, metric)
    assert found.total() == 24
    assert imported.findings == ()
    for recording, side in zip(read, SIDES, strict=True):
        (results,) = (runs / side).rglob("results_*.json")
        mean = json.loads(results.read_text())["results"][f"{task}|0"][metric]
        assert sum(i.score for i in recording.items) / 24 == pytest.approx(mean)


def test_what_was_recorded_is_there(runs):
    recording = read_lighteval(runs / "teacher", **GENERATED)
    assert (recording.harness, recording.name) == ("lighteval", "worded_arithmetic|0")
    assert (recording.version, recording.task) == ("1, 0-shot", "generate")
    assert (recording.model.name, recording.model.dtype) == ("teacher", "float32")
    first = recording.items[0]
    assert first.prompt == "Q: How many weeks do 245 days make?\nA:"
    assert (first.text, first.references) == ("245/7=210/7+35/7=30+5=35", ("35",))
    assert first.fields["n_steps"] == 1
    assert first.place == f"{details(runs / 'teacher')}:1"
    assert first.prompt_tokens is None


def test_choices_come_with_their_log_probabilities(runs):
    recording = read_lighteval(runs / "teacher", tasks=["*_choice|*"])
    assert (recording.task, recording.metric) == ("choose", "acc")
    for item in recording.items:
        best = max(range(4), key=item.choice_logprobs.__getitem__)
        assert (item.choices[best] in item.references) == (item.score == 1)


def test_the_order_of_the_rows_does_not_matter(runs, run):
    teacher = read_lighteval(runs / "student", **GENERATED)
    before = pair_up(teacher, read_lighteval(run, **GENERATED), StrataRule())
    rewrite(details(run), lambda rows: rows[::-1])
    after = pair_up(teacher, read_lighteval(run, **GENERATED), StrataRule())
    assert [p.student_grade for p in after.pairs] == [p.student_grade for p in before.pairs]


def test_a_document_that_is_there_twice_is_told_apart_by_its_number(run):
    def again(rows):
        copy = json.loads(json.dumps(rows[0]))
        copy["doc"]["id"] = "99"
        return [copy, *rows]

    rewrite(details(run), again)
    items = read_lighteval(run, **GENERATED).items
    assert items[0].id == items[1].id + "#2"


def test_keys_that_other_rows_bring_do_not_change_what_a_document_is(run):
    def more(rows):
        for row in rows:
            row["doc"]["specific"]["only_some"] = None
        rows[5]["doc"]["specific"]["only_some"] = {"a": 1}
        return rows

    before = [item.id for item in read_lighteval(run, **GENERATED).items]
    rewrite(details(run), more)
    after = [item.id for item in read_lighteval(run, **GENERATED).items]
    assert [n for n in range(24) if before[n] != after[n]] == [5]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, r"tasks of two kinds; choose some with --task: worded_arithmetic\|0 generate"),
        ({"tasks": ["gsm8k"]}, r"--task: matches no task; .* has worded_arithmetic_choice\|0, "),
        (GENERATED | {"metric": "f1"}, "--metric: is not there; .* has em_suffix, em"),
    ],
)
def test_what_is_not_clear_is_asked_for_with_what_there_is(runs, options, said):
    with pytest.raises(InputError, match=said):
        read_lighteval(runs / "teacher", **options)


def test_exact_match_is_preferred(runs):
    assert read_lighteval(runs / "teacher", tasks=["*c|*"]).metric == "em"


def test_a_missing_score_is_ungraded(run):
    def without(rows):
        rows[0]["metric"]["em_suffix"] = None
        return rows

    rewrite(details(run), without)
    item = read_lighteval(run, **GENERATED).items[0]
    assert (item.score, item.reason) == (None, "lighteval gave no em_suffix")


def test_faulty_rows_are_all_named(run):
    def change(rows):
        rows[1]["metric"]["em_suffix"] = 3
        rows[4]["doc"]["gold_index"] = 8
        return rows

    rewrite(details(run), change)
    with pytest.raises(InputError) as caught:
        read_lighteval(run, **GENERATED)
    assert [(f.line, f.key) for f in caught.value.faults] == [(2, "em_suffix"), (5, None)]


def test_a_metric_of_which_less_is_better_is_refused(run):
    (path,) = run.rglob("results_*.json")
    data = json.loads(path.read_text())
    data["config_tasks"]["worded_arithmetic|0"]["metrics"][0]["higher_is_better"] = False
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="less is better"):
        read_lighteval(run, **GENERATED)
    assert read_lighteval(run, **(GENERATED | {"metric": "em"})).metric == "em"


def test_folders_and_files_that_are_no_run(runs, run, tmp_path):
    with pytest.raises(InputError, match=r"must be a folder with details_TASK_DATE\.parquet"):
        read_lighteval(tmp_path / "none")
    with pytest.raises(InputError, match="holds several models"):
        read_lighteval(runs, **GENERATED)
    path = details(run)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="is not valid Parquet"):
        read_lighteval(run, **GENERATED)
    parquet.write_table(pyarrow.table({"doc": [1]}), path)
    with pytest.raises(InputError, match="has no column metric, model_response; the details of"):
        read_lighteval(run, **GENERATED)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damaged_files_give_a_recording_or_faults(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(DATA / "teacher", folder)
    path = data.draw(
        st.sampled_from(sorted(p for p in with_bars(folder).rglob("*.*") if p.is_file()))
    )
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(at, min(at + 400, len(raw))))
    path.write_bytes(raw[:at] + data.draw(st.binary(max_size=8)) + raw[end:])
    recording = None
    with suppress(InputError):
        recording = read_lighteval(folder, **GENERATED)
    assert recording is None or len(recording.items) == 24
