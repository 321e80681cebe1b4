"""Out of memory in the middle of a batch: fewer rows go on, and every text is what it would be."""

from typing import Any

import torch

MOST_ROWS = 3


def fail_above(engine: Any, monkeypatch: Any, limit: int) -> list[int]:
    """The engine's decode steps run out of memory above `limit` rows; returns the rows run."""
    honest = engine._runner.shared.step
    rows = []

    def step(ids: Any, positions: Any, layout: Any) -> Any:
        if len(ids) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        rows.append(len(ids))
        return honest(ids, positions, layout)

    monkeypatch.setattr(engine._runner.shared, "step", step)
    return rows


def test_half_the_rows_go_on_with_the_same_texts(llama, ask, prompts, monkeypatch, check_alike):
    requests = [
        ask(prompt, temperature=0.9 * (n % 2), seed=n, max_tokens=30)
        for n, prompt in enumerate(prompts)
    ]
    batch = [llama.encode(request) for request in requests]
    undisturbed = list(llama.run(batch))
    rows = fail_above(llama, monkeypatch, MOST_ROWS)
    check_alike(llama.run(batch), undisturbed)
    assert max(rows) <= MOST_ROWS
    assert rows.count(max(rows)) > 5, "the slots that are left are used"


def test_texts_that_do_not_fit_alone_fail_and_the_others_go_on(llama, ask, prompts, monkeypatch):
    honest = llama._runner.shared.pack
    batch = [llama.encode(ask(prompt)) for prompt in prompts]
    large = {encoded.token_ids for encoded in batch[::5]}

    def pack(rows: Any, of: Any, trunk: Any, wanted: Any) -> Any:
        if any(row in large for row in rows):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …")
        return honest(rows, of, trunk, wanted)

    monkeypatch.setattr(llama._runner.shared, "pack", pack)
    given = list(llama.run(batch))
    for encoded, one in zip(batch, given, strict=True):
        assert isinstance(one, Exception) is (encoded.token_ids in large)


def test_packs_of_choices_are_halved(llama, ask, prompts, monkeypatch):
    batch = [llama.encode(ask(prompt, choices=(" sat", " ran past"))) for prompt in prompts]
    undisturbed = [attempt.choice_logprobs for attempt in llama.run(batch)]
    honest = llama._runner.shared.pack
    sizes = []

    def pack(rows: Any, of: Any, trunk: Any, wanted: Any) -> Any:
        if of.n_tokens > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(of.n_tokens)
        return honest(rows, of, trunk, wanted)

    monkeypatch.setattr(llama._runner.shared, "pack", pack)
    halved = [attempt.choice_logprobs for attempt in llama.run(batch)]
    torch.testing.assert_close(torch.tensor(halved), torch.tensor(undisturbed), atol=1e-4, rtol=0)
    assert max(sizes) <= 100
