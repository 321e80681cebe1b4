"""Greedy texts on a GPU by transformers' own continuous batching: paged cache, prefix sharing."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from transformers import GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded
from tailqa.engine.texts import Text, Texts, Voice

_LOGGER = logging.getLogger("ContinuousBatchingLogger")
_MEMORY_SHARE = 0.5
"""Of the free memory for the pages: another model may stand on the same GPU."""

_WAIT_S = 1.0
_STOP_S = 30.0


def can_page(voice: Voice, batch: Sequence[Encoded]) -> bool:
    """Whether the texts are drawn as continuous batching can draw them: greedily, by no rules.

    It draws samples from one stream, so that a sample would depend on what stands beside it.
    """
    greedy = all(item.request.generation.temperature == 0 for item in batch)
    return greedy and voice.repetition_penalty == 1.0 and voice.rules is None


def generate_paged(
    model: Any, voice: Voice, batch: Sequence[Encoded], rows: int | None
) -> Iterator[Text]:
    """Each text as soon as it and all before it are over; at most `rows` are decoded at a time.

    The manager and its pages stay with the model for the next batch; `give_back` frees them. The
    model's attention must be its own until the last text is there. Whatever goes wrong within
    transformers is raised, and the manager is then gone.
    """
    texts = Texts(voice, batch).all
    given = 0
    with _manager(model, voice, rows) as manager:
        asked = _ask(manager, texts, voice)
        while given < len(texts):
            _take(manager, asked, voice)
            while given < len(texts) and texts[given].done:
                yield texts[given]
                given += 1


def give_back(model: Any) -> None:
    """Frees the manager that is kept with the model, if there is one."""
    if getattr(model, "_cached_continuous_batching_manager", None) is not None:
        model.destroy_cached_continuous_batching_manager()


def _ask(manager: Any, texts: Sequence[Text], voice: Voice) -> dict[str, Text]:
    """The texts by the id of their request."""
    # What is cancelled while its next token is on the way would end transformers' loop.
    in_turns = not manager.continuous_batching_config.use_async_batching
    asked = {}
    for text in texts:
        key = manager.add_request(
            list(text.encoded.token_ids),
            max_new_tokens=text.encoded.request.generation.max_tokens,
            eos_token_id=sorted(voice.end_ids) or -1,
            streaming=in_turns and bool(text.encoded.request.generation.stop),
        )
        asked[str(key)] = text
    return asked


def _take(manager: Any, asked: dict[str, Text], voice: Voice) -> None:
    """Waits for one result and adds its new tokens to the text; cancels one that has stopped."""
    result = manager.get_result(timeout=_WAIT_S)
    if result is None:
        if not manager.is_running():
            raise _failure(manager, "its thread ended")
        return
    text = asked.get(result.request_id)
    if text is None:  # cancelled before
        return
    if result.error is not None:
        raise _failure(manager, result.error)
    known = len(text.token_ids)
    tokens = result.generated_tokens[known:]
    # A transformers without `return_logprobs` gives none.
    logprobs = result.logprobs[known:] or [None] * len(tokens)
    for token, logprob in zip(tokens, logprobs, strict=True):
        text.append(int(token), logprob, voice.end_ids)
    if text.done or result.is_finished():
        del asked[result.request_id]
        if not result.is_finished():
            manager.cancel_request(result.request_id)
        elif not text.done:
            raise _failure(manager, "a request ended early")


def _failure(manager: Any, reason: str) -> Exception:
    fatal = manager.background_thread_status.fatal_error
    return fatal if isinstance(fatal, Exception) else ModelError(reason)


@contextmanager
def _manager(model: Any, voice: Voice, rows: int | None) -> Iterator[Any]:
    """The running manager of the model; it says nothing on the user's screen."""
    silent, _LOGGER.disabled = _LOGGER.disabled, True
    manager, whole, attention = None, False, model.config._attn_implementation
    try:
        manager = model.init_continuous_batching(
            generation_config=_generation_config(voice),
            continuous_batching_config=_batching_config(rows),
        )
        if not manager.warmed_up:
            manager.warmup()
        manager.start()
        yield manager
        whole = True
    finally:
        try:
            if manager is not None:
                _stop(model, manager, keep=whole)
        finally:
            if model.config._attn_implementation != attention:  # where it failed half-way
                model.set_attn_implementation(attention)
            _LOGGER.disabled = silent


def _stop(model: Any, manager: Any, *, keep: bool) -> None:
    manager.stop(timeout=_STOP_S, keep_for_next_session=keep, hard_stop=not keep)
    if not keep:
        give_back(model)
        manager.destroy()


def _generation_config(voice: Voice) -> GenerationConfig:
    ends = sorted(voice.end_ids) or -1
    return GenerationConfig(do_sample=False, eos_token_id=ends, pad_token_id=voice.pad_id)


def _batching_config(rows: int | None) -> ContinuousBatchingConfig:
    """Left to itself, it fetches an attention kernel from the hub in place of the model's own."""
    wanted = {
        "auto_switch_to_flash": False,
        "max_memory_percent": _MEMORY_SHARE,
        "max_requests_per_batch": rows,
        "return_logprobs": True,
    }
    known = {one.name for one in fields(ContinuousBatchingConfig)}
    return ContinuousBatchingConfig(**{name: wanted[name] for name in known & wanted.keys()})
