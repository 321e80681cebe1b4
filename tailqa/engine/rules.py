"""What a model's generation config says of its next tokens, beside when to end."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.generation import logits_process

from tailqa.core.errors import ModelError

Rule = Callable[[Tensor, Tensor], Tensor]
"""(token ids so far: 1 × tokens, logits: 1 × vocabulary) → logits, as transformers' processors."""

_NEUTRAL = (None, False, 0, 1)
_IGNORED = (
    "num_beams",
    "sequence_bias",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "exponential_decay_length_penalty",
    "guidance_scale",
    "watermarking_config",
    "stop_strings",
    "token_healing",
    "remove_invalid_values",
    "penalty_alpha",
    "dola_layers",
    "constraints",
    "force_words_ids",
    "max_time",
)
_IGNORED_IN_SAMPLES = ("top_k", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff")


def rules_of(config: Any, end_ids: Sequence[int], n_prompt: int, device: Any) -> list[Rule]:
    """The rules for a text behind a prompt of `n_prompt` tokens, in transformers' own order.

    Raises ModelError for a value that transformers does not take.
    """
    ends = torch.tensor(end_ids, dtype=torch.long, device=device)
    on = {"device": str(device)}
    made: dict[str, Callable[[Any], Rule]] = {
        "no_repeat_ngram_size": logits_process.NoRepeatNGramLogitsProcessor,
        "bad_words_ids": lambda words: logits_process.NoBadWordsLogitsProcessor(words, ends),
        "min_length": lambda n: logits_process.MinLengthLogitsProcessor(n, ends, **on),
        "min_new_tokens": lambda n: logits_process.MinNewTokensLengthLogitsProcessor(
            n_prompt, n, ends, **on
        ),
        "suppress_tokens": lambda ids: logits_process.SuppressTokensLogitsProcessor(ids, **on),
        "begin_suppress_tokens": lambda ids: logits_process.SuppressTokensAtBeginLogitsProcessor(
            ids, n_prompt, **on
        ),
    }
    rules = []
    for name, make in made.items():
        value = getattr(config, name, None)
        if value:
            try:
                rules.append(make(value))
            except (TypeError, ValueError) as error:
                raise ModelError(
                    f"generation_config.json sets {name}={value!r}, which cannot be followed: "
                    f"{str(error).splitlines()[0]}; mend it or take it out."
                ) from error
    return rules


def not_followed(config: Any) -> list[str]:
    """A sentence for what of a generation config would change texts and is not followed here."""
    notes = []
    for names, where in ((_IGNORED, "texts"), (_IGNORED_IN_SAMPLES, "samples")):
        found = [(name, getattr(config, name, None)) for name in names]
        told = [f"{name}={value}" for name, value in found if value not in _NEUTRAL]
        if told:
            notes.append(
                f"Its generation_config.json is not followed in {where}: {', '.join(told)}."
            )
    return notes
