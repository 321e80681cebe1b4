"""transformers' continuous batching, as a GPU would run it, here on the CPU."""

from dataclasses import replace

import pytest


@pytest.mark.slow
def test_continuous_batching_gives_the_same_texts(llama, ask, prompts, monkeypatch):
    requests = [ask(prompt, max_tokens=20, stop=("no such", " ran")) for prompt in prompts[:12]]
    batch = [llama.encode(request) for request in requests]
    ours = list(llama.run(batch))
    monkeypatch.setattr(llama._runner, "pages", True)
    told = [replace(attempt, mean_logprob=None) for attempt in ours]
    assert list(llama.run(batch)) == told


def test_samples_and_penalties_are_left_to_the_loop_here(llama, ask):
    from tailqa.engine.paged import can_page

    greedy, drawn = (llama.encode(ask("the cat", temperature=t)) for t in (0.0, 0.8))
    assert can_page(llama._runner.voice, [greedy])
    assert not can_page(llama._runner.voice, [greedy, drawn])
    assert not can_page(replace(llama._runner.voice, repetition_penalty=1.1), [greedy])
