"""Look up, run, keep, go on: with the scripted engine, and to the bit with a real one."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tailqa.core.answer import Answered, Failed
from tailqa.core.errors import ModelError
from tailqa.core.ports import Silent
from tailqa.core.query import Message
from tailqa.engine import ResponseStore, ScriptedEngine, answer, measure


class Watcher:
    """Progress that remembers."""

    def __init__(self):
        self.total = self.tokens = self.finished = 0
        self.units = Counter()

    def start(self, task, total):
        self.total = total

    def advance(self, task, n, tokens=0, *, reused=False):
        self.units["reused" if reused else "new"] += n
        self.tokens += tokens

    def finish(self, task):
        self.finished += 1


@pytest.fixture
def store(tmp_path):
    with ResponseStore(tmp_path / "responses.sqlite") as store:
        yield store


def run(engine, store, requests, watcher=None):
    return answer(engine, store, requests, progress=watcher or Silent(), task="teacher")


def numbered(ask, n, **more):
    return [ask(f"prompt {i}", f"q{i}", **more) for i in range(n)]


def echo(request):
    return f"{request.prompt} sample {request.sample} seed {request.seed}"


def test_samples_are_gathered_in_order_of_first_appearance(store, ask):
    requests = [
        ask(f"prompt {query}", query, sample=sample, seed=sample, temperature=1.0)
        for sample in (1, 0, 2)
        for query in ("b", "a")
    ]
    answers = run(ScriptedEngine(echo), store, requests)
    assert [one.query_id for one in answers] == ["b", "a"]
    for one in answers:
        assert isinstance(one, Answered)
        assert [attempt.sample for attempt in one.attempts] == [0, 1, 2]
        assert [attempt.text[-1] for attempt in one.attempts] == ["0", "1", "2"]


def test_the_same_again_runs_nothing(store, ask):
    engine, requests = ScriptedEngine(echo, batch_size=4), numbered(ask, 10)
    first, watcher = run(engine, store, requests), Watcher()
    assert run(engine, store, requests, watcher) == first
    assert (engine.n_batches, engine.n_attempts) == (3, 10)
    assert (watcher.units, watcher.total, watcher.tokens) == ({"reused": 10}, 10, 0)
    assert watcher.finished == 1


def test_a_batch_with_a_missing_row_is_run_whole_and_what_is_kept_stays(store, ask):
    run(ScriptedEngine(echo), store, numbered(ask, 2))
    engine, watcher = ScriptedEngine(echo, batch_size=3), Watcher()
    answers = run(engine, store, numbered(ask, 6), watcher)
    assert len(answers) == 6
    assert (engine.n_batches, engine.n_attempts) == (2, 6)
    assert watcher.units == {"reused": 2, "new": 4}


def test_equal_greedy_requests_are_run_once(store, ask):
    engine, watcher = ScriptedEngine(lambda _: "four"), Watcher()
    requests = [ask("2 + 2", f"q{n // 2}", sample=n % 2) for n in range(6)]
    answers = run(engine, store, requests, watcher)
    assert engine.n_attempts == 1
    assert watcher.units == {"new": 6}
    assert [[a.sample for a in one.attempts] for one in answers] == [[0, 1]] * 3


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_one_that_fails_alone_does_not_take_the_others_with_it(store, ask, batch_size):
    engine = ScriptedEngine(echo, failures=("q2", "q7"), batch_size=batch_size)
    watcher = Watcher()
    answers = run(engine, store, numbered(ask, 9), watcher)
    assert [one.query_id for one in answers if isinstance(one, Failed)] == ["q2", "q7"]
    assert "the script fails at q2" in answers[2].reason
    assert watcher.units == {"new": 9}
    better = ScriptedEngine(echo, batch_size=batch_size)
    assert all(isinstance(one, Answered) for one in run(better, store, numbered(ask, 9)))


def test_a_failed_query_keeps_the_samples_that_came_back(store, ask):
    def script(request):
        if request.sample == 1:
            raise ModelError("no second sample")
        return echo(request)

    requests = [ask("p", "q", sample=n, temperature=1.0) for n in range(3)]
    [failed] = run(ScriptedEngine(script), store, requests)
    assert isinstance(failed, Failed)
    assert failed.reason == "no second sample"
    assert [attempt.sample for attempt in failed.attempts] == [0, 2]


def test_a_prompt_that_is_too_long_fails_by_itself(store, ask):
    engine = ScriptedEngine(echo, context_tokens=10)
    requests = [
        ask("one two", "fits", max_tokens=8),
        ask("one two three", "long", max_tokens=8),
        ask("one two three", "choice", choices=("a " * 8,)),
    ]
    answers = run(engine, store, [requests[0], requests[1]])
    assert isinstance(answers[0], Answered)
    assert isinstance(answers[1], Failed)
    assert "3 tokens" in answers[1].reason
    assert "10 tokens" in answers[1].reason
    assert engine.n_attempts == 1
    with pytest.raises(ModelError, match="exceed"):
        run(engine, store, [requests[2]])


def test_an_interruption_keeps_every_finished_batch(store, ask):
    said = []

    def script(request):
        if request.query_id == "q7":
            raise KeyboardInterrupt
        said.append(request.query_id)
        return echo(request)

    requests, watcher = numbered(ask, 12), Watcher()
    with pytest.raises(KeyboardInterrupt):
        run(ScriptedEngine(script, batch_size=2), store, requests, watcher)
    assert watcher.finished == 1
    rest = Watcher()
    run(ScriptedEngine(echo, name="scripted", batch_size=2), store, requests, rest)
    finished = len(said) // 2 * 2
    assert finished
    assert rest.units == {"reused": finished, "new": 12 - finished}


def test_an_interruption_keeps_what_a_batch_has_finished(store, ask):
    class Interrupted(ScriptedEngine):
        def run(self, batch):
            yield from list(super().run(batch))[:5]
            raise KeyboardInterrupt

    requests, rest = numbered(ask, 12), Watcher()
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(echo), store, requests)
    run(ScriptedEngine(echo), store, requests, rest)
    assert rest.units == {"reused": 5, "new": 7}


def test_a_template_that_tells_the_time_is_rendered_anew(llama, ask, store, monkeypatch):
    tokenizer = llama._encoder._tokenizer
    template = "{{ strftime_now('%f') }} {{ messages[0]['content'] }}"
    monkeypatch.setattr(tokenizer, "chat_template", template)
    monkeypatch.setattr(llama._tokenizer, "chat_template", template)
    chat = (Message(role="user", content="the cat"),)
    requests = [ask(chat, "chat", max_tokens=2), ask("the cat", "plain", max_tokens=2)]
    first, again = run(llama, store, requests), run(llama, store, requests)
    assert first[0].attempts[0].prompt != again[0].attempts[0].prompt
    assert first[1] == again[1]


def test_what_another_process_was_faster_with_counts(store, ask, tmp_path):
    engine = ScriptedEngine(echo)
    [request] = numbered(ask, 1)

    def slow(asked):
        with ResponseStore(store.path) as other:
            run(ScriptedEngine(lambda _: "theirs"), other, [request])
        return echo(asked)

    [found] = run(ScriptedEngine(slow), store, [request])
    assert found.attempts[0].text == "theirs"
    assert engine.info == ScriptedEngine(slow).info


def test_answers_are_the_same_to_the_bit_whatever_was_in_the_store(engine, ask, prompts, tmp_path):
    requests = [ask(p, f"g{n}", temperature=0.8, seed=n) for n, p in enumerate(prompts)]
    requests += [ask(p, f"c{n}", choices=(" cat", " dogs ran")) for n, p in enumerate(prompts)]
    with ResponseStore(tmp_path / "whole") as store:
        undisturbed = run(engine, store, requests)
    with ResponseStore(tmp_path / "parts") as store:
        half = {
            n for batch in engine.batches([engine.encode(r) for r in requests])[::2] for n in batch
        }
        first = [(request_key_of(engine, requests[n]), n) for n in sorted(half)]
        attempts = {
            one.query_id: one.attempts[0] for one in undisturbed if isinstance(one, Answered)
        }
        store.put_many([(key, attempts[requests[n].query_id]) for key, n in first])
        assert run(engine, store, requests) == undisturbed


def request_key_of(engine, request):
    from tailqa.engine.store import request_key

    return request_key(engine.info, engine.encode(request))


def test_models_take_turns_and_swap_who_begins(ask):
    order = []

    class Noting(ScriptedEngine):
        def time(self, request):
            order.append((self.info.name, request.request.query_id))
            return super().time(request)

    teacher, student = (Noting(echo, name=name, token_s=0.5) for name in "ts")
    watcher = Watcher()
    times = measure(teacher, student, numbered(ask, 4), progress=watcher)
    warm_up, counted = order[:4], order[4:]
    assert warm_up == [("t", "q0"), ("s", "q0"), ("t", "q1"), ("s", "q1")]
    assert "".join(name for name, _ in counted) == "tssttsst"
    assert len(times) == watcher.units["new"] == 4
    assert all(pair[0].answer_s == pair[1].answer_s == 3.0 for pair in times)


def test_importing_the_room_does_not_import_torch():
    code = "import sys, tailqa.engine; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
