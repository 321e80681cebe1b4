"""Choices against one plain forward pass per choice."""

import pytest
import torch

CHOICES = (
    (" cat", " dogs ran past", " é🙂 nine"),
    ("a", "b", "c", "d"),
    (" on", " on a", " on a mat"),
)


def plain_score(engine, encoded, choice):
    model = engine._generator.forward._model
    ids = torch.tensor([[*encoded.token_ids, *choice]])
    with torch.inference_mode():
        logprobs = torch.log_softmax(model(ids).logits[0].float(), dim=-1)
    first = len(encoded.token_ids) - 1
    return sum(float(logprobs[first + i, token]) for i, token in enumerate(choice))


@pytest.mark.parametrize("batch_size", [None, 3])
def test_scores_equal_a_plain_forward_pass(engine, ask, prompts, batch_size):
    from tailqa.engine.scoring import score_choices

    batch = [engine.encode(ask(prompt, choices=CHOICES[n % 3])) for n, prompt in enumerate(prompts)]
    generator = engine._generator
    scores = score_choices(generator.forward, batch, pad_id=2, rows=batch_size or 32)
    for encoded, found in zip(batch, scores, strict=True):
        for choice, score in zip(encoded.choice_ids, found, strict=True):
            assert score == pytest.approx(plain_score(engine, encoded, choice), abs=2e-4)


def test_choices_of_one_token_share_one_row(llama, ask, monkeypatch):
    widths = []
    forward = llama._generator.forward
    honest = forward.last_logits

    def counting(ids, mask, n):
        widths.append(ids.shape)
        return honest(ids, mask, n)

    monkeypatch.setattr(forward, "last_logits", counting)
    encoded = [llama.encode(ask(p, choices=CHOICES[1])) for p in ("the cat", "nine dogs ran")]
    assert all(len(choice) == 1 for item in encoded for choice in item.choice_ids)
    attempts = list(llama.run(encoded))
    assert [shape[0] for shape in widths] == [2]
    assert attempts[0].finish_reason == "choice"
    assert attempts[0].text == ""
    assert attempts[0].completion_tokens == 4
    assert len(attempts[0].choice_logprobs) == 4


def test_a_choice_is_timed_as_one_token(llama, ask):
    timing = llama.time(llama.encode(ask("the cat", choices=CHOICES[0])))
    assert timing.completion_tokens == 1
    assert timing.first_token_s == timing.answer_s > 0


def test_a_text_is_timed_to_its_first_and_its_last_token(llama, ask):
    timing = llama.time(llama.encode(ask("the cat sat", max_tokens=5)))
    assert 0 < timing.first_token_s <= timing.answer_s
    assert 1 <= timing.completion_tokens <= 5
