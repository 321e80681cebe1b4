"""What goes wrong while a model runs: that query fails by name, the others are answered."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tailqa.core.answer import Answered, Failed
from tailqa.core.errors import ModelError
from tailqa.core.ports import Silent
from tailqa.engine import ResponseStore, ScriptedEngine, answer, measure, open_engine
from tailqa.engine.fitting import fitted
from tailqa.engine.loading import try_out

PROMPTS = ["the cat sat", "nine red doors", "seven dogs ran past a mat", "42 blue ones"]
CHOICES = (" a cat", " the dogs ran", " 42")


@pytest.fixture(params=["generation", "choices"])
def requests(request, ask):
    choices = CHOICES if request.param == "choices" else ()
    return [ask(prompt, f"q{i}", choices=choices) for i, prompt in enumerate(PROMPTS)]


def answered(engine, requests, tmp_path):
    with ResponseStore(tmp_path / "store") as store:
        return answer(engine, store, requests, progress=Silent(), task="teacher")


def only_one_fails(answers, healthy, reason):
    assert [type(one) for one in answers] == [Answered, Failed, Answered, Answered]
    assert reason in answers[1].reason
    for ours, theirs in zip(answers, healthy, strict=True):
        if isinstance(ours, Answered):
            assert ours.attempts[0].text == theirs.attempts[0].text
            assert ours.attempts[0].choice_logprobs == pytest.approx(
                theirs.attempts[0].choice_logprobs, abs=1e-4
            )


@pytest.fixture
def token(llama, ask):
    """A token of the second prompt and of no other text here."""
    ids = [set(llama.encode(ask(prompt)).token_ids) for prompt in PROMPTS]
    return min(ids[1] - ids[0] - ids[2] - ids[3])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none(number, llama, folders, token, requests, tmp_path):
    folder = shutil.copytree(folders["llama"], tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][token] = number
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    sick = open_engine(str(folder), device="cpu")
    answers = answered(sick, requests, tmp_path / "sick")
    only_one_fails(answers, answered(llama, requests, tmp_path / "healthy"), "not finite")


def test_no_memory_for_one_query_alone(llama, token, requests, tmp_path):
    def run_out(module, inputs):
        if isinstance(module, torch.nn.Embedding) and bool((inputs[0] == token).any()):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    healthy = answered(llama, requests, tmp_path / "healthy")
    hook = torch.nn.modules.module.register_module_forward_pre_hook(run_out)
    try:
        answers = answered(llama, requests, tmp_path / "short")
    finally:
        hook.remove()
    only_one_fails(answers, healthy, "out of memory")


def test_a_dtype_that_the_device_cannot_compute(folders):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folders["llama"]).to(torch.float8_e4m3fn)
    with pytest.raises(
        ModelError, match="tiny cannot be run in float8_e4m3fn on cpu: it"
    ) as caught:
        try_out(model, "tiny")
    assert "\n" not in str(caught.value)


def test_a_prompt_that_is_too_long_fails_or_loses_its_begin(llama, ask, tmp_path):
    long = " ".join(["the cat sat on a mat"] * 60)
    requests = [
        ask(long, "whole"),
        ask(long, "cut", truncate="left"),
        ask(long, "choice", choices=(" a", " the cat"), truncate="left"),
        ask("the cat", "short", truncate="left"),
        ask("the cat", "no room", max_tokens=128, truncate="left"),
    ]
    answers = {one.query_id: one for one in answered(llama, requests, tmp_path)}
    assert "exceed the model's 128 tokens" in answers["whole"].reason
    assert "exceed the model's 128 tokens" in answers["no room"].reason
    n = len(llama.encode(requests[0]).token_ids)
    [cut] = answers["cut"].attempts
    assert (cut.prompt_tokens, cut.cut_tokens) == (128 - 24, n - (128 - 24))
    [choice] = answers["choice"].attempts
    assert choice.prompt_tokens + choice.cut_tokens == n
    assert answers["short"].attempts[0].cut_tokens == 0
    assert fitted(llama, requests[1]).token_ids == llama.encode(requests[1]).token_ids[-104:]


def test_what_was_cut_is_known_when_it_comes_from_the_store(ask, tmp_path):
    engine = ScriptedEngine(lambda _: "four", context_tokens=8)
    request = ask("a b c d e f g h i", "q", max_tokens=3, truncate="left")
    first = answered(engine, [request], tmp_path)
    again = answered(engine, [request], tmp_path)
    assert first == again
    assert (again[0].attempts[0].cut_tokens, engine.n_attempts) == (4, 1)


def test_the_speed_pass_cuts_the_same(ask):
    engines = [ScriptedEngine(lambda _: "four", context_tokens=8) for _ in range(2)]
    request = ask("a b c d e f g h i", "q", max_tokens=3, truncate="left")
    assert len(measure(*engines, [request], progress=Silent())) == 1
    with pytest.raises(ModelError, match="exceed"):
        measure(*engines, [ask("a b c d e f g h i", "q", max_tokens=3)], progress=Silent())
