"""Real logs of inspect-ai 0.3.285 on the embedded pair, and what can be wrong with such files."""

import json
import shutil
import zipfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.answer import Failed
from tailqa.core.errors import InputError
from tailqa.records.inspect_ai import read_inspect
from tailqa.records.pairing import pair_up
from tailqa.records.strata import StrataRule
from tests.records.damage import is_sound, with_another_value

DATA = Path(__file__).parent / "data" / "inspect"
SIDES = ("teacher", "student")


@pytest.fixture
def log(tmp_path):
    """Writes the sampled log of the teacher after a change."""

    def write(change):
        data = json.loads((DATA / "teacher" / "sampled.json").read_text())
        change(data)
        path = tmp_path / "log.json"
        path.write_text(json.dumps(data))
        return path

    return write


def by_hand(scorer):
    """Cells from what inspect's own `read_eval_log` said about the same logs."""
    sides = []
    for side in SIDES:
        found = json.loads((DATA / side / "scores.json").read_text())
        sides.append({one["id"]: (one["stratum"], one[scorer] == "C") for one in found})
    teacher, student = sides
    return Counter((*teacher[name], student[name][1]) for name in teacher)


@pytest.mark.parametrize("scorer", ["pattern", "includes"])
def test_the_cells_are_those_that_a_hand_count_gives(scorer):
    read = [read_inspect(DATA / side / "arithmetic.eval", scorer=scorer) for side in SIDES]
    imported = pair_up(*read, StrataRule(column="stratum"))
    found = Counter(
        (p.query.stratum, p.teacher_grade.correct, p.student_grade.correct) for p in imported.pairs
    )
    assert found == by_hand(scorer)
    assert found.total() == 24
    assert imported.findings == ()


def test_what_was_recorded_is_there():
    recording = read_inspect(DATA / "teacher" / "arithmetic.eval", scorer="pattern")
    assert recording.harness == "inspect-ai 0.3.285"
    assert (recording.name, recording.version, recording.metric) == ("arithmetic", "1", "pattern")
    assert (recording.model.name, recording.model.device) == ("hf/teacher", "cpu")
    first = next(item for item in recording.items if item.id == "head/plain-0001")
    assert first.prompt == "Q: How much is 39 times 6?\nA:"
    assert (first.text, first.extracted, first.references) == ("39*6=180+54=234", "234", ("234",))
    assert (first.prompt_tokens, first.completion_tokens) == (38, 33)
    assert first.fields["n_steps"] == 1
    assert first.latency_s is None


def test_epochs_are_samples_of_one_query_and_a_broken_sample_has_failed():
    read = [read_inspect(DATA / side / "sampled.json") for side in SIDES]
    pairs = pair_up(*read, StrataRule()).pairs
    assert len(pairs) == 8
    failed = [pair for pair in pairs if isinstance(pair.teacher, Failed)]
    assert [pair.query.id for pair in failed] == ["head/plain-0004"]
    assert failed[0].teacher.reason == "RuntimeError('the tool did not answer')"
    assert len(failed[0].teacher.attempts) == 1
    assert all(len(pair.student.attempts) == 2 for pair in pairs if pair not in failed)
    raw = json.loads((DATA / "student" / "sampled.json").read_text())["samples"]
    wanted = {(s["id"], s["epoch"]): s["scores"]["pattern"]["value"] for s in raw if s["scores"]}
    found = {(i.id, i.epoch): i.score for i in read[1].items if i.score is not None}
    assert found == {key: float(value == "C") for key, value in wanted.items()}
    assert len(found) == 15


def test_a_run_that_did_not_succeed_is_refused_with_its_reason(log):
    with pytest.raises(InputError, match="the status error, with 3 of 24 samples: ValueError"):
        read_inspect(DATA / "error.eval")
    partial = log(lambda data: data.update(status="cancelled", samples=data["samples"][:9]))
    with pytest.raises(InputError, match="the status cancelled, with 9 of 16 samples"):
        read_inspect(partial)
    whole = log(lambda data: data.update(status="cancelled", results=None))
    assert len(read_inspect(whole).items) == 16


def test_a_log_with_fewer_samples_than_its_run_is_refused(log):
    with pytest.raises(InputError, match="has 15 samples where the run had 16"):
        read_inspect(log(lambda data: data["samples"].pop()))


def test_several_scorers_are_asked_for():
    with pytest.raises(InputError, match=r"choose one with --scorer; .* pattern, includes"):
        read_inspect(DATA / "teacher" / "arithmetic.eval")
    with pytest.raises(InputError, match=r"--scorer: is not there; .* has pattern, includes"):
        read_inspect(DATA / "teacher" / "arithmetic.eval", scorer="judge")


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("C", 1.0),
        ("P", 0.5),
        ("I", 0.0),
        ("N", 0.0),
        (True, 1.0),
        (0.25, 0.25),
        ("0.75", 0.75),
        ("yes", 1.0),
        (float("nan"), None),
        (None, None),
    ],
)
def test_scores_as_inspect_counts_them(log, value, score):
    path = log(lambda data: data["samples"][0]["scores"]["pattern"].update(value=value))
    assert read_inspect(path).items[0].score == score


def test_an_unscored_sample_says_why(log):
    changed = {"value": float("nan"), "reason": "the judge gave no grade"}
    path = log(lambda data: data["samples"][0]["scores"]["pattern"].update(changed))
    item = read_inspect(path).items[0]
    assert (item.failed, item.reason) == (False, "the judge gave no grade")


def test_scores_that_cannot_be_read_are_all_named(log):
    def broken(data):
        data["samples"][0]["scores"]["pattern"]["value"] = 7
        data["samples"][3]["scores"]["pattern"]["value"] = ["C"]

    with pytest.raises(InputError) as caught:
        read_inspect(log(broken))
    assert [fault.rule.split(":")[0] for fault in caught.value.faults] == [
        "sample head/plain-0001",
        "sample tail/multi-step-0604",
    ]


def test_one_of_several_values_of_a_scorer(log):
    def several(data):
        for sample in data["samples"]:
            if sample["scores"]:
                sample["scores"]["pattern"]["value"] = {"right": "C", "polite": 0.5}

    path = log(several)
    assert read_inspect(path, scorer="pattern.polite").items[0].score == 0.5
    with pytest.raises(InputError, match=r"there are .*: pattern\.right, pattern\.polite"):
        read_inspect(path)


def test_limits_messages_attachments_and_all_turns(log):
    def change(data):
        first, second = data["samples"][:2]
        first["limit"] = {"type": "token", "limit": 5}
        first["scores"] = {}
        second["input"] = [
            {"role": "system", "content": "attachment://abc"},
            {"role": "user", "content": [{"type": "text", "text": "2?"}, {"type": "image"}]},
        ]
        second["attachments"] = {"abc": "Be short."}
        second["output"]["choices"][0]["stop_reason"] = "max_tokens"
        usage = {"input_tokens": 5, "input_tokens_cache_read": 7, "output_tokens": 3}
        second["model_usage"] = {"hf/teacher": usage, "openai/judge": {"input_tokens": 999}}
        second["target"] = ["a", "b"]

    first, second = read_inspect(log(change)).items[:2]
    assert (first.failed, first.reason) == (True, "ended by its limit of token")
    assert second.prompt == "system: Be short.\n\nuser: 2?"
    assert second.references == ("a", "b")
    assert (second.prompt_tokens, second.completion_tokens) == (12, 3)
    assert second.finish_reason == "length"


def test_another_version_of_the_format_and_other_files(log, tmp_path):
    with pytest.raises(InputError, match=r"version: must have version 2 of the log format \(got 3"):
        read_inspect(log(lambda data: data.update(version=3)))
    with pytest.raises(InputError, match="is not a log of inspect with its samples"):
        read_inspect(log(lambda data: data.pop("samples")))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_inspect(tmp_path / "none.eval")
    (tmp_path / "empty.eval").touch()
    with pytest.raises(InputError, match="is not valid JSON"):
        read_inspect(tmp_path / "empty.eval")


def test_truncated_unfinished_and_chunked_archives(tmp_path):
    whole = DATA / "teacher" / "arithmetic.eval"
    cut = tmp_path / "cut.eval"
    cut.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"cut\.eval: is a truncated or broken \.eval file"):
        read_inspect(cut)
    plain = tmp_path / "plain.eval"
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("_journal/start.json", "{}")
    with pytest.raises(InputError, match=r"has no header\.json: the run did not finish"):
        read_inspect(plain)
    with zipfile.ZipFile(plain, "a") as archive:
        archive.writestr("samples/a/1_epoch_1/sample.json", "{}")
    with pytest.raises(InputError, match="holds samples in chunks"):
        read_inspect(plain)


def test_an_archive_packed_otherwise_reads_the_same(tmp_path):
    data = json.loads((DATA / "student" / "sampled.json").read_text())
    header = {key: value for key, value in data.items() if key != "samples"}
    path = tmp_path / "deflated.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header))
        for one in data["samples"]:
            archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
    items = read_inspect(path).items
    expected = read_inspect(DATA / "student" / "sampled.json").items
    assert [(i.id, i.epoch, i.score) for i in items] == [(i.id, i.epoch, i.score) for i in expected]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_files_give_a_recording_or_faults(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "log.eval"
    name = data.draw(st.sampled_from(["arithmetic.eval", "sampled.json"]))
    shutil.copy(DATA / "teacher" / name, path)
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(at, min(at + 400, len(raw))))
    path.write_bytes(raw[:at] + data.draw(st.binary(max_size=8)) + raw[end:])
    recording = None
    with suppress(InputError):
        recording = read_inspect(path, scorer="pattern")
    assert recording is None or len(recording.items) in (16, 24)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_values_of_other_types_give_a_recording_or_faults(tmp_path_factory, data):
    log = json.loads((DATA / "teacher" / "sampled.json").read_text())
    log["samples"][0].pop("events")
    if data.draw(st.booleans()):
        log["samples"][0] = with_another_value(data, log["samples"][0])
    else:
        key = data.draw(st.sampled_from(["version", "status", "eval", "results", "error"]))
        log[key] = with_another_value(data, log.get(key))
    path = tmp_path_factory.mktemp("typed") / "log.json"
    path.write_text(json.dumps(log))
    recording = None
    with suppress(InputError):
        recording = read_inspect(path)
    assert recording is None or is_sound(recording)
