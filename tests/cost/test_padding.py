import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.cost.padding import padding_counts

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40)


def brute_force(lengths: list[int], size: int) -> int:
    """Counts the positions of every padded batch, one by one."""
    rows = list(lengths)
    positions = 0
    while rows:
        batch, rows = rows[:size], rows[size:]
        grid = [[place < length for place in range(max(batch))] for length in batch]
        positions += sum(len(row) for row in grid)
        assert sum(map(sum, grid)) == sum(batch)
    return positions


@given(LENGTHS, st.lists(st.integers(1, 50), min_size=1, max_size=4), st.integers(0, 9))
def test_it_counts_what_a_brute_force_counts(lengths, sizes, room):
    context = max(lengths) + room
    counts = padding_counts(lengths, batch_sizes=sizes, context_tokens=context)
    found = {(c.padding, c.batch_size): c.computed_tokens for c in counts}
    assert found["context", None] == sum(context for _ in lengths)
    assert found["longest", None] == brute_force(lengths, len(lengths))
    assert found["none", None] == brute_force(lengths, 1) == sum(lengths)
    for size in sizes:
        assert found["file order", size] == brute_force(lengths, size)
        assert found["sorted", size] == brute_force(sorted(lengths, reverse=True), size)


@given(LENGTHS, st.integers(1, 50))
def test_less_padding_never_computes_more(lengths, size):
    found = {c.padding: c.computed_tokens for c in padding_counts(lengths, batch_sizes=[size])}
    assert found["none"] <= min(found["sorted"], found["file order"])
    assert max(found["sorted"], found["file order"]) <= found["longest"]
    # Where the last batch is smaller, the file may by luck have put a long one alone.
    if len(lengths) % size == 0:
        assert found["sorted"] <= found["file order"]


def test_without_a_context_there_is_no_padding_to_it():
    assert {c.padding for c in padding_counts([3], batch_sizes=[1])} == {
        "longest", "file order", "sorted", "none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lengths", "sizes", "context"),
    [([], [1], None), ([3, 0], [1], None), ([3], [0], None), ([3], [1], 2)],
)
def test_what_cannot_be_counted_is_refused(lengths, sizes, context):
    with pytest.raises(ValueError, match=r"length|context"):
        padding_counts(lengths, batch_sizes=sizes, context_tokens=context)
