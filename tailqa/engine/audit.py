"""What a model really sees of a prompt: its token ids, read back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tailqa.core.errors import ModelError
from tailqa.core.ports import Engine, Request
from tailqa.engine.fitting import fit_all


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One prompt as its token ids read, special tokens written out; `n_begins` BOS lead it."""

    text: str
    n_begins: int
    cut_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one model saw of some prompts, by query id.

    `begin` is BOS, `begins` says that texts of this model are meant to start with it, and each of
    `ends` ends an answer.
    """

    begin: str | None = None
    begins: bool = False
    ends: tuple[str, ...] = ()
    prompts: Mapping[str, Seen] = field(default_factory=dict)


def look(engine: Engine, requests: Sequence[Request]) -> Look:
    """Tokenises the prompts as they are asked and reads the ids back.

    A prompt that the model cannot take is left out.

    >>> from tailqa.core.query import Generation
    >>> from tailqa.engine.scripted import ScriptedEngine
    >>> ask = Request(query_id="q", prompt="2 +  2", generation=Generation())
    >>> look(ScriptedEngine({"q": "4"}), [ask]).prompts
    {'q': Seen(text='2 + 2', n_begins=0, cut_tokens=0)}
    """
    special = engine.special_tokens
    prompts = {}
    for request, encoded in zip(requests, fit_all(engine, requests), strict=True):
        if not isinstance(encoded, ModelError):
            prompts[request.query_id] = Seen(
                text=engine.decode(encoded.token_ids),
                n_begins=_leading(encoded.token_ids, special.begin_id),
                cut_tokens=encoded.cut_tokens,
            )
    return Look(
        begin=None if special.begin_id is None else engine.decode([special.begin_id]),
        begins=special.begins,
        ends=tuple(engine.decode([token]) for token in special.end_ids),
        prompts=prompts,
    )


def _leading(token_ids: Sequence[int], begin_id: int | None) -> int:
    return next((n for n, token in enumerate(token_ids) if token != begin_id), len(token_ids))
