"""The response store under kills, two writers, full disks and foreign files."""

import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.answer import Attempt
from tailqa.core.errors import StoreError
from tailqa.engine import ResponseStore, ScriptedEngine
from tailqa.engine.store import SCHEMA_VERSION, request_key

WRITER = """
import sys
from tailqa.core.answer import Attempt
from tailqa.engine import ResponseStore
first, last, size = map(int, sys.argv[2:])
with ResponseStore(sys.argv[1]) as store:
    for start in range(first, last, size):
        store.put_many([
            (f"k{n}", Attempt(prompt="p", prompt_tokens=1, completion_tokens=n, text=str(n) * 50,
                              finish_reason="stop"))
            for n in range(start, min(last, start + size))
        ])
        print(start + size, flush=True)
"""


def attempt(n: int = 1, **more: object) -> Attempt:
    fields: dict[str, object] = {
        "prompt": "p",
        "prompt_tokens": 1,
        "completion_tokens": n,
        "text": "t",
        "finish_reason": "stop",
    }
    return Attempt(**(fields | more))  # type: ignore[arg-type]


def writer(path: Path, first: int, last: int, size: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(last), str(size)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@settings(deadline=None, max_examples=50)
@given(
    text=st.text(st.characters(), max_size=40),
    logprobs=st.none() | st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
)
def test_an_attempt_comes_back_as_it_was(tmp_path_factory, text, logprobs):
    path = tmp_path_factory.mktemp("store") / "responses.sqlite"
    put = attempt(text=text, prompt=text, choice_logprobs=logprobs, mean_logprob=-0.1)
    with ResponseStore(path) as store:
        store.put_many([("k", put)])
    with ResponseStore(path) as store:
        assert store.get_many(["k", "absent"]) == {"k": put}


def test_the_first_value_of_a_key_stays(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([("k", attempt(1))])
        store.put_many([("k", attempt(2)), ("l", attempt(3))])
        assert store.get_many("kl") == {"k": attempt(1), "l": attempt(3)}


def test_infinity_is_refused_and_nothing_is_kept(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        with pytest.raises(ValueError, match="JSON"):
            store.put_many([("k", attempt()), ("l", attempt(choice_logprobs=(-math.inf,)))])
        assert store.get_many("kl") == {}


@pytest.mark.slow
def test_a_kill_loses_nothing_that_was_finished(tmp_path):
    rng = random.Random(0)
    path = tmp_path / "s"
    for kill in range(10):
        first = kill * 100_000
        process = writer(path, first, first + 100_000, 20)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        told = [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        finished = max(told, default=first + 20)
        keys = [f"k{n}" for n in range(first, finished + 40)]
        with ResponseStore(path) as store:
            found = store.get_many(keys)
        assert {f"k{n}" for n in range(first, finished)} <= found.keys()
        assert len(found) % 20 == 0, "a transaction was kept in part"
        assert all(key == f"k{value.completion_tokens}" for key, value in found.items())


@pytest.mark.slow
def test_two_processes_write_at_once_from_the_very_start(tmp_path):
    processes = [writer(tmp_path / "s", first, first + 600, 10) for first in (0, 300, 600)]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with ResponseStore(tmp_path / "s") as store:
        assert len(store.get_many(f"k{n}" for n in range(1200))) == 1200


def test_a_store_that_is_locked_says_so(tmp_path):
    with ResponseStore(tmp_path / "s", busy_s=0.05) as store:
        other = sqlite3.connect(tmp_path / "s", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds"):
            store.put_many([("k", attempt())])
        other.execute("ROLLBACK")
        other.close()
        store.put_many([("k", attempt())])


def test_a_full_disk_says_so_and_keeps_what_was_there(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([("k", attempt())])
        store._connection.execute("PRAGMA max_page_count=8")
        with pytest.raises(StoreError, match="disk is full"):
            store.put_many([("l", attempt(text="x" * 100_000))])
        assert store.get_many("kl") == {"k": attempt()}
        store.put_many([("m", attempt())])


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        ResponseStore(tmp_path / "file" / "s")


def test_a_path_that_cannot_be_opened_says_so(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened"):
        ResponseStore(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_without_write_permission_says_so(tmp_path):
    ResponseStore(tmp_path / "s").close()
    (tmp_path / "s").chmod(0o444)
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError), ResponseStore(tmp_path / "s") as store:
        store.put_many([("k", attempt())])


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_store_is_read_and_goes_on(tmp_path, version):
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([("k", attempt())])
    older = sqlite3.connect(tmp_path / "s")
    older.execute(
        "UPDATE attempts SET value = json_remove(json_set(value, '$.token_logprobs', NULL), "
        "'$.mean_logprob')"
    )
    if version == 1:
        older.execute("DROP TABLE asked")
    older.execute(f"PRAGMA user_version={version}")
    older.commit()
    older.close()
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([("k", attempt(2)), ("l", attempt(3, mean_logprob=-0.5))])
        store.put_asked([("q", "k", 0)])
        assert store.get_many("kl") == {"k": attempt(), "l": attempt(3, mean_logprob=-0.5)}
        assert store.get_asked("q") == {"q": attempt()}


def test_a_newer_store_is_left_alone(tmp_path):
    ResponseStore(tmp_path / "s").close()
    newer = sqlite3.connect(tmp_path / "s")
    newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    newer.close()
    before = (tmp_path / "s").read_bytes()
    with pytest.raises(StoreError, match="newer tailqa"):
        ResponseStore(tmp_path / "s")
    assert (tmp_path / "s").read_bytes() == before


@pytest.mark.parametrize("version", [0, 5])
def test_a_database_of_another_program_is_left_alone(tmp_path, version):
    other = sqlite3.connect(tmp_path / "s")
    other.execute("CREATE TABLE mine (x)")
    other.execute(f"PRAGMA user_version={version}")
    other.close()
    with pytest.raises(StoreError, match="another program"):
        ResponseStore(tmp_path / "s")


def test_a_file_that_is_no_database_says_so(tmp_path):
    (tmp_path / "s").write_text("hello" * 1000)
    with pytest.raises(StoreError, match="not a response store"):
        ResponseStore(tmp_path / "s")


def test_a_damaged_store_says_so(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([(f"k{n}", attempt(text="x" * 500)) for n in range(200)])
    data = bytearray((tmp_path / "s").read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(StoreError, match="damaged"), ResponseStore(tmp_path / "s") as store:
        store.get_many(f"k{n}" for n in range(200))


def test_many_answers_come_back(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([(f"k{n}", attempt(prompt="word " * 400)) for n in range(14_000)])
        assert len(store.get_many(f"k{n}" for n in range(14_000))) == 14_000


def key(ask, engine=None, **changes):
    engine = engine or ScriptedEngine({})
    prompt = changes.pop("prompt", "two words")
    return request_key(engine.info, engine.encode(ask(prompt, **changes)))


def test_a_greedy_key_ignores_what_cannot_matter(ask):
    same = [{}, {"seed": 5}, {"sample": 2}, {"samples": 9}, {"top_p": 0.5}, {"query_id": "other"}]
    assert len({key(ask, **changes) for changes in same}) == 1


def test_a_sampled_key_covers_all_that_matters(ask):
    warm = {"temperature": 0.8}
    different = [
        {},
        warm,
        warm | {"seed": 1},
        warm | {"sample": 1},
        warm | {"top_p": 0.9},
        {"temperature": 0.7},
        {"max_tokens": 9},
        {"stop": ("x",)},
        {"prompt": "other words"},
        {"choices": ("a",)},
        {"choices": ("a", "b")},
        {"choices": ("b", "a")},
    ]
    assert len({key(ask, **changes) for changes in different}) == len(different)


def test_a_key_covers_the_model(ask):
    engines = [ScriptedEngine({}), ScriptedEngine({}, version="2"), ScriptedEngine({"q": "a"})]
    assert len({key(ask, engine) for engine in engines}) == 3


def test_values_are_plain_json(tmp_path):
    with ResponseStore(tmp_path / "s") as store:
        store.put_many([("k", attempt(text="é\ud800"))])
        [value] = store._connection.execute("SELECT value FROM attempts").fetchone()
    assert json.loads(value)["text"] == "é\ud800"
