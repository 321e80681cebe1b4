"""transformers' continuous batching, as a GPU would run it, here on the CPU."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tailqa.core.errors import ModelError
from tailqa.engine import paged, runner
from tailqa.engine.paged import _batching_config, can_page

NAN = float("nan")


class Manager:
    """A manager of transformers at its boundary: one token of its script per result."""

    def __init__(self, script, *, asynchronous=False, breaks_at=None):
        self.script = script
        self.continuous_batching_config = SimpleNamespace(use_async_batching=asynchronous)
        self.background_thread_status = SimpleNamespace(fatal_error=None)
        self.warmed_up, self.running = False, False
        self.asked: dict[str, Any] = {}
        self.cancelled, self.log = [], []
        self.n_results, self.breaks_at = 0, breaks_at

    def warmup(self):
        self.warmed_up = True
        self.log.append("warmed up")

    def start(self):
        self.running = True

    def is_running(self):
        return self.running

    def stop(self, *, keep_for_next_session, hard_stop, **_more):
        self.running = False
        self.log.append("kept" if keep_for_next_session and not hard_stop else "stopped")

    def destroy(self):
        self.log.append("destroyed")

    def add_request(self, input_ids, *, max_new_tokens, streaming, **_more):
        key = f"req_{len(self.asked)}"
        self.asked[key] = [self.script[:max_new_tokens], 0, streaming]
        return key

    def cancel_request(self, key):
        self.cancelled.append(key)
        self.asked.pop(key)

    def get_result(self, timeout):
        self.n_results += 1
        if self.n_results == self.breaks_at:
            logging.getLogger("ContinuousBatchingLogger").error("a traceback")
            self.background_thread_status.fatal_error = RuntimeError("CUDA error: gone.\nMore")
            self.running = False
            return None
        # The last request is answered first.
        key = next(reversed(self.asked))
        script, n, streaming = self.asked[key]
        n = n + 1 if streaming else len(script)
        self.asked[key][1] = n
        over = n == len(script)
        if over:
            self.asked.pop(key)
        return SimpleNamespace(
            request_id=key,
            generated_tokens=[token for token, _ in script[:n]],
            logprobs=[logprob for _, logprob in script[:n]],
            error=None,
            is_finished=lambda: over,
        )


@pytest.fixture
def paging(llama, monkeypatch):
    """The engine on pages that a fake manager fills; what is left is put back."""

    def make(script, **more):
        manager = Manager(script, **more)
        monkeypatch.setattr(
            llama._runner.model, "init_continuous_batching", lambda **_: manager, raising=False
        )
        monkeypatch.setattr(llama._runner, "pages", True)
        monkeypatch.setattr(llama._runner, "_unpaged", "")
        return manager

    return make


def encoded(llama, ask, prompts, **more):
    return [llama.encode(ask(prompt, **more)) for prompt in prompts]


@pytest.mark.slow
def test_continuous_batching_gives_the_same_texts(llama, ask, prompts, monkeypatch, check_alike):
    requests = [ask(prompt, max_tokens=20, stop=("no such", " ran")) for prompt in prompts[:12]]
    batch = [llama.encode(request) for request in requests]
    ours = list(llama.run(batch))
    monkeypatch.setattr(llama._runner, "pages", True)
    monkeypatch.setattr(paged, "_MEMORY_SHARE", 0.1)  # zeroing pages takes a CPU long
    check_alike(llama.run(batch), ours)
    assert llama._runner.pages, llama.info.notes
    manager = llama._runner.model._cached_continuous_batching_manager
    check_alike(llama.run(batch[:3]), ours[:3])
    assert llama._runner.model._cached_continuous_batching_manager is manager
    assert llama._runner.pages, llama.info.notes
    llama._runner.close()
    assert not hasattr(llama._runner.model, "_cached_continuous_batching_manager")


def test_samples_and_penalties_are_left_to_the_loop_here(llama, ask):
    greedy, drawn = (llama.encode(ask("the cat", temperature=t)) for t in (0.0, 0.8))
    assert can_page(llama._runner.voice, [greedy])
    assert not can_page(llama._runner.voice, [greedy, drawn])
    assert not can_page(replace(llama._runner.voice, repetition_penalty=1.1), [greedy])
    assert not can_page(replace(llama._runner.voice, rules=lambda _: []), [greedy])


def test_nothing_is_fetched_and_rows_are_bounded():
    config = _batching_config(3)
    assert (config.auto_switch_to_flash, config.max_requests_per_batch) == (False, 3)
    assert _batching_config(None).max_requests_per_batch is None


def test_a_manager_stays_for_the_next_batch(llama, ask, prompts, paging):
    manager = paging([(5, -0.5), (6, -1.5), (7, -1.0)])
    batch = encoded(llama, ask, prompts[:4], max_tokens=3)
    for _ in range(2):
        texts = list(llama._runner.texts(batch))
        assert [text.encoded for text in texts] == batch
        assert [text.token_ids for text in texts] == [[5, 6, 7]] * 4
        assert [text.mean_logprob for text in texts] == [-1.0] * 4
    assert manager.log == ["warmed up", "kept", "kept"]


def test_a_paged_text_of_numbers_that_are_none_fails_by_name(llama, ask, prompts, paging):
    paging([(5, -0.5), (0, NAN), (0, NAN)])
    short, long = (llama.encode(ask(prompts[0], max_tokens=n)) for n in (1, 3))
    attempt, fault = llama.run([short, long])
    assert attempt.completion_tokens == 1
    assert isinstance(fault, ModelError)
    assert "not finite" in str(fault)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_paged_text_that_has_stopped_is_cancelled(llama, ask, prompts, paging, asynchronous):
    [cat] = {token for token in llama._tokenizer(" cat")["input_ids"] if token > 2}
    manager = paging([(cat, -0.5)] * 20, asynchronous=asynchronous)
    batch = encoded(llama, ask, prompts[:3], max_tokens=20, stop=("cat cat",))
    batch += encoded(llama, ask, prompts[:2], max_tokens=2)
    texts = list(llama._runner.texts(batch))
    assert [len(text.token_ids) for text in texts] == [2] * 5
    assert [text.stopped for text in texts] == [True] * 3 + [False] * 2
    assert len(manager.cancelled) == (0 if asynchronous else 3)


def test_where_pages_fail_the_loop_here_does_what_is_left(llama, ask, prompts, paging, capfd):
    batch = encoded(llama, ask, prompts[:4], max_tokens=3)
    llama._runner.pages = False
    ours = [text.token_ids for text in llama._runner.texts(batch)]
    attention = llama._runner.model.config._attn_implementation
    manager = paging([(5, -0.5)] * 3, breaks_at=3)
    texts = list(llama._runner.texts(batch))
    assert [text.encoded for text in texts] == batch
    assert [text.token_ids for text in texts] == ours
    assert manager.log == ["warmed up", "stopped", "destroyed"]
    assert llama._runner.model.config._attn_implementation == attention
    assert not llama._runner.pages
    [note] = [note for note in llama.info.notes if "continuous batching" in note]
    assert note.endswith("by tailqa's own loop (RuntimeError: CUDA error: gone).")
    assert capfd.readouterr() == ("", "")
    assert [text.token_ids for text in llama._runner.texts(batch)] == ours


def test_a_model_that_cannot_page_at_all(folders, ask, prompts, capfd):
    from tailqa.engine import open_engine

    engine: Any = open_engine(str(folders["lfm2"]), device="cpu")
    batch = encoded(engine, ask, prompts[:2], max_tokens=4)
    ours = list(engine.run(batch))
    engine._runner.pages = True
    assert list(engine.run(batch)) == ours
    assert "ValueError: Invalid layer type" in engine.info.notes[-1]
    engine.close()
    assert "ValueError: Invalid layer type" in engine.info.notes[-1]
    assert capfd.readouterr() == ("", "")


def test_nothing_raw_leaves_an_engine(llama, ask, monkeypatch):
    def fail(*_args, **_more):
        raise KeyError("no such layer")

    monkeypatch.setattr(llama._runner.shared, "pack", fail)
    with pytest.raises(ModelError, match="failed: 'no such layer'"):
        list(llama.run([llama.encode(ask("the cat"))]))


def test_a_fixed_batch_size_bounds_the_questions_of_a_pass(llama, ask, prompts, monkeypatch):
    batch = [llama.encode(ask(prompt, choices=(" a", " the cat"))) for prompt in prompts[:7]]
    together = [attempt.choice_logprobs for attempt in llama.run(batch)]
    sizes, score = [], runner.score_choices
    monkeypatch.setattr(llama._runner, "batch_size", 3)
    monkeypatch.setattr(
        runner, "score_choices", lambda part, find: sizes.append(len(part)) or score(part, find)
    )
    parts = [attempt.choice_logprobs for attempt in llama.run(batch)]
    assert sizes == [3, 3, 1]
    for one, other in zip(parts, together, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_an_interruption_stops_the_manager(llama, ask, prompts, paging):
    manager = paging([(5, -0.5)] * 3)
    texts = llama._runner.texts(encoded(llama, ask, prompts[:4], max_tokens=3))
    next(texts)
    texts.close()
    assert manager.log == ["warmed up", "stopped", "destroyed"]
    assert llama._runner.pages
