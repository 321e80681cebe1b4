"""The partition: complete, small padding, the same every time."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.ports import Encoded, Request
from tailqa.core.query import Generation
from tailqa.engine.batching import MOST_REQUESTS, MOST_TOKENS, length, partition
from tailqa.engine.prefixes import shared_length
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
def test_every_request_is_in_one_batch_of_its_kind(items, most):
    batches = partition(items, most=most or MOST_REQUESTS)
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    assert batches == partition(items, most=most or MOST_REQUESTS)
    for batch in batches:
        assert len({bool(items[index].choice_ids) for index in batch}) == 1
        assert len(batch) <= (most or MOST_REQUESTS)
        lengths = [length(items[index]) for index in batch]
        assert lengths == sorted(lengths, reverse=True)
        rows = sorted(items[index].token_ids for index in batch)
        shared = sum(shared_length(*pair) for pair in pairwise(rows))
        assert len(batch) == 1 or sum(lengths) - shared <= MOST_TOKENS


def test_prompts_with_the_same_shots_are_in_one_batch():
    prompts = [(shots,) * 20_000 + (n,) for n in range(9) for shots in (1, 2)]
    items = [
        Encoded(
            request=Request(query_id="q", prompt="", generation=Generation(max_tokens=9)),
            text="",
            token_ids=prompt,
        )
        for prompt in prompts
    ]
    batches = partition(items, tokens=25_000)
    assert [{prompts[index][0] for index in batch} for batch in batches] == [{1}, {2}]


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
