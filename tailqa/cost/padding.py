"""What padding computes for nothing."""

from collections.abc import Sequence

from tailqa.core.bench import Padding, PaddingCount


def padding_counts(
    lengths: Sequence[int], *, batch_sizes: Sequence[int], context_tokens: int | None = None
) -> tuple[PaddingCount, ...]:
    """Tokens computed for prompts of `lengths` (tokens, in file order), by way of padding.

    Every row to the `context` (where it is known), every row to the `longest` of all, every batch
    to its own longest in `file order` and `sorted` by length, and `none`: rows packed end to end.
    The last batch may be smaller. Raises ValueError unless lengths and batch sizes are positive,
    there is at least one length, and none exceeds the context.

    >>> [(c.padding, c.computed_tokens) for c in padding_counts([3, 9, 5], batch_sizes=[2])]
    [('longest', 27), ('file order', 23), ('sorted', 21), ('none', 17)]
    """
    if not lengths or min(lengths) < 1 or min(batch_sizes, default=1) < 1:
        raise ValueError("lengths and batch_sizes must be positive, and one length at least given")
    if context_tokens is not None and max(lengths) > context_tokens:
        raise ValueError("a length exceeds context_tokens")
    n, ordered = len(lengths), sorted(lengths, reverse=True)
    counts = [_count("longest", None, n * ordered[0])]
    if context_tokens is not None:
        counts.insert(0, _count("context", None, n * context_tokens))
    for size in batch_sizes:
        counts += [
            _count("file order", size, _batched(lengths, size)),
            _count("sorted", size, _batched(ordered, size)),
        ]
    return (*counts, _count("none", None, sum(lengths)))


def _count(padding: Padding, batch_size: int | None, computed_tokens: int) -> PaddingCount:
    return PaddingCount(padding=padding, batch_size=batch_size, computed_tokens=computed_tokens)


def _batched(lengths: Sequence[int], size: int) -> int:
    batches = (lengths[start : start + size] for start in range(0, len(lengths), size))
    return sum(len(batch) * max(batch) for batch in batches)
