"""Tiny models with random weights, saved as a person would have them, and a tokenizer for them."""

import os
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailqa.core.answer import Attempt
from tailqa.core.ports import Engine, Request
from tailqa.core.query import Generation, Message

TEXT = "the cat sat on a mat while seven dogs ran past nine red doors and 42 blue ones"
KINDS = ("llama", "gpt2", "qwen2", "mistral", "lfm2")
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def sentences(n: int, *, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(TEXT.split(), k=rng.randint(1, 24))) + " é🙂" for _ in range(n)]


def train_tokenizer(*, adds_bos: bool = True, template: str | None = TEMPLATE) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences(200), trainer)
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)]
        )
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    fast: Any = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.chat_template = template
    return fast


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_config(kind: str, n_vocabulary: int, wider: dict[str, int] | None = None) -> Any:
    import transformers

    sizes = {"vocab_size": n_vocabulary, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    if kind == "gpt2":
        return transformers.GPT2Config(
            n_positions=128, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3, **sizes
        )
    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "initializer_range": 0.3,
        **(wider or {}),
    }
    if kind == "mistral":
        return transformers.MistralConfig(sliding_window=8, **shape, **sizes)
    if kind == "lfm2":
        layers = ["conv", "full_attention"]
        return transformers.Lfm2Config(layer_types=layers, block_multiple_of=8, **shape, **sizes)
    if kind == "mamba":
        return transformers.MambaConfig(hidden_size=32, num_hidden_layers=1, **sizes)
    if kind == "qwen2":
        return transformers.Qwen2Config(**shape, **sizes)
    return transformers.LlamaConfig(**shape, **sizes)


def make_folder(
    folder: Path,
    kind: str,
    *,
    ends: list[int] | None = None,
    shape: dict[str, int] | None = None,
    **more: Any,
) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = train_tokenizer(**more)
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(tiny_config(kind, len(tokenizer), shape))
    model.generation_config.eos_token_id = ends or 1
    return save(folder, model, tokenizer)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Learned and rotary positions, sliding windows, convolutions beside attention.

    Many end tokens, so that texts end at different lengths.
    """
    root = tmp_path_factory.mktemp("models")
    ends = [1, *range(270, 290)]
    return {kind: make_folder(root / kind, kind, ends=ends) for kind in KINDS}


@pytest.fixture(scope="session", params=KINDS)
def engine(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Engine:
    from tailqa.engine import open_engine

    return open_engine(str(folders[request.param]), device="cpu")


@pytest.fixture(scope="session")
def llama(folders: dict[str, Path]) -> Engine:
    from tailqa.engine import open_engine

    return open_engine(str(folders["llama"]), device="cpu")


@pytest.fixture(scope="session")
def real_folder() -> Path:
    folder = os.environ.get("TAILQA_TEST_MODELS")
    if not folder:
        pytest.skip("TAILQA_TEST_MODELS names no folder of real models")
    return Path(folder)


@pytest.fixture(scope="session")
def ask() -> Callable[..., Request]:
    """Makes a request of a prompt; what is not named is a generation setting."""

    def make(
        prompt: str | tuple[Message, ...],
        query_id: str = "q",
        *,
        choices: tuple[str, ...] = (),
        sample: int = 0,
        seed: int = 0,
        **generation: Any,
    ) -> Request:
        generation.setdefault("max_tokens", 24)
        return Request(
            query_id=query_id,
            prompt=prompt,
            generation=Generation(**generation),
            choices=choices,
            sample=sample,
            seed=seed,
        )

    return make


@pytest.fixture(scope="session")
def new_folder() -> Callable[..., Path]:
    """Saves one more tiny model."""
    return make_folder


@pytest.fixture(scope="session")
def check_alike() -> Callable[..., None]:
    """Holds attempts equal; a mean log-probability shows, in the last digit, another batch."""

    def check(ours: Iterable[Attempt], theirs: Iterable[Attempt]) -> None:
        for one, other in zip(ours, theirs, strict=True):
            assert one.mean_logprob == pytest.approx(other.mean_logprob, abs=1e-5)
            assert replace(one, mean_logprob=other.mean_logprob) == other

    return check


@pytest.fixture(scope="session")
def prompts() -> list[str]:
    """Of one to some forty tokens."""
    return sentences(40, seed=1)
