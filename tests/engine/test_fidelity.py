"""The streamed pass against a plain full softmax over whole rows, in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, rel_entr
from tokenizers import normalizers

from tailqa.core.answer import Failed
from tailqa.core.errors import ModelError
from tailqa.core.ports import Silent
from tailqa.core.query import Generation
from tailqa.demo import model_folder
from tailqa.engine import (
    ScriptedEngine,
    answer_fidelity,
    open_engine,
    shared_vocabulary,
    text_fidelity,
)
from tailqa.engine.divergence import answer_of, reduce_chunk, reduce_logits
from tailqa.engine.scoring import CHUNK_POSITIONS
from tailqa.engine.sharing import attending
from tests.engine.conftest import make_folder

ASKED = (
    ("What is three plus four?", " 3+4=7."),
    ("Take nine from twelve, then add two.", " 12-9=3 3+2=5."),
    ("Half of ten is", " " + "five and five and five " * 20),
)


def open_demo(side):
    return open_engine(str(model_folder(side)), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def teacher():
    return open_demo("teacher")


@pytest.fixture(scope="module")
def student():
    return open_demo("student")


@pytest.fixture
def asked(ask):
    return [
        ask(prompt, query_id=f"q{n}", choices=(answer,)) for n, (prompt, answer) in enumerate(ASKED)
    ]


def run(teacher, student, requests, progress=None):
    vocabulary = shared_vocabulary(teacher, student)
    return answer_fidelity(
        teacher, student, requests, vocabulary=vocabulary, progress=progress or Silent()
    )


def plain_logits(engine, ids, n):
    """Logits of the last `n` of `ids` from one pass of the bare model over the whole row."""
    with torch.inference_mode(), attending(engine._runner.model, engine._runner.own_attention):
        logits = engine._runner.model(torch.tensor([ids])).logits[0]
    return logits[-n - 1 : -1].double().numpy()


def test_the_pass_equals_a_plain_full_softmax(teacher, student, asked):
    for request, found in zip(asked, run(teacher, student, asked), strict=True):
        encoded = teacher.encode(request)
        answer = np.array(encoded.choice_ids[0])
        ids, n = [*encoded.token_ids, *answer], len(answer)
        log_p, log_q = (
            log_softmax(plain_logits(engine, ids, n), axis=-1) for engine in (teacher, student)
        )
        p, q = np.exp(log_p), np.exp(log_q)
        same = log_p.argmax(axis=-1) == log_q.argmax(axis=-1)
        assert found.query_id == request.query_id
        assert found.n_positions == n
        assert found.kl == pytest.approx(rel_entr(p, q).sum(axis=-1), rel=2e-3, abs=1e-5)
        assert found.mean_kl == pytest.approx(rel_entr(p, q).sum() / n, rel=1e-3)
        assert found.max_kl == pytest.approx(rel_entr(p, q).sum(axis=-1).max(), rel=1e-3)
        assert found.reverse_kl_sum == pytest.approx(rel_entr(q, p).sum(), rel=1e-3)
        assert found.n_same_top1 == same.sum()
        assert found.acceptance_sum == pytest.approx(np.minimum(p, q).sum(), rel=1e-4)
        where = np.arange(n), answer
        assert found.teacher_logprob_sum == pytest.approx(log_p[where].sum(), rel=1e-4)
        assert found.student_logprob_sum == pytest.approx(log_q[where].sum(), rel=1e-4)
        apart = np.flatnonzero(~same)
        assert found.first_divergence == (apart[0] + 1 if len(apart) else None)
    assert n > CHUNK_POSITIONS


def test_a_model_is_faithful_to_itself(teacher, asked):
    for found in run(teacher, teacher, asked):
        assert not found.kl.any()
        assert found.reverse_kl_sum == 0
        assert found.n_same_top1 == found.acceptance_sum == found.n_positions
        assert found.first_divergence is None


def test_no_more_than_a_chunk_is_reduced_at_a_time(teacher, student, asked, monkeypatch):
    from tailqa.engine import divergence

    seen = []

    def counting(ours, theirs, targets):
        seen.append(len(targets))
        return reduce_logits(ours, theirs, targets)

    monkeypatch.setattr(divergence, "reduce_logits", counting)
    found = run(teacher, student, asked)
    assert max(seen) == CHUNK_POSITIONS
    assert sum(seen) == sum(answer.n_positions for answer in found)


SHAPES = st.tuples(st.integers(1, 150), st.integers(2, 70), st.integers(0, 9), st.integers(0, 9))


@given(SHAPES, st.floats(0.01, 30), st.sampled_from(["float32", "bfloat16"]), st.integers(0, 99))
@settings(deadline=None)
def test_any_shape_keeps_the_laws_of_divergence(shape, scale, dtype, seed):
    n, size, more, still_more = shape
    rng = np.random.default_rng(seed)
    ours, theirs = (
        torch.tensor(rng.normal(0, scale, (n, size + padding)), dtype=getattr(torch, dtype))
        for padding in (more, still_more)
    )
    answer = tuple(rng.integers(0, size, n).tolist())
    found = answer_of("q", [reduce_chunk(ours, theirs, answer, size=size)])
    p, q = (
        np.exp(log_softmax(side[:, :size].double().numpy(), axis=-1)) for side in (ours, theirs)
    )
    accepted = np.minimum(p, q).sum(axis=-1)
    assert found.n_positions == n
    assert (found.kl >= 0).all()
    assert found.kl == pytest.approx(rel_entr(p, q).sum(axis=-1), rel=1e-4, abs=2e-6)
    assert found.acceptance_sum == pytest.approx(accepted.sum(), rel=1e-4, abs=1e-4)
    assert 0 <= found.n_same_top1 <= n
    assert (found.first_divergence is None) == (found.n_same_top1 == n)
    # Pinsker's inequality ties the two measures together: 1 − acceptance ≤ √(KL/2).
    assert ((1 - accepted) ** 2 <= found.kl / 2 + 1e-6).all()


@pytest.mark.parametrize("side", ["teacher", "student"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_logits_that_are_no_numbers_are_named(side, bad):
    logits = {name: torch.zeros(3, 5) for name in ("teacher", "student")}
    logits[side][2, 1] = bad
    with pytest.raises(ModelError, match=f"^the {side} computed logits that are not finite"):
        reduce_chunk(logits["teacher"], logits["student"], (0, 1, 2), size=5)


def test_padding_beyond_the_vocabulary_does_not_count():
    wide = torch.tensor([[0.5, -1.0, 2.0, float("nan"), 7.0]])
    narrow = torch.tensor([[0.5, -1.0, 2.0, 9.0]])
    found = answer_of("q", [reduce_chunk(wide, narrow, (1,), size=3)])
    assert (found.mean_kl, found.n_same_top1) == (0, 1)


class Counted(Silent):
    """Progress that adds up what it is told."""

    done = total = 0

    def start(self, task, total):
        self.total = total

    def advance(self, task, n, tokens=0, *, reused=False):
        self.done += n


def test_an_answer_of_nan_fails_alone_and_the_rest_goes_on(teacher, asked):
    progress = Counted()
    broken = open_demo("student")
    model = broken._runner.model
    token = broken.encode(asked[1]).choice_ids[0][1]
    assert not any(
        token in (*row.token_ids, *row.choice_ids[0])
        for row in map(broken.encode, (asked[0], asked[2]))
    )
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.clone(), requires_grad=False)
    model.get_input_embeddings().weight.data[token] = float("nan")
    found = run(teacher, broken, asked, progress)
    assert found[1] == Failed(
        query_id="q1", reason="the student computed logits that are not finite numbers"
    )
    assert [answer.query_id for answer in found] == ["q0", "q1", "q2"]
    assert found[0].n_positions
    assert progress.done == progress.total == 3


def test_a_pass_that_fails_is_tried_again_for_each_answer_alone(teacher, asked, monkeypatch):
    student = open_demo("student")
    honest = student.next_logits

    def short_of_memory(rows, counts):
        for n, logits in enumerate(honest(rows, counts)):
            if n == 1:
                raise ModelError(f"ran out of memory at {len(rows[0])} tokens")
            yield logits

    monkeypatch.setattr(student, "next_logits", short_of_memory)
    first, second, third = run(teacher, student, asked)
    assert (first.query_id, second.query_id) == ("q0", "q1")
    assert isinstance(third, Failed)
    assert third.reason.startswith("ran out of memory")


def test_what_does_not_fit_is_left_out_with_the_reason(teacher, student, ask, asked):
    long = ask("word " * 300, query_id="long", choices=(" 3",))
    empty = ask("What?", query_id="empty", choices=("",))
    chat = ask("What?", query_id="q", choices=("\ud800",))
    found = run(teacher, student, [long, asked[0], empty, chat])
    assert [isinstance(answer, Failed) for answer in found] == [True, False, True, True]
    assert "exceed the context of 256 tokens" in found[0].reason
    assert "has no token of its own" in found[2].reason


def test_another_vocabulary_is_named(teacher, tmp_path):
    other = open_engine(str(make_folder(tmp_path / "other", "llama")), device="cpu")
    with pytest.raises(
        ModelError, match=r"^the vocabularies differ: \d+ of \d+ token ids"
    ) as error:
        shared_vocabulary(teacher, other)
    assert " to the teacher and " in str(error.value)
    with pytest.raises(ModelError, match="scripted gives no logits"):
        shared_vocabulary(teacher, ScriptedEngine({}))


def test_ids_that_one_tokenizer_alone_names_are_counted(teacher, student):
    longer = open_demo("student")
    size = len(longer._tokenizer)
    longer._tokenizer.add_tokens([f"<pad{n}>" for n in range(5)])
    shared = shared_vocabulary(teacher, longer)
    assert (shared.size, shared.n_beyond) == (size, 5)
    assert shared_vocabulary(teacher, student).n_beyond == 0


def test_other_tokens_for_the_same_text_are_left_out(teacher, asked):
    other = open_demo("student")
    # The vocabulary is the same, the rule that comes before it is not.
    other._encoder._tokenizer.backend_tokenizer.normalizer = normalizers.Replace("3", "4")
    found = run(teacher, other, asked)
    reason = "prompt and answer are not the same tokens to both models"
    assert found[0] == Failed(query_id="q0", reason=reason)
    assert not isinstance(found[2], Failed)
    with pytest.raises(ModelError, match="different tokens of the given texts"):
        text_of(teacher, other, "3 and 3")


def text_of(teacher, student, text):
    vocabulary = shared_vocabulary(teacher, student)
    return text_fidelity(teacher, student, text, vocabulary=vocabulary, progress=Silent())


def test_every_window_of_a_text_begins_as_texts_do(tmp_path, ask):
    engine = open_engine(str(make_folder(tmp_path / "m", "llama")), device="cpu", dtype="float32")
    text = "the cat sat on a mat " * 60
    begin, *rest = engine.encode(ask(text)).token_ids
    found = text_of(engine, engine, text)
    assert [window.n_positions for window in found[:-1]] == [126] * (len(rest) // 127)
    second = [begin, *rest[127:254]]
    read = log_softmax(plain_logits(engine, second, 126), axis=-1)
    expected = read[np.arange(126), second[-126:]].sum()
    assert found[1].teacher_logprob_sum == pytest.approx(expected, rel=1e-4)


def test_what_the_suite_cuts_from_a_prompt_is_cut_here_too(tmp_path, ask):
    engine = open_engine(str(make_folder(tmp_path / "m", "llama")), device="cpu", dtype="float32")
    cut = Generation(max_tokens=8, truncate="left")
    asked = replace(
        ask("the cat sat on a mat " * 60, choices=(" seven dogs",)), generation=cut, continues=True
    )
    [found] = run(engine, engine, [asked])
    assert found.n_positions == len(engine.encode(asked).choice_ids[0])
    assert found.mean_kl == pytest.approx(0, abs=1e-6)


def test_texts_are_read_in_windows_of_the_context(teacher, student, ask):
    text = "one and two make three. " * 120
    n = len(teacher.encode(ask(text)).token_ids)
    assert n > 2 * teacher.context_tokens
    found = text_of(teacher, student, text)
    assert [window.n_positions for window in found[:-1]] == [255] * (n // 256)
    assert sum(window.n_positions for window in found) == n - len(found)
    first = teacher.encode(ask(text)).token_ids[:256]
    log_p, log_q = (
        log_softmax(plain_logits(engine, first, 255), axis=-1) for engine in (teacher, student)
    )
    assert found[0].mean_kl == pytest.approx(
        rel_entr(np.exp(log_p), np.exp(log_q)).sum() / 255, rel=1e-3
    )
    assert text_of(teacher, student, "x") == []
