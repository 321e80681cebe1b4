"""Requests → token ids that fit the model's context."""

from collections.abc import Sequence
from dataclasses import replace

from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Engine, Request
from tailqa.engine.batching import length


def fitted(engine: Engine, request: Request) -> Encoded:
    """The request as token ids, its begin cut off to fit the context where the suite says so.

    The first tokens go, as in lm-eval, BOS included. Raises ModelError for a request that the
    model cannot take, such as one that is too long.

    >>> from tailqa.core.query import Generation
    >>> from tailqa.engine.scripted import ScriptedEngine
    >>> engine = ScriptedEngine({"q": "four"}, context_tokens=5)
    >>> cut = Generation(max_tokens=2, truncate="left")
    >>> fitted(engine, Request(query_id="q", prompt="2 + 2 = ?", generation=cut)).cut_tokens
    2
    """
    [encoded] = fit_all(engine, [request])
    if isinstance(encoded, ModelError):
        raise encoded
    return encoded


def fit_all(engine: Engine, requests: Sequence[Request]) -> list[Encoded | ModelError]:
    """The same of many at once; what keeps the model from taking a request is in its place."""
    encoded = engine.encode_many(requests)
    return [one if isinstance(one, ModelError) else _fit(engine, one) for one in encoded]


def _fit(engine: Engine, encoded: Encoded) -> Encoded | ModelError:
    context, needed, n = engine.context_tokens, length(encoded), len(encoded.token_ids)
    if context is None or needed <= context:
        return encoded
    surplus = needed - context
    if encoded.request.generation.truncate == "left" and surplus < n:
        return replace(encoded, token_ids=encoded.token_ids[surplus:], cut_tokens=surplus)
    return ModelError(
        f"the prompt ({n} tokens) and its completion ({needed - n}) exceed the model's {context} "
        "tokens; fewer shots (--num-fewshot) or a smaller max_tokens would fit"
    )
