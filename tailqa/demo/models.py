"""The tokenizer and the two sizes of Llama model of the embedded pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

PROMPT = "Q: {question}\nA:"
EOS, PAD = "<|end|>", "<|pad|>"
MAX_POSITIONS = 256


@dataclass(frozen=True, kw_only=True)
class Size:
    """Widths and depth of a Llama model with tied embeddings."""

    n_layers: int
    hidden: int
    mlp: int
    n_heads: int


TEACHER = Size(n_layers=6, hidden=160, mlp=448, n_heads=5)
STUDENT = Size(n_layers=2, hidden=96, mlp=256, n_heads=3)


def train_tokenizer(texts: Iterable[str], *, n_vocabulary: int = 1024) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of `texts` in which every digit is a token of its own.

    >>> tokenizer = train_tokenizer(["Q: What is 12 plus 30?", "12+30=42"], n_vocabulary=300)
    >>> tokenizer.tokenize("120=")
    ['1', '2', '0', '=']
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocabulary,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped: Callable[..., PreTrainedTokenizerFast] = PreTrainedTokenizerFast
    return wrapped(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        model_max_length=MAX_POSITIONS,
        clean_up_tokenization_spaces=False,
    )


def new_model(size: Size, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> LlamaForCausalLM:
    """An untrained model in float32 whose weights depend on the seed only."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    ends: dict[str, Any] = {
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden,
        intermediate_size=size.mlp,
        num_hidden_layers=size.n_layers,
        num_attention_heads=size.n_heads,
        num_key_value_heads=size.n_heads,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        **ends,
    )
    model = LlamaForCausalLM(config)
    settings: Callable[..., Any] = GenerationConfig
    model.generation_config = settings(max_new_tokens=96, do_sample=False, **ends)
    return model


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes a checkpoint in bf16 (safetensors), its config and its tokenizer to a folder."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load(folder: Path) -> LlamaForCausalLM:
    """A saved model in float32; every measurement is of these rounded weights."""
    import torch
    from transformers import AutoModelForCausalLM

    reader: Any = AutoModelForCausalLM
    model: LlamaForCausalLM = reader.from_pretrained(folder, dtype=torch.float32)
    return model.train(False)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a saved model."""
    from transformers import AutoTokenizer

    reader: Any = AutoTokenizer
    tokenizer: PreTrainedTokenizerFast = reader.from_pretrained(folder)
    return tokenizer


def answer(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    questions: Sequence[str],
    *,
    batch_size: int = 256,
) -> list[str]:
    """The greedy answers to questions, in their order.

    Neighbours share a batch, so questions with answers of similar length should stand together.
    """
    import torch

    generate: Callable[..., Any] = model.generate
    texts: list[str] = []
    for start in range(0, len(questions), batch_size):
        prompts = [PROMPT.format(question=q) for q in questions[start : start + batch_size]]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, return_token_type_ids=False)
        with torch.inference_mode():
            tokens = generate(**inputs)
        texts += tokenizer.batch_decode(
            tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
    return texts
