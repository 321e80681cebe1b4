"""What a decode step reads, against the shapes of small models."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tailqa.engine.footprint import cache_bytes, footprint, stored_bytes
from tests.engine.conftest import tiny_config, train_tokenizer

BODY = 2 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 64)  # query, output; key, value; the MLP
NORMS = 5 * 32


def made(kind: str, **more: object):
    from transformers import AutoModelForCausalLM

    config = tiny_config(kind, 340)
    for name, value in more.items():
        setattr(config, name, value)
    return AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_embeddings_count_only_as_the_head(dtype):
    rotary = 4 * 2 * (32 // 4 // 2)  # inv_freq and its copy, always float32
    for tied in (True, False):
        found = footprint(made("llama", tie_word_embeddings=tied).to(dtype))
        weights = (BODY + NORMS + 340 * 32) * dtype.itemsize
        assert weights < found.step_weight_bytes <= weights + rotary
        assert (found.body_parameters, found.head_parameters) == (BODY, 340 * 32)
        assert found.n_vocabulary == 340


def test_layers_that_are_no_linear_count_too():
    found = footprint(made("gpt2"))
    # Conv1D: query, key and value, output, and the MLP of four times the width.
    assert found.body_parameters == 2 * (32 * 96 + 32 * 32 + 2 * 32 * 128)
    positions = 128 * 32
    held = sum(stored_bytes(p) for p in made("gpt2").parameters())
    assert found.step_weight_bytes == held - 4 * positions


def test_packed_weights_count_by_their_packed_size():
    class Packed(nn.Module):
        """Four bits per weight, two in a byte."""

        def __init__(self, linear: nn.Linear) -> None:
            super().__init__()
            self.in_features, self.out_features = linear.in_features, linear.out_features
            half = torch.zeros(linear.out_features, linear.in_features // 2, dtype=torch.uint8)
            self.weight = nn.Parameter(half, requires_grad=False)

    model = made("llama")
    before = footprint(model)
    for layer in model.model.layers:
        layer.mlp.down_proj = Packed(layer.mlp.down_proj)
    after = footprint(model)
    assert after.body_parameters == before.body_parameters
    saved = before.step_weight_bytes - after.step_weight_bytes
    assert saved == 2 * (32 * 64 * 4 - 32 * 64 // 2)


def test_of_a_mixture_of_experts_nothing_is_claimed():
    from transformers import AutoModelForCausalLM, MixtralConfig

    config = MixtralConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_local_experts=4,
    )
    found = footprint(AutoModelForCausalLM.from_config(config))
    assert (found.step_weight_bytes, found.body_parameters) == (None, None)


def test_the_cache_of_a_token_by_the_config():
    assert cache_bytes(tiny_config("llama", 340), 4) == 2 * 2 * 2 * 8 * 4  # both, layers, heads …
    assert cache_bytes(tiny_config("gpt2", 340), 2) == 2 * 2 * 4 * 8 * 2
    assert cache_bytes(tiny_config("mamba", 340), 4) == 0


def test_models_that_cannot_share_take_batches_that_fit(monkeypatch):
    from tailqa.engine import runner

    model = made("llama")
    one = runner.Runner(model, train_tokenizer(), batch_size=None, keep_attention=True)
    monkeypatch.setattr(runner, "free_bytes", lambda _: 4 * 100 * 256 * 9)
    assert one._rows(100) == 8
    monkeypatch.setattr(runner, "free_bytes", lambda _: 1 << 40)
    assert (one._rows(100), one._rows(4096)) == (64, 8)


@pytest.mark.parametrize("named", ["num_experts", "moe_num_experts", "ffn_config"])
def test_experts_have_many_names(named):
    model = made("llama")
    experts = SimpleNamespace(moe_num_experts=4) if named == "ffn_config" else 4
    model.config.get_text_config = lambda: SimpleNamespace(**{named: experts})
    assert footprint(model).step_weight_bytes is None


def test_a_tensor_that_packs_others_is_looked_into():
    class Outer(torch.Tensor):
        """Two tensors in the coat of one, as torchao makes them."""

        def __tensor_flatten__(self):
            return ["codes", "scales"], None

    tensor = torch.zeros(8, 8).as_subclass(Outer)
    tensor.codes = torch.zeros(8, 4, dtype=torch.uint8)
    tensor.scales = torch.zeros(8, dtype=torch.bfloat16)
    assert stored_bytes(tensor) == 32 + 16
