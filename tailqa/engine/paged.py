"""Greedy texts on a GPU by transformers' own continuous batching: paged cache, prefix sharing."""

from collections.abc import Sequence
from typing import Any

from transformers import GenerationConfig

from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded
from tailqa.engine.texts import Text, Texts, Voice


def can_page(voice: Voice, batch: Sequence[Encoded]) -> bool:
    """Whether the texts are drawn as `generate_batch` can draw them: greedily, by no rules.

    It draws samples from one stream, so that a sample would depend on what stands beside it.
    """
    greedy = all(item.request.generation.temperature == 0 for item in batch)
    return greedy and voice.repetition_penalty == 1.0 and voice.rules is None


def generate_paged(model: Any, voice: Voice, batch: Sequence[Encoded]) -> list[Text]:
    """One finished text per request, in order.

    A stop string cuts the text afterwards, as the tokens are not seen one by one. Raises
    ModelError when transformers gives a request up.
    """
    longest = max(item.request.generation.max_tokens for item in batch)
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=longest,
        eos_token_id=sorted(voice.end_ids) or -1,
        pad_token_id=voice.pad_id,
    )
    inputs = [list(item.token_ids) for item in batch]
    made = model.generate_batch(inputs, generation_config=config)
    if len(made) != len(batch):
        raise ModelError(f"continuous batching answered {len(made)} of {len(batch)} requests")
    texts = Texts(voice, batch).all
    in_order = sorted(made.values(), key=lambda output: int(output.request_id.rpartition("_")[2]))
    for text, output in zip(texts, in_order, strict=True):
        if output.error is not None:
            text.fault = f"continuous batching failed: {output.error}"
        for token in output.generated_tokens:
            text.append(int(token), None, voice.end_ids)
    return texts
