"""Packs, trunks and slots against the plain forward pass, on the embedded pair and odd shapes."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.demo import model_folder
from tailqa.engine import attention as attention_module
from tailqa.engine.attention import Layout, attend, attend_joined
from tailqa.engine.forward import left_pad
from tailqa.engine.scoring import logits_shared
from tailqa.engine.sharing import attending

rows = st.lists(
    st.lists(st.integers(3, 6), min_size=1, max_size=40).map(tuple), min_size=1, max_size=12
)


@pytest.fixture(scope="module")
def student() -> Any:
    from tailqa.engine import open_engine

    return open_engine(str(model_folder("student")), device="cpu", dtype="float32")


def plain_logits(engine: Any, row: tuple[int, ...], n: int) -> torch.Tensor:
    with torch.inference_mode(), attending(engine._runner.model, engine._runner.own_attention):
        return engine._runner.plain.last_logits(*left_pad([row], 0, torch.device("cpu")), n)[0]


@settings(deadline=None, max_examples=25)
@given(rows, st.data())
def test_logits_behind_shared_prefixes_are_those_of_each_row_alone(student, of, data):
    counts = [data.draw(st.integers(1, len(row))) for row in of]
    chunks = logits_shared(student._runner.shared, of, counts)
    for row, count in zip(of, counts, strict=True):
        logits = next(chunks)
        while len(logits) < count:
            logits = torch.cat([logits, next(chunks)])
        torch.testing.assert_close(logits, plain_logits(student, row, count), atol=2e-3, rtol=1e-3)
    assert next(chunks, None) is None


def test_long_answers_come_in_chunks(student):
    row = tuple(3 + n * n % 50 for n in range(250))
    for of, counts in (([row], [240]), ([row, row[:200]], [240, 10])):
        chunks = list(logits_shared(student._runner.shared, of, counts))
        assert [len(chunk) for chunk in chunks] == [64, 64, 64, 48, 10][: len(chunks)]
        expected = [plain_logits(student, one, n) for one, n in zip(of, counts, strict=True)]
        torch.testing.assert_close(torch.cat(chunks), torch.cat(expected), atol=2e-3, rtol=1e-3)


def test_long_prefixes_become_trunks(student):
    shots = tuple(3 + n % 50 for n in range(300))
    of = [(*shots, *range(3, 3 + n)) for n in range(1, 60)]
    found = logits_shared(student._runner.shared, of, [1] * len(of))
    for row, logits in zip(of, found, strict=True):
        torch.testing.assert_close(logits, plain_logits(student, row, 1), atol=2e-3, rtol=1e-3)


def test_decoding_behind_a_trunk_is_decoding_alone(student, ask, check_alike):
    shots = "Question: what is three plus four? Answer: 3+4=7.\n" * 4
    requests = [
        ask(f"{shots}Question: what is {word} plus two? Answer:", max_tokens=12)
        for word in ("one", "twenty-three", "five", "one hundred and six", "eight", "nine")
    ]
    batch = [student.encode(request) for request in requests]
    alone = [next(student.run([one])) for one in batch]
    check_alike(student.run(batch), alone)
    student._runner.batch_size = 2
    check_alike(student.run(batch), alone)
    student._runner.batch_size = None


@settings(deadline=None, max_examples=60)
@given(
    groups=st.integers(1, 3),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    n_trunk=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_merged_attention_is_attention_over_everything(groups, sizes, n_trunk, seed):
    draw = torch.Generator().manual_seed(seed)
    tokens, heads = sum(sizes), 2
    query = torch.randn(1, heads * groups, tokens, 8, generator=draw)
    own = tuple(torch.randn(1, heads, tokens, 8, generator=draw) for _ in "kv")
    trunk = (
        tuple(torch.randn(1, heads, n_trunk, 8, generator=draw) for _ in "kv") if n_trunk else None
    )
    longest = max(sizes)
    block = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    column = torch.cat([torch.arange(size) for size in sizes])
    blocks = torch.zeros(len(sizes), longest, dtype=torch.long)
    blocks[block, column] = torch.arange(tokens)
    causal = torch.full((longest, longest), -torch.inf).triu(1).expand(len(sizes), 1, -1, -1)
    layout = Layout(trunk and [trunk], causal, lambda _, k, v: (k, v), blocks, (block, column))
    merged = attend(query, own, trunk, layout, 0.3)
    torch.testing.assert_close(merged, attend_joined(query, own, trunk, layout, 0.3))
    seen = (block[:, None] == block) & (torch.arange(tokens)[:, None] >= torch.arange(tokens))
    seen = torch.cat([torch.ones(tokens, n_trunk, dtype=torch.bool), seen], dim=1)
    keys, values = (
        torch.cat([trunk[side], own[side]] if trunk else [own[side]], dim=2) for side in (0, 1)
    )
    scores = torch.einsum("hgqd,hkd->hgqk", query[0].view(heads, groups, tokens, 8), keys[0]) * 0.3
    weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
    plain = torch.einsum("hgqk,hkd->hgqd", weights, values[0]).reshape(1, heads * groups, tokens, 8)
    torch.testing.assert_close(merged, plain)


def test_the_devices_without_a_flash_kernel_give_the_same(student, ask, monkeypatch, check_alike):
    shots = "Question: what is three plus four? Answer: 3+4=7.\n" * 3
    requests = [ask(f"{shots}Question: {n} plus two? Answer:", max_tokens=8) for n in range(5)]
    batch = [student.encode(request) for request in requests]
    flash = list(student.run(batch))
    monkeypatch.setattr(attention_module, "attend", attend_joined)
    check_alike(student.run(batch), flash)


def test_a_model_whose_prefixes_cannot_be_shared_says_so(folders):
    from tailqa.engine import open_engine

    hybrid: Any = open_engine(str(folders["lfm2"]), device="cpu")
    sliding: Any = open_engine(str(folders["mistral"]), device="cpu")
    plain: Any = open_engine(str(folders["llama"]), device="cpu")
    anew = "Prefixes that prompts share are computed anew for"
    assert plain.info.notes == ()
    assert hybrid.info.notes == (f"{anew} every row: its attention cannot be shared (IndexError).",)
    assert sliding.info.notes == (f"{anew} rows of more than 8 tokens, its attention window.",)
