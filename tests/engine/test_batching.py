"""The partition: complete, small padding, the same every time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.ports import Encoded, Request
from tailqa.core.query import Generation
from tailqa.engine.batching import DEFAULT_ROWS, PADDED_TOKENS, length, partition
from tailqa.engine.stopping import cut, window_tokens

requests = st.builds(
    lambda prompt, completion, choosing: Encoded(
        request=Request(query_id="q", prompt="", generation=Generation(max_tokens=completion)),
        text="",
        token_ids=(1,) * prompt,
        choice_ids=((1,) * completion, (1,)) if choosing else (),
    ),
    st.integers(1, 9000),
    st.integers(1, 300),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(requests, max_size=120), st.none() | st.integers(1, 40))
def test_every_request_is_in_one_batch_of_its_kind(items, rows):
    batches = partition(items, rows=rows)
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    assert batches == partition(items, rows=rows)
    for batch in batches:
        assert len({bool(items[index].choice_ids) for index in batch}) == 1
        assert len(batch) <= (rows or DEFAULT_ROWS)
        lengths = [length(items[index]) for index in batch]
        assert lengths == sorted(lengths, reverse=True)
        if rows is None and len(batch) > 1:
            assert len(batch) * lengths[0] <= PADDED_TOKENS


@settings(deadline=None)
@given(st.text("ab.", max_size=12), st.lists(st.text("ab.", max_size=3), max_size=3))
def test_no_stop_string_is_left(text, stops):
    left = cut(text, stops)
    assert text.startswith(left)
    assert not any(stop in left for stop in stops if stop)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=10))
def test_the_window_holds_a_stop_string_of_single_bytes(before, stop):
    # The worst case: every byte is a token.
    data = (before + stop).encode()
    tail = data[-window_tokens([stop]) :].decode(errors="replace")
    assert stop in tail
