"""Training on packed rows: next-token loss on answers, and distillation from a teacher."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.demo.models import PROMPT

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

ROW_TOKENS = 192


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Length of a training and its peak learning rates."""

    n_steps: int
    n_rows: int = 20
    matrix_rate: float = 0.02
    other_rate: float = 3e-3
    label_share: float = 1.0
    """Weight of the cross-entropy on the answers; the rest is KL to the teacher's logits."""


Example = tuple[list[int], list[int]]
"""Prompt tokens and answer tokens (which end with the end-of-text token)."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Packed rows of shape (rows, tokens); `mask` is (rows, 1, tokens, tokens).

    `places` are the flat positions that predict an answer token, `labels` those tokens.
    """

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    places: Tensor
    labels: Tensor


def encode(
    tokenizer: PreTrainedTokenizerFast, questions: Sequence[str], answers: Sequence[str]
) -> list[Example]:
    """Questions and answers as token ids."""
    prompts = tokenizer([PROMPT.format(question=q) for q in questions])["input_ids"]
    replies = tokenizer(list(answers))["input_ids"]
    return [(p, [*r, tokenizer.eos_token_id]) for p, r in zip(prompts, replies, strict=True)]


def batches(examples: Sequence[Example], *, n_rows: int, seed: int) -> Iterator[Batch]:
    """Endless batches of packed rows, over the examples in a new order each time around.

    An example is never split and sees only itself, so packing changes nothing but the speed.
    """
    order = random.Random(seed)
    rows: list[list[Example]] = []
    row: list[Example] = []
    filled = 0
    while True:
        for prompt, reply in order.sample(examples, len(examples)):
            length = len(prompt) + len(reply)
            if filled + length > ROW_TOKENS:
                rows.append(row)
                row, filled = [], 0
                if len(rows) == n_rows:
                    yield _batch(rows)
                    rows = []
            row.append((prompt, reply))
            filled += length


def _batch(rows: Sequence[Sequence[Example]]) -> Batch:
    import torch

    shape = (len(rows), ROW_TOKENS)
    tokens = torch.zeros(shape, dtype=torch.long)
    positions = torch.zeros(shape, dtype=torch.long)
    # Filling gets an owner of its own: a row of the mask without any true entry would give NaN.
    owners = torch.full(shape, -1)
    places: list[int] = []
    labels: list[int] = []
    for i, row in enumerate(rows):
        start = 0
        for number, (prompt, reply) in enumerate(row):
            end = start + len(prompt) + len(reply)
            tokens[i, start:end] = torch.tensor(prompt + reply)
            positions[i, start:end] = torch.arange(end - start)
            owners[i, start:end] = number
            first = i * ROW_TOKENS + start + len(prompt) - 1
            places += range(first, first + len(reply))
            labels += reply
            start = end
    causal = torch.ones(ROW_TOKENS, ROW_TOKENS, dtype=torch.bool).tril()
    mask = (owners[:, :, None] == owners[:, None, :]) & causal
    return Batch(
        tokens=tokens,
        positions=positions,
        mask=mask[:, None],
        places=torch.tensor(places),
        labels=torch.tensor(labels),
    )


def train(
    model: LlamaForCausalLM,
    examples: Sequence[Example],
    schedule: Schedule,
    *,
    seed: int,
    teacher: LlamaForCausalLM | None = None,
    compiled: bool = True,
    report: Callable[[int, float], None] = lambda _step, _loss: None,
) -> list[float]:
    """Trains a model in place and returns the loss of every step.

    Muon moves the matrices, AdamW the embeddings and norms. With a teacher the loss is
    ``(1 - label_share) * KL(teacher || model) + label_share * cross-entropy``, on answers only.
    """
    import torch

    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=schedule.matrix_rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=schedule.other_rate, weight_decay=0.0, betas=(0.9, 0.95)),
    ]
    rates = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda i: _rate(i, schedule.n_steps))
        for o in optimizers
    ]
    answers = _answer_logits(model.train(), compiled)
    targets = None if teacher is None else _answer_logits(teacher.train(False), compiled)
    losses = []
    stream = batches(examples, n_rows=schedule.n_rows, seed=seed)
    for number, batch in zip(range(schedule.n_steps), stream, strict=False):
        loss = _loss(answers, targets, batch, schedule.label_share)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, rate in zip(optimizers, rates, strict=True):
            optimizer.step()
            rate.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        report(number + 1, losses[-1])
    model.train(False)
    return losses


def _rate(step: int, n_steps: int) -> float:
    """3 % warm-up, then the peak, then a linear decay over the second half."""
    warm_up = max(1, round(0.03 * n_steps))
    return min((step + 1) / warm_up, 1.0, 2 * (n_steps - step) / n_steps)


def _answer_logits(model: LlamaForCausalLM, compiled: bool) -> Callable[[Batch], Tensor]:
    """The logits (answer tokens, vocabulary) of a batch; compiled where there is a compiler."""
    import torch

    backbone: Callable[..., object] = model.model
    if compiled and (shutil.which("g++") or shutil.which("clang++")):
        backbone = torch.compile(model.model)

    def logits(batch: Batch) -> Tensor:
        out = backbone(
            input_ids=batch.tokens,
            position_ids=batch.positions,
            attention_mask=batch.mask,
            use_cache=False,
        )
        hidden = out.last_hidden_state.flatten(0, 1)  # type: ignore[attr-defined]
        scores: Tensor = model.lm_head(hidden[batch.places])
        return scores

    return logits


def _loss(
    answers: Callable[[Batch], Tensor],
    targets: Callable[[Batch], Tensor] | None,
    batch: Batch,
    label_share: float,
) -> Tensor:
    import torch
    from torch.nn import functional

    logits = answers(batch)
    loss = functional.cross_entropy(logits, batch.labels)
    if targets is None:
        return loss
    with torch.no_grad():
        target = functional.log_softmax(targets(batch), dim=-1)
    divergence = functional.kl_div(
        functional.log_softmax(logits, dim=-1), target, log_target=True, reduction="batchmean"
    )
    return (1 - label_share) * divergence + label_share * loss
