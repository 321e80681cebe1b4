"""Two real models, where TAILQA_TEST_MODELS names the folder that holds them."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from tailqa.core.query import Message
from tailqa.engine import open_engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

QUESTIONS = ["What is the capital of France?", "Count from one to five.", "Name a colour."]


@pytest.fixture(scope="module", params=["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"])
def real(request, real_folder):
    return open_engine(str(real_folder / request.param), device="cpu")


def test_greedy_chat_equals_the_models_own_generate(real, ask):
    chats = [(Message(role="user", content=text),) for text in QUESTIONS]
    batch = [real.encode(ask(chat, max_tokens=12)) for chat in chats]
    model = AutoModelForCausalLM.from_pretrained(real.info.name, dtype=torch.float32).eval()
    for encoded, row in zip(batch, list(real._runner.texts(batch)), strict=True):
        ids = torch.tensor([encoded.token_ids])
        own = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12
        )
        assert row.token_ids == own[0, ids.shape[1] :].tolist()


def test_the_right_choice_is_the_likeliest(real, ask):
    encoded = real.encode(ask("The capital of France is", choices=(" Rome", " Paris", " Oslo")))
    [attempt] = real.run([encoded])
    scores = attempt.choice_logprobs
    assert scores.index(max(scores)) == 1


def test_a_gguf_file_gives_nearly_the_scores_of_its_rounded_folder(real_folder, ask):
    [file] = real_folder.glob("SmolLM2*.gguf")
    packed = open_engine(str(file), device="cpu")
    rounded = open_engine(str(real_folder / "smollm2-135m-instruct"), device="cpu")
    assert packed.info.n_parameters == rounded.info.n_parameters
    assert packed.info.weights_digest != rounded.info.weights_digest
    request = ask(
        (Message(role="user", content="What is the capital of France?"),),
        choices=("The capital", "Paris", "I do not know"),
    )
    encoded = packed.encode(request)
    assert encoded == rounded.encode(request)
    [ours], [theirs] = packed.run([encoded]), rounded.run([encoded])
    # The folder holds the dequantised weights in bfloat16.
    assert ours.choice_logprobs == pytest.approx(theirs.choice_logprobs, abs=0.1)
