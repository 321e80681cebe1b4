"""Two models' logits at the same positions → a few numbers per position, in float32."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tailqa.core.errors import ModelError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryFidelity:
    """How the student follows the teacher over one answer, position by position.

    `kl` holds KL(teacher‖student) in nats per position (float32); the sums run over the same
    positions. `same_top1` says where the likeliest tokens are the same. `accepted` is
    min(1, q/p) of the actual token: in a text sampled from the teacher p, the chance that the
    token came of a draft of the student q (Leviathan et al., ICML 2023). `first_divergence`
    counts from 1 and is None where the likeliest tokens never differ.
    """

    query_id: str
    kl: "np.ndarray"
    reverse_kl_sum: float
    same_top1: "np.ndarray"
    accepted: "np.ndarray"
    acceptance_sum: float
    teacher_logprob_sum: float
    student_logprob_sum: float
    first_divergence: int | None

    @property
    def n_positions(self) -> int:
        """Positions compared."""
        return len(self.kl)

    @property
    def n_same_top1(self) -> int:
        """Positions with the same likeliest token."""
        return int(self.same_top1.sum())

    @property
    def kl_sum(self) -> float:
        """KL of the whole answer, nats."""
        return float(self.kl.sum(dtype=float))

    @property
    def mean_kl(self) -> float:
        """The mean over the positions, nats."""
        return self.kl_sum / self.n_positions

    @property
    def max_kl(self) -> float:
        """The largest of the positions, nats."""
        return float(self.kl.max())


def reduce_logits(teacher: Tensor, student: Tensor, targets: Tensor) -> Tensor:
    """Six numbers per position (6 × positions, float32) from logits (positions × vocabulary).

    In order: KL(teacher‖student) and KL(student‖teacher) in nats, whether the likeliest token is
    the same (0 or 1), the chance Σ min(p, q) that the teacher accepts a token that the student
    drafts (Leviathan et al., ICML 2023), and both models' log-probabilities of `targets`.

    >>> logits = torch.tensor([[1.0, 2.0, 3.0]])
    >>> reduce_logits(logits, logits, torch.tensor([2]))[:4].flatten().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    log_p, log_q = (torch.log_softmax(side.float(), dim=-1) for side in (teacher, student))
    same = teacher.argmax(dim=-1) == student.argmax(dim=-1)
    actual = targets[:, None]
    at_target = [side.gather(1, actual)[:, 0] for side in (log_p, log_q)]
    p, q = log_p.exp(), log_q.exp()
    ratio = log_p.sub_(log_q)
    # Rounding can carry a divergence of nearly equal rows below 0.
    kl = (p * ratio).sum(dim=-1).clamp_(min=0)
    reverse = (0 - (q * ratio).sum(dim=-1)).clamp_(min=0)
    # Σ min(p, q) = 1 − ½ Σ |p − q|, which is exactly 1 for equal rows.
    accepted = (1 - p.sub_(q).abs_().sum(dim=-1) / 2).clamp_(min=0)
    return torch.stack([kl, reverse, same.float(), accepted, *at_target])


@torch.inference_mode()
def reduce_chunk(
    teacher: Tensor, student: Tensor, answer_ids: Sequence[int], *, size: int
) -> Tensor:
    """The six numbers of `reduce_logits` on the CPU, computed on the teacher's device.

    Only the first `size` entries of the vocabulary count. Raises ModelError at logits that are
    not finite numbers.
    """
    size = min(size, teacher.shape[-1], student.shape[-1])
    ours, theirs = teacher[:, :size], student[:, :size].to(teacher.device)
    targets = torch.tensor(answer_ids, device=teacher.device)
    numbers = reduce_logits(ours, theirs, targets).cpu()
    if not bool(torch.isfinite(numbers).all()):
        _raise_by_name(ours, theirs)
    return numbers


def answer_of(query_id: str, parts: Sequence[Tensor]) -> QueryFidelity:
    """The whole answer from its chunks, in order."""
    kl, reverse, same, accepted, of_teacher, of_student = torch.cat(list(parts), dim=1)
    apart = (same == 0).nonzero()
    return QueryFidelity(
        query_id=query_id,
        kl=kl.numpy(),
        reverse_kl_sum=_sum(reverse),
        same_top1=same.numpy() > 0,
        accepted=(of_student - of_teacher).clamp_(max=0).exp_().numpy(),
        acceptance_sum=_sum(accepted),
        teacher_logprob_sum=_sum(of_teacher),
        student_logprob_sum=_sum(of_student),
        first_divergence=int(apart[0]) + 1 if len(apart) else None,
    )


def _sum(numbers: Tensor) -> float:
    return float(numbers.double().sum())


def _raise_by_name(teacher: Tensor, student: Tensor) -> None:
    broken = [
        side
        for side, logits in (("teacher", teacher), ("student", student))
        if not bool(torch.isfinite(logits).all())
    ]
    who = " and the ".join(broken or ["teacher and the student"])
    raise ModelError(f"the {who} computed logits that are not finite numbers")
