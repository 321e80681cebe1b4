"""Requests → token ids, as lm-eval's `hf` backend makes them."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Request, SpecialTokens
from tailqa.core.query import Message

_AT_ONCE = 256
"""Requests whose token ids are held as lists at a time."""


class Encoder:
    """A tokenizer and the rules around it.

    A plain prompt gets the special tokens that the tokenizer adds before it by itself, unless it
    begins with BOS; those that it adds behind, as an EOS, are left out, for the text goes on. A
    chat is rendered by its template, which is the whole truth: nothing is added. For choices,
    trailing blanks of the prompt move to the choice, both are tokenised as one text, and what lies
    behind the prompt's own tokens is the choice. Before a text that continues it, the prompt has
    the very tokens that the text was generated from.
    """

    def __init__(self, tokenizer: Any, *, n_embeddings: int) -> None:
        self._tokenizer = tokenizer
        self._n_embeddings = n_embeddings
        self._ahead: dict[tuple[str, bool], list[int]] = {}
        self._begin = tokenizer.bos_token_id
        if self._begin is None:
            self._begin = tokenizer.eos_token_id
        self._begin_text = None if self._begin is None else tokenizer.decode(self._begin)
        self._n_behind = self._behind()

    def encode_many(self, requests: Sequence[Request]) -> list[Encoded | ModelError]:
        """Many requests; where one cannot be taken, its error stands in its place.

        All texts go to the tokenizer together, which splits them over the processor's cores.
        """
        encoded: list[Encoded | ModelError] = []
        for start in range(0, len(requests), _AT_ONCE):
            part = requests[start : start + _AT_ONCE]
            self._tokenise_ahead(part)
            encoded += [self._encoded(request) for request in part]
            self._ahead.clear()
        return encoded

    def encode(self, request: Request) -> Encoded:
        """The request as token ids. Raises ModelError when the tokenizer cannot take it."""
        plain = isinstance(request.prompt, str)
        text = request.prompt if isinstance(request.prompt, str) else self._render(request.prompt)
        if not request.choices:
            return Encoded(request=request, text=text, token_ids=self._prompt_ids(text, plain))
        context = _context(request, text)
        prompt_ids = self._prompt_ids(context, plain)
        choice_ids = tuple(
            self._choice_ids(
                context, text[len(context) :] + choice, plain, continues=request.continues
            )
            for choice in request.choices
        )
        return Encoded(request=request, text=text, token_ids=prompt_ids, choice_ids=choice_ids)

    def _encoded(self, request: Request) -> Encoded | ModelError:
        try:
            return self.encode(request)
        except ModelError as error:
            return error

    def _tokenise_ahead(self, requests: Sequence[Request]) -> None:
        """Keeps the ids of all texts that `encode` will ask for."""
        texts: dict[bool, set[str]] = {True: set(), False: set()}
        for request in requests:
            plain = isinstance(request.prompt, str)
            with contextlib.suppress(ModelError):
                text = (
                    request.prompt
                    if isinstance(request.prompt, str)
                    else self._render(request.prompt)
                )
                context = _context(request, text)
                ends = [text[len(context) :] + choice for choice in request.choices]
                adding = self._adds(context, plain)
                texts[adding] |= {context, *(context + end for end in ends)}
        for adding, wanted in texts.items():
            listed = sorted(wanted)
            # A text that the tokenizer refuses, by whatever exception of its own, is found and
            # named when its turn comes.
            with contextlib.suppress(Exception):
                ids = self._call(listed, adding) if listed else []
                self._ahead |= {(text, adding): row for text, row in zip(listed, ids, strict=True)}

    def _render(self, messages: Sequence[Message]) -> str:
        if getattr(self._tokenizer, "chat_template", None) is None:
            raise ModelError(
                "the model has no chat template; use a suite with plain prompts, or a chat model."
            )
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            rendered = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program, and may fail as one
            raise ModelError(f"the chat template refuses the messages: {error}") from error
        return str(rendered)

    def _prompt_ids(self, text: str, plain: bool) -> tuple[int, ...]:
        ids = self._ids(text, plain)
        if ids:
            return ids
        if self._begin is None:
            raise ModelError("the prompt is empty and the tokenizer has no token to begin with")
        return (self._begin,)

    def _choice_ids(
        self, context: str, choice: str, plain: bool, *, continues: bool
    ) -> tuple[int, ...]:
        own = self._ids(context, plain)
        whole = self._ids(context + choice, plain) if own else ()
        if own and (not continues or whole[: len(own)] == own):
            ids = whole[len(own) :]
        else:
            ids = self._tokens(choice, add_special_tokens=False)
        if not ids:
            raise ModelError(f"the choice {choice!r} has no token of its own after the prompt")
        return ids

    def _ids(self, text: str, plain: bool) -> tuple[int, ...]:
        return self._tokens(text, add_special_tokens=self._adds(text, plain))

    def _adds(self, text: str, plain: bool) -> bool:
        return plain and not (self._begin_text and text.startswith(self._begin_text))

    def _behind(self) -> int:
        """How many special tokens the tokenizer puts behind a text."""
        try:
            bare, whole = (self._call("a", adding) for adding in (False, True))
        except Exception:  # it is named where a prompt meets it
            return 0
        for n_behind in range(len(whole) - len(bare) + 1):
            if bare and whole[: len(whole) - n_behind][-len(bare) :] == bare:
                return n_behind
        return 0

    def _call(self, text: str | list[str], add_special_tokens: bool) -> Any:
        # verbose: no warning about long texts, which are refused by name elsewhere.
        return self._tokenizer(
            text,
            add_special_tokens=add_special_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]

    def _tokens(self, text: str, *, add_special_tokens: bool) -> tuple[int, ...]:
        try:
            ids = self._ahead.get((text, add_special_tokens))
            if ids is None:
                ids = self._call(text, add_special_tokens)
        except Exception as error:  # tokenizers raises no kind of its own
            raise ModelError(f"the tokenizer cannot take the text: {error}") from error
        if add_special_tokens:
            ids = ids[: len(ids) - self._n_behind]
        if ids and max(ids) >= self._n_embeddings:
            raise ModelError(
                f"the tokenizer does not belong to the model: it makes token {max(ids)}, and the "
                f"model knows {self._n_embeddings}"
            )
        return tuple(ids)


def _context(request: Request, text: str) -> str:
    """What of a prompt's text has tokens of its own."""
    return text.rstrip() if request.choices and not request.continues else text


def special_tokens(tokenizer: Any, end_ids: Iterable[int]) -> SpecialTokens:
    """What begins a text, and whether the tokenizer or its template writes it by itself."""
    begin = tokenizer.bos_token_id
    template = str(getattr(tokenizer, "chat_template", None) or "")
    adds = tokenizer("a", add_special_tokens=True)["input_ids"][:1] == [begin]
    return SpecialTokens(
        begin_id=begin,
        # A template that spells BOS out may mean the begin of a turn (<|im_start|>).
        begins=begin is not None and (adds or "bos_token" in template),
        end_ids=tuple(sorted(end_ids)),
    )
