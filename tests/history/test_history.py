"""What is added comes back; what is refused changes nothing."""

import random
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from tailqa.core.errors import HistoryError
from tailqa.core.history import NewRun
from tailqa.history import History, open_history
from tailqa.history.address import address
from tests.history.made import STRATA, TODAY, answer, dump, kept, new, query

TODAY_ = date.fromisoformat(TODAY)


def add(history: History, *runs: NewRun, backfill: bool = False) -> None:
    for run in runs:
        assert history.add(run, today=TODAY_, backfill=backfill).new


def test_a_run_comes_back_as_it_was(where):
    given = new(7, seed=-(2**70), policy_digest="beef" * 16)
    with open_history(where) as history:
        added = history.add(given, today=TODAY_)
    with open_history(where) as history:
        [found] = history.runs()
        assert found == added.run == replace(given.kept, added_s=found.added_s)
        ids = [query.query_id for query in given.queries]
        assert history.queries(found.run, ids) == given.queries
        assert history.answers(found.run, ids) == given.answers
    assert found.added_s > 1.7e9


def test_of_an_older_run_the_digest_of_the_pipeline_is_not_known(where):
    with open_history(where) as history:
        add(history, new(1), new(2, "2026-11-09", pipeline=None))
        assert history.run("run-1").facets["pipeline"] == "name chat, digest c4a7"
        engine = sa.create_engine(address(where).url)
        with engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM facets WHERE facet = 'pipeline'"))
        engine.dispose()
        found = [run.facets["pipeline"] for run in history.runs()]
    assert found == ["name chat, digest not recorded", "none"]


def test_adding_twice_changes_nothing(where):
    with open_history(where) as history:
        first = history.add(new(1), today=TODAY_)
        before = dump(where)
        again = history.add(replace(new(1), answers=()), today=TODAY_)
    assert (again.new, again.run) == (False, first.run)
    assert dump(where) == before


def test_what_weeks_share_is_kept_once(where):
    with open_history(where) as history:
        add(history, new(1), new(2, "2026-11-09"), new(3, "2026-11-16", {"q1": "10"}))
    found = dump(where)
    # One more answer in the third week: that q1 is wrong.
    assert [len(found[name]) for name in ("queries", "texts", "outcomes")] == [4, 4 + 8 + 1, 9]


def test_runs_come_by_date_and_then_as_they_were_added(where):
    with open_history(where) as history:
        add(history, new(1, "2026-11-09"), new(2, "2026-11-16"), new(3, "2026-11-09", suite="b"))
        add(history, new(4, "2026-11-01", student="other"), new(5, "2026-11-09", suite="b"))

        def names(**which: str) -> list[str]:
            return [run.name.removeprefix("run-") for run in history.runs(**which)]

        assert names() == ["4", "1", "3", "5", "2"]
        assert names(student="other") == ["4"]
        assert names(suite="b") == ["3", "5"]
        assert names(since="2026-11-09", until="2026-11-15") == ["1", "3", "5"]
        assert names(student="nobody") == []
        late = [bool(run.figures) for run in history.runs(figures_since="2026-11-09")]
        assert late == [False, True, True, True, True]
        assert history.series() == (("other", "demo"), ("student", "b"), ("student", "demo"))
        with pytest.raises(HistoryError, match="'monday' is no day"):
            history.runs(since="monday")


def test_one_run_by_folder_or_by_the_beginning_of_its_digest(where):
    with open_history(where) as history:
        add(history, new(1, run="abcd1" + "0" * 59), new(2, run="abcd2" + "0" * 59))
        add(history, new(3, run="ffff" * 16, name="run-2"))
        assert history.run("abcd1").name == "run-1"
        assert history.run("outputs/run-1/").name == "run-1"
        for text in ("abcd", "run-2"):
            with pytest.raises(HistoryError, match=rf"^{text} is 2 runs of .*: .* name one$"):
                history.run(text)
        for text in ("eeee", "%", ""):
            with pytest.raises(HistoryError, match=f"has no run {text}; tailqa history list"):
                history.run(text)
        with pytest.raises(HistoryError, match="has no run abc; a digest needs four characters; "):
            history.run("abc")


def test_marks_stand_by_run_and_by_query(where):
    with open_history(where) as history:
        add(history, new(1, marks={"a": "10", "b": "01"}))
        add(history, new(2, marks={"c": "fu", "a": ".1"}))
        add(history, new(3, marks={}))
        first, second, third = (run.run for run in history.runs())
        marks = history.marks([third, second, first])
        none = history.marks([])
    assert marks.runs == (third, second, first)
    assert marks.query_ids == ("a", "b", "c")
    assert marks.strata == ("head",) * 3
    assert marks.clusters == (None,) * 3
    assert marks.student == (b"...", b"1.u", b"01.")
    assert marks.teacher == (b"...", b"..f", b"10.")
    assert none.runs == none.query_ids == none.student == ()


def test_marks_of_a_rotating_draw_agree_with_what_was_added(where):
    rng = random.Random(0)
    pool = [f"q{number}" for number in range(300)]
    weeks = [
        {name: rng.choice("01fu") + rng.choice("01fu") for name in rng.sample(pool, 200)}
        for _ in range(6)
    ]
    with open_history(where) as history:
        add(history, *(new(number, marks=marks) for number, marks in enumerate(weeks, 1)))
        runs = [run.run for run in history.runs()]
        found = history.marks(runs)
    for side, rows in enumerate((found.teacher, found.student)):
        for week, row in zip(weeks, rows, strict=True):
            said = {
                name: chr(mark)
                for name, mark in zip(found.query_ids, row, strict=True)
                if chr(mark) != "."
            }
            assert said == {name: both[side] for name, both in week.items()}


def test_a_query_that_changed_is_another_one(where):
    first, second = new(1, marks={"q": "11"}), new(2, marks={"q": "10"}, suite_version="2")
    moved = replace(second, queries=(query("q", stratum="tail/x", cluster="c"),))
    asked_otherwise = replace(new(3, marks={"q": "01"}), queries=(query("q", prompt="Please: q"),))
    with open_history(where) as history:
        add(history, first, moved, asked_otherwise)
        runs = [run.run for run in history.runs()]
        marks = history.marks(runs)
        assert history.queries(runs[2], ["q"]) == asked_otherwise.queries
    assert marks.query_ids == ("q", "q")
    assert marks.clusters == (None, "c")
    assert marks.student == (b"1.", b".0", b"1.")


def test_only_what_was_asked_for_comes_in_that_order(where):
    with open_history(where) as history:
        add(history, new(1, marks={"a": "10", "b": "1.", "c": "00"}))
        [run] = history.runs()
        asked = ["c", "absent", "b"]
        assert [query.query_id for query in history.queries(run.run, asked)] == ["c", "b"]
        found = [(said.query_id, said.side, said.mark) for said in history.answers(run.run, asked)]
        assert found == [("c", "teacher", "0"), ("c", "student", "0"), ("b", "teacher", "1")]
        for read in (history.queries, history.answers):
            with pytest.raises(HistoryError, match="has no run dead"):
                read("dead" * 16, ["c"])
        with pytest.raises(HistoryError, match="has no run dead"):
            history.marks(["dead" * 16])


def test_hostile_texts_come_back(where):
    text = "'; DROP TABLE runs; --\x1b[31m<script>\u202e\x00\ud800" + "x" * 100_000
    given = NewRun(
        kept=kept(1, build=text[:60], facets={"settings": text[:60]}),
        queries=(query("q'1", prompt=text, references=(text,), choices=("\x00", "é")),),
        answers=(answer("q'1", "student", "0", text=text, answer_s=1e-9),),
    )
    shown = text.replace("\x00", "⟨NUL⟩").replace("\ud800", "⟨U+D800⟩")
    with open_history(where) as history:
        add(history, given)
        [run] = history.runs()
        assert (run.build, run.facets["settings"]) == (shown[: len(run.build)], run.build)
        [asked] = history.queries(run.run, ["q'1"])
        assert asked.prompt == shown
        assert asked.choices == ("\x00", "é")
        [said] = history.answers(run.run, ["q'1"])
        assert (said.text, said.answer_s) == (shown, 1e-9)


REFUSED = {
    "a future date": (new(9, "2026-11-27"), "lies in the future"),
    "no date": (new(9, "2026-13-01"), "'2026-13-01', which is no day"),
    "an older date": (new(9, "2026-11-01"), "lies before 2026-11-02.*--backfill"),
    "a changed suite": (new(9, suite_digest="0" * 64), "give the changed suite a new version"),
    "a changed suite with another seed and limit": (
        new(9, suite_digest="0" * 64, facets={"settings": "seed 46, limit 300"}, seed=46),
        "the suite demo 1 is not what it was in run-1 of 2026-11-02",
    ),
    "an unknown query": (
        replace(new(9), answers=(answer("other", "student", "1"),)),
        "an answer to other, which it did not ask",
    ),
}


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_belong_is_refused(where, given, said):
    with open_history(where) as history:
        add(history, new(1))
        before = dump(where)
        with pytest.raises(HistoryError, match=rf"^run-9: .*{said}"):
            history.add(given, today=TODAY_)
    assert dump(where) == before


def test_what_only_looks_out_of_order_is_taken(where):
    with open_history(where) as history:
        add(history, new(1, "2026-11-09"), new(2, "2026-11-09"), new(3, TODAY))
        add(history, new(4, "2026-11-01", student="other"), new(5, "2026-11-01", suite="other"))
        add(history, new(6, "2026-11-16T09:30:00"), backfill=True)
        assert history.run("run-6").date == "2026-11-16"
        # Shots are part of a suite's digest: with other settings it is no other suite.
        shots = {"settings": "seed 0, num_fewshot 5"}
        add(history, new(7, TODAY, suite_digest="5" * 64, facets=shots))
        # What was imported is a suite by the way it was imported.
        for number, how in ((9, "metric exact"), (10, "metric f1")):
            imported = {"settings": f"seed 0, imported from a table, {how}"}
            add(history, new(number, TODAY, suite_digest=f"{number}", facets=imported))
        add(history, new(8, TODAY, suite_digest="6" * 64, suite_version="2"))


def test_a_student_under_another_name(where):
    with open_history(where) as history:
        add(history, new(1, student="a"), new(2, "2026-11-09", student="b"))
        add(history, new(3, student="c", suite_digest="0" * 64))
        seed = {"settings": "seed 46, limit 300"}
        add(history, new(4, student="e", suite_digest="0" * 64, facets=seed))
        assert history.rename("a", "b") == 1
        assert [run.name for run in history.runs(student="b")] == ["run-1", "run-2"]
        before = dump(where)
        for old, name, said in (
            ("a", "b", "no run is followed as a;"),
            ("b", " ", "the new name is empty"),
            ("c", "b", "c cannot become b: the suite demo 1 in run-3 of 2026-11-02 is not what"),
            ("e", "b", "e cannot become b: the suite demo 1 in run-4 of 2026-11-02 is not what"),
        ):
            with pytest.raises(HistoryError, match=said):
                history.rename(old, name)
        assert dump(where) == before
        assert history.rename("c", "d") == 1


def test_pruning_removes_runs_with_all_that_only_they_had(where):
    private = "the patient's name is never kept longer than needed"
    old = replace(new(1), answers=(answer("q1", "student", "1", text=private),))
    with open_history(where) as history:
        add(history, old, new(2, "2026-11-09"), new(3, "2026-11-09", suite="other"))
        assert [run.name for run in history.prunable("2026-11-09")] == ["run-1"]
        assert history.prune("2026-11-09") == 1
        assert history.prune("2026-11-09") == 0
        kept_rows = dump(where)
        assert [run.name for run in history.runs()] == ["run-2", "run-3"]
        assert history.prune(TODAY, keep=1) == 0
        assert len(history.marks([run.run for run in history.runs()]).query_ids) == 4
    assert private not in str(kept_rows)
    assert [len(kept_rows[name]) for name in ("queries", "texts", "outcomes", "strata")] == [
        4,
        4 + 8,
        8,
        2 * len(STRATA),
    ]
    with open_history(where) as history:
        assert history.prune("2030-01-01") == 2
        with pytest.raises(HistoryError, match="'soon' is no day"):
            history.prune("soon")
    assert not any(dump(where).values())


def test_what_was_pruned_is_not_in_the_file_either(tmp_path):
    private = "the patient's name is never kept longer than needed"
    path = tmp_path / "history.db"
    with open_history(path) as history:
        add(history, replace(new(1), answers=(answer("q1", "student", "1", text=private),)))
        history.prune(TODAY)
        add(history, new(2))
    assert not any(private.encode() in file.read_bytes() for file in tmp_path.iterdir())
