"""Models whose prefixes can be shared in part or not at all, against their plain forward pass."""

import copy
from typing import Any

import pytest
import torch
import transformers

from tailqa.core.ports import Encoded, Request
from tailqa.core.query import Generation
from tailqa.core.report import ModelInfo
from tailqa.engine.local import LocalEngine
from tests.engine.conftest import train_tokenizer

SIZES: dict[str, Any] = {
    "vocab_size": 340,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.5,
    "max_position_embeddings": 128,
    "bos_token_id": 0,
    "eos_token_id": None,
    "pad_token_id": 2,
}


def make(config: Any) -> tuple[Any, LocalEngine]:
    """The bare model, and the engine of a copy."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    model.generation_config.eos_token_id = None
    info = ModelInfo(
        name="m",
        revision=None,
        weights_digest="",
        tokenizer_digest="",
        template_digest=None,
        architecture="",
        n_parameters=1,
        dtype="float32",
        device="cpu",
        engine="",
    )
    tokenizer = train_tokenizer()
    tokenizer.eos_token = None
    return model, LocalEngine(copy.deepcopy(model), tokenizer, info)


def asked(ids: Any, choices: Any = (), max_tokens: int = 8) -> Encoded:
    generation = Generation(max_tokens=max_tokens)
    request = Request(query_id="q", prompt="", generation=generation, choices=("",) * len(choices))
    return Encoded(request=request, text="", token_ids=tuple(ids), choice_ids=tuple(choices))


@torch.inference_mode()
def after(model: Any, ids: Any) -> torch.Tensor:
    return model(input_ids=torch.tensor([list(ids)])).logits[0, -1].log_softmax(-1)


def greedy(model: Any, ids: Any, n: int) -> list[int]:
    said = list(ids)
    for _ in range(n):
        said.append(int(after(model, said).argmax()))
    return said[len(ids) :]


def check(model: Any, engine: LocalEngine, prompts: Any, *, n: int = 8) -> None:
    scored = engine.run([asked(ids, [(5,), (6,)]) for ids in prompts])
    for ids, attempt in zip(prompts, scored, strict=True):
        assert attempt.choice_logprobs == pytest.approx(after(model, ids)[5:7].tolist(), abs=1e-3)
    texts = engine._runner.texts([asked(ids, max_tokens=n) for ids in prompts])
    assert [text.token_ids for text in texts] == [greedy(model, ids, n) for ids in prompts]


def draw(*lengths: int) -> list[tuple[int, ...]]:
    generator = torch.Generator().manual_seed(1)
    return [tuple(torch.randint(3, 340, (n,), generator=generator).tolist()) for n in lengths]


def test_positions_that_turn_with_the_length_turn_for_the_whole_row():
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 4,
        "long_factor": [4.0, 8.0, 16.0, 32.0],
        "original_max_position_embeddings": 40,
    }
    config = transformers.Phi3Config(
        rope_parameters=rope, original_max_position_embeddings=40, **SIZES
    )
    model, engine = make(config)
    assert engine.info.notes == (
        "Prefixes that prompts share are computed anew for rows of more than 40 tokens, past which "
        "all positions are rotated otherwise.",
    )
    first, second, third = draw(20, 36, 60)
    # Before, across and behind the turn, alone and beside each other.
    check(model, engine, [first, first[:10] + second[:9]])
    check(model, engine, [third, second, first])


def test_a_layer_that_masks_by_itself_shares_no_prefixes():
    model, engine = make(transformers.DogeConfig(keep_window_size=16, **SIZES))
    # What it masks by itself, it masks otherwise beside padding.
    assert engine.info.notes == (
        "Prefixes that prompts share are computed anew for every row: its attention cannot be "
        "shared (ModelError).",
        "They are run one at a time: beside others its logits come out differently, or not at all.",
    )
    check(model, engine, draw(8, 30, 14))


def bart() -> Any:
    # A decoder that counts positions from the first token, padding included.
    return transformers.BartConfig(
        vocab_size=340,
        d_model=32,
        decoder_ffn_dim=64,
        decoder_attention_heads=4,
        max_position_embeddings=128,
        init_std=0.5,
        is_decoder=True,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=2,
        decoder_layers=2,
        encoder_layers=2,
    )


def test_a_model_that_padding_disturbs_runs_row_by_row():
    model, engine = make(bart())
    assert engine.info.notes[1] == (
        "They are run one at a time: beside others its logits come out differently, or not at all."
    )
    check(model, engine, draw(9, 30, 14))


def test_a_cache_that_no_row_can_leave_runs_row_by_row():
    config = transformers.MiniMaxConfig(
        head_dim=8, num_local_experts=2, num_experts_per_tok=1, block_size=16, **SIZES
    )
    model, engine = make(config)
    assert len(engine.info.notes) == 2
    rows, counts = draw(9, 30, 14, 21), (8, 2, 8, 2)
    asks = [asked(row, max_tokens=n) for row, n in zip(rows, counts, strict=True)]
    assert [text.token_ids for text in engine._runner.texts(asks)] == [
        greedy(model, row, n) for row, n in zip(rows, counts, strict=True)
    ]


def test_padding_is_tried_where_prefixes_are_not_shared():
    model, engine = make(transformers.MistralConfig(sliding_window=8, **SIZES))
    assert len(engine.info.notes) == 1
    check(model, engine, draw(9, 30, 14))
