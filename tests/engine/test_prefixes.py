from hypothesis import given
from hypothesis import strategies as st

from tailqa.engine.prefixes import Pack, plan, shared_length

rows = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=30).map(tuple), max_size=40, unique=True
).map(sorted)


def computed(packs: list[Pack], of: list[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Every prefix whose last token was computed; fails where an ancestor was not at hand."""
    done: set[tuple[int, ...]] = set()
    trunk: tuple[int, ...] = ()
    for pack in packs:
        assert len(trunk) >= pack.trunk
        trunk = trunk[: pack.trunk]
        path: tuple[int, ...] = ()
        for segment in pack.segments:
            row = of[segment.row]
            assert row[: pack.trunk] == trunk
            path = path[: segment.start - pack.trunk]
            assert trunk + path == row[: segment.start]
            path += row[segment.start : segment.stop]
            done |= {row[: stop + 1] for stop in range(segment.start, segment.stop)}
        if pack.extends:
            assert len(pack.segments) == 1
            trunk += path
    return done


@given(rows, st.integers(1, 60))
def test_every_token_is_computed_behind_its_own_prefix(
    of: list[tuple[int, ...]], pack_tokens: int
) -> None:
    packs = list(plan(of, pack_tokens=pack_tokens))
    assert all(0 < pack.n_tokens <= pack_tokens for pack in packs)
    assert computed(packs, of) == {row[:n] for row in of for n in range(1, len(row) + 1)}


@given(rows)
def test_rows_that_fit_one_pack_are_computed_without_a_repeat(of: list[tuple[int, ...]]) -> None:
    packs = list(plan(of, pack_tokens=10_000))
    assert len(packs) == bool(of)
    prefixes = {row[:n] for row in of for n in range(1, len(row) + 1)}
    assert sum(pack.n_tokens for pack in packs) == len(prefixes)


@given(
    st.lists(st.integers(0, 9), min_size=200, max_size=900),
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=60), min_size=8, max_size=60),
)
def test_long_shots_are_computed_once(shots: list[int], questions: list[list[int]]) -> None:
    of = sorted({(*shots, *question) for question in questions})
    packs = list(plan(of))
    prefixes = {row[:n] for row in of for n in range(1, len(row) + 1)}
    repeated = sum(pack.n_tokens for pack in packs) - len(prefixes)
    # What is repeated are short beginnings that several packs share.
    assert repeated <= 64 * len(packs)


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_shared_length_counts_equal_tokens(first: list[int], second: list[int]) -> None:
    n = shared_length(first, second)
    assert first[:n] == second[:n]
    assert first[n : n + 1] != second[n : n + 1] or n == min(len(first), len(second))
