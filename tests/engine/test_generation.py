"""The decode loop against transformers' own, alone and in a batch."""

import copy
import json
import shutil
from functools import cache
from typing import Any

import pytest
import torch
from tokenizers import AddedToken
from transformers import GenerationConfig

from tailqa.core.errors import ModelError
from tailqa.core.query import Message
from tailqa.engine.rules import not_followed
from tailqa.engine.stopping import StopFinder


@cache
def transformers_model(folder: str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).eval()


def parts(engine: Any) -> tuple[Any, Any]:
    """The model of an engine as transformers runs it by itself, and the tokenizer."""
    return transformers_model(engine.info.name), engine._tokenizer


def run_alone(engine: Any, requests: Any) -> list[Any]:
    return [next(engine.run([engine.encode(request)])) for request in requests]


def run_together(engine: Any, requests: Any) -> list[Any]:
    return list(engine.run([engine.encode(request) for request in requests]))


def texts_of(engine: Any, batch: Any) -> list[Any]:
    return list(engine._runner.texts(batch))


def own_greedy(engine: Any, prompt: str, max_tokens: int) -> list[int]:
    model, tokenizer = parts(engine)
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=max_tokens,
        pad_token_id=2,
    )
    return made[0, ids.shape[1] :].tolist()


def test_greedy_equals_the_models_own_generate_token_for_token(engine, ask, prompts):
    batch = [engine.encode(ask(prompt, max_tokens=40)) for prompt in prompts]
    rows = texts_of(engine, batch)
    lengths = set()
    for prompt, row in zip(prompts, rows, strict=True):
        assert row.token_ids == own_greedy(engine, prompt, 40)
        lengths.add(len(row.token_ids))
    assert len(lengths) > 5, "texts of one length would not test that rows leave the batch"


def test_an_attempt_in_a_batch_is_the_attempt_alone(engine, ask, prompts, check_alike):
    requests = [
        ask(prompt, temperature=0.9 * (n % 2), top_p=(1.0, 0.8)[n % 3 == 0], seed=n)
        for n, prompt in enumerate(prompts)
    ]
    check_alike(run_together(engine, requests), run_alone(engine, requests))


def test_logits_do_not_depend_on_padding(engine, ask, prompts):
    model, _ = parts(engine)
    forward = engine._runner.plain
    from tailqa.engine.forward import left_pad
    from tailqa.engine.sharing import attending

    rows = [engine.encode(ask(prompt)).token_ids for prompt in prompts]
    ids, mask = left_pad(rows, 2, forward.device)
    with torch.inference_mode(), attending(engine._runner.model, engine._runner.own_attention):
        padded, _ = forward.prefill(ids, mask)
        for row, logits in zip(rows, padded, strict=True):
            alone = model(torch.tensor([row])).logits[0, -1]
            torch.testing.assert_close(logits, alone, atol=2e-4, rtol=1e-4)


def test_a_completion_counts_its_end_token(llama, ask, prompts):
    attempts = run_together(llama, [ask(prompt, max_tokens=40) for prompt in prompts])
    ended = [a for a in attempts if a.finish_reason == "stop"]
    cut_off = [a for a in attempts if a.finish_reason == "length"]
    assert ended
    assert cut_off
    assert all(a.completion_tokens == 40 for a in cut_off)
    for prompt, attempt in zip(prompts, attempts, strict=True):
        assert attempt.completion_tokens == len(own_greedy(llama, prompt, 40))


def test_a_stop_string_ends_the_text_across_token_borders(llama, ask, prompts):
    _, tokenizer = parts(llama)
    free = [ask(prompt, temperature=2.0, max_tokens=40) for prompt in prompts]
    rows = texts_of(llama, [llama.encode(request) for request in free])
    stopped, texts, borders = [], [], []
    for prompt, row in zip(prompts, rows, strict=True):
        tokens = [tokenizer.decode([token]) for token in row.token_ids]
        clean = [bool(token) and "�" not in token and "<" not in token for token in tokens]
        border = next((i for i in range(1, len(tokens)) if clean[i - 1] and clean[i]), None)
        if border is None:
            continue
        stop = tokens[border - 1][-1] + tokens[border][0]
        stopped.append(ask(prompt, temperature=2.0, max_tokens=40, stop=("no such", stop)))
        texts.append(tokenizer.decode(row.token_ids, skip_special_tokens=True).split(stop)[0])
        borders.append(border)
    assert len(stopped) > 10
    for attempt, text, border in zip(run_together(llama, stopped), texts, borders, strict=True):
        assert attempt.text == text
        assert attempt.finish_reason == "stop"
        assert attempt.completion_tokens <= border + 1


def test_a_stop_string_can_be_a_special_token(llama, ask, prompts):
    free = [ask(prompt, temperature=9.0, seed=n) for n in range(10) for prompt in prompts]
    rows = texts_of(llama, [llama.encode(request) for request in free])
    padded = [row for row in rows if 2 in row.token_ids[:-1]]
    assert padded
    stopped = [
        ask(row.encoded.text, temperature=9.0, seed=row.encoded.request.seed, stop=("<pad>",))
        for row in padded
    ]
    for row, attempt in zip(padded, run_together(llama, stopped), strict=True):
        n = row.token_ids.index(2) + 1
        assert attempt.completion_tokens == n
        assert attempt.text == parts(llama)[1].decode(row.token_ids[:n], skip_special_tokens=True)


def test_the_name_of_a_special_token_is_no_text(llama, ask, prompts):
    free = [ask(prompt, temperature=9.0, seed=n) for n in range(10) for prompt in prompts]
    rows = texts_of(llama, [llama.encode(request) for request in free])
    padded = [row for row in rows if 2 in row.token_ids[:-1]]
    assert padded
    for row in padded:
        request = ask(
            row.encoded.text, temperature=9.0, seed=row.encoded.request.seed, stop=("pad>",)
        )
        [attempt] = run_together(llama, [request])
        assert attempt.completion_tokens == len(row.token_ids)


def test_seeds_and_samples_give_different_texts_and_the_same_again(llama, ask):
    def texts(seed: int) -> list[str]:
        requests = [ask("the cat", temperature=1.0, seed=seed, sample=n) for n in range(8)]
        return [attempt.text for attempt in run_together(llama, requests)]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert len(set(texts(1))) > 4


def test_sampled_tokens_follow_the_models_distribution(llama, ask):
    model, _ = parts(llama)
    n = 2000
    requests = [
        ask("seven dogs", max_tokens=1, temperature=2.0, top_p=0.9, seed=seed) for seed in range(n)
    ]
    encoded = [llama.encode(request) for request in requests]
    counts = torch.zeros(model.config.vocab_size)
    for row in texts_of(llama, encoded):
        counts[row.token_ids[0]] += 1
    with torch.inference_mode():
        logits = model(torch.tensor([encoded[0].token_ids])).logits[0, -1]
    expected = torch.softmax(logits / 2.0, dim=-1)
    ordered, order = expected.sort(descending=True)
    dropped = order[(ordered.cumsum(0) - ordered) >= 0.9]
    assert counts[dropped].sum() == 0
    expected[dropped] = 0
    expected /= expected.sum()
    error = (counts / n - expected).abs() / (expected * (1 - expected) / n).sqrt().clamp(min=1e-9)
    assert error[expected > 0.005].max() < 4.5


def test_the_repetition_penalty_of_the_generation_config_holds(new_folder, tmp_path, ask, prompts):
    from tailqa.engine import open_engine

    folder = new_folder(tmp_path / "m", "qwen2")
    config = folder / "generation_config.json"
    config.write_text(config.read_text().replace("{", '{"repetition_penalty": 1.3,', 1))
    engine: Any = open_engine(str(folder), device="cpu")
    batch = [engine.encode(ask(prompt)) for prompt in prompts]
    for prompt, row in zip(prompts, texts_of(engine, batch), strict=True):
        assert row.token_ids == own_greedy(engine, prompt, 24)


@pytest.mark.parametrize(
    "settings",
    [
        {"no_repeat_ngram_size": 2},
        {"min_new_tokens": 9, "repetition_penalty": 1.2},
        {"bad_words_ids": [[300], [301, 302], [5]], "min_length": 20},
        {"suppress_tokens": [*range(260, 300)], "begin_suppress_tokens": [*range(300, 320)]},
    ],
)
def test_the_rules_of_the_generation_config_hold(folders, tmp_path, ask, prompts, settings):
    from tailqa.engine import open_engine

    folder = shutil.copytree(folders["qwen2"], tmp_path / "m")
    config = folder / "generation_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | settings))
    engine: Any = open_engine(str(folder), device="cpu")
    free: Any = open_engine(str(folders["qwen2"]), device="cpu")
    some = prompts[:8]
    batch = [engine.encode(ask(prompt)) for prompt in some]
    rows = [text.token_ids for text in texts_of(engine, batch)]
    assert rows == [own_greedy(engine, prompt, 24) for prompt in some]
    assert rows != [text.token_ids for text in texts_of(free, batch)]


def test_what_of_a_generation_config_is_not_followed_is_told():
    config = GenerationConfig(num_beams=4, top_k=20, min_new_tokens=2, guidance_scale=1.0)
    assert not_followed(config) == [
        "Its generation_config.json is not followed in texts: num_beams=4.",
        "Its generation_config.json is not followed in samples: top_k=20.",
    ]
    assert not_followed(GenerationConfig()) == []


def test_the_mean_logprob_is_that_of_the_models_own_distribution(
    new_folder, tmp_path, engine, ask, prompts
):
    """Before the temperature and before the repetition penalty, up to the end token."""
    from tailqa.engine import open_engine

    folder = new_folder(tmp_path / "m", "qwen2")
    config = folder / "generation_config.json"
    config.write_text(config.read_text().replace("{", '{"repetition_penalty": 1.3,', 1))
    penalised: Any = open_engine(str(folder), device="cpu")
    for one, temperature in ((engine, 0.0), (engine, 0.7), (penalised, 0.0)):
        model, _ = parts(one)
        batch = [one.encode(ask(prompt, temperature=temperature)) for prompt in prompts[:5]]
        attempts = list(one.run(batch))
        for text, attempt in zip(texts_of(one, batch), attempts, strict=True):
            n = len(text.token_ids)
            row = torch.tensor([[*text.encoded.token_ids, *text.token_ids]])
            with torch.inference_mode():
                logprobs = model(row).logits[0, -n - 1 : -1].float().log_softmax(dim=-1)
            own = logprobs.gather(1, row[0, -n:, None]).mean()
            assert attempt.mean_logprob == pytest.approx(float(own), abs=2e-4)


def test_logits_that_are_no_numbers_are_an_error(new_folder, tmp_path, ask):
    from tailqa.engine import open_engine

    engine: Any = open_engine(str(new_folder(tmp_path / "m", "llama")), device="cpu")
    engine._runner.model.model.norm.weight.data.fill_(float("nan"))
    for request in (ask("the cat"), ask("the cat", choices=(" sat", " ran"))):
        [fault] = run_together(engine, [request])
        assert isinstance(fault, ModelError)
        assert "not finite" in str(fault)


def test_a_chat_is_rendered_once_with_one_begin_token(llama, ask):
    chat = (Message(role="user", content="the cat"), Message(role="assistant", content="sat"))
    encoded = llama.encode(ask(chat))
    assert encoded.text == "<s>[user] the cat\n[assistant] sat\n[assistant] "
    assert encoded.token_ids.count(0) == 1
    _, tokenizer = parts(llama)
    turns = [{"role": m.role, "content": m.content} for m in chat]
    whole = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    assert list(encoded.token_ids) == whole


def test_samples_do_not_change_where_memory_runs_out_while_they_are_drawn(
    llama, ask, prompts, monkeypatch
):
    batch = [llama.encode(ask(prompt, temperature=0.9, seed=5)) for prompt in prompts[:6]]
    undisturbed = [text.token_ids for text in texts_of(llama, batch)]
    whole, calls = torch.Tensor.log_softmax, []

    def run_out(self, *args, **more):
        calls.append(1)
        if len(calls) == 12:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, *args, **more)

    monkeypatch.setattr(torch.Tensor, "log_softmax", run_out)
    assert [text.token_ids for text in texts_of(llama, batch)] == undisturbed
    assert len(calls) > 12


def test_special_tokens_do_not_hide_a_stop_string(llama):
    tokenizer = llama._tokenizer
    [cat] = {token for token in tokenizer(" cat")["input_ids"] if token > 2}
    finder = StopFinder(tokenizer, ["cat cat"])
    row = [cat, *[2] * 20, cat]
    assert finder.reached(row)
    assert not finder.reached(row[:-1])


def test_a_special_token_without_a_part_can_be_a_stop_string(llama):
    tokenizer = copy.deepcopy(llama._tokenizer)
    added = AddedToken("<|turn|>", special=True)
    tokenizer.add_tokens([added])
    token = tokenizer.convert_tokens_to_ids("<|turn|>")
    assert token not in tokenizer.all_special_ids
    assert StopFinder(tokenizer, ["<|turn|>"]).reached([5, token])
    assert not StopFinder(tokenizer, ["turn"]).reached([5, token])


def test_a_stop_string_is_found_behind_half_a_character():
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)}
    bytes_alone = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    bytes_alone.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    finder = StopFinder(PreTrainedTokenizerFast(tokenizer_object=bytes_alone), ["up"])
    for text in ("éup", "🙂up", "🙂tup"):
        assert finder.reached(list(text.encode()))
    assert not finder.reached(list("🙂u".encode()))
