"""Choices against one plain forward pass per choice."""

from functools import cache

import pytest
import torch

CHOICES = (
    (" cat", " dogs ran past", " é🙂 nine"),
    ("a", "b", "c", "d"),
    (" on", " on a", " on a mat"),
)


@cache
def transformers_model(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).eval()


def plain_score(engine, encoded, choice):
    model = transformers_model(engine.info.name)
    ids = torch.tensor([[*encoded.token_ids, *choice]])
    with torch.inference_mode():
        logprobs = torch.log_softmax(model(ids).logits[0].float(), dim=-1)
    first = len(encoded.token_ids) - 1
    return sum(float(logprobs[first + i, token]) for i, token in enumerate(choice))


def test_scores_equal_a_plain_forward_pass(engine, ask, prompts):
    batch = [engine.encode(ask(prompt, choices=CHOICES[n % 3])) for n, prompt in enumerate(prompts)]
    for encoded, attempt in zip(batch, engine.run(batch), strict=True):
        for choice, score in zip(encoded.choice_ids, attempt.choice_logprobs, strict=True):
            assert score == pytest.approx(plain_score(engine, encoded, choice), abs=2e-4)


def test_choices_of_one_token_take_no_pass_of_their_own(llama, ask, monkeypatch):
    computed = []
    honest = llama._runner.shared.pack

    def counting(rows, pack, trunk, wanted):
        computed.append((pack.n_tokens, len(wanted)))
        return honest(rows, pack, trunk, wanted)

    monkeypatch.setattr(llama._runner.shared, "pack", counting)
    encoded = [llama.encode(ask(p, choices=CHOICES[1])) for p in ("the cat", "nine dogs ran")]
    assert all(len(choice) == 1 for item in encoded for choice in item.choice_ids)
    attempts = list(llama.run(encoded))
    # The begin token is shared, and the vocabulary is projected once per question.
    assert computed == [(sum(len(item.token_ids) for item in encoded) - 1, 2)]
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
