import json
from itertools import islice

import pytest
import torch

from tailqa.demo import models
from tailqa.demo.arithmetic import BALANCED, Generator
from tailqa.demo.train import TINY, labelled, train_pair
from tailqa.demo.training import ROW_TOKENS, Schedule, batches, encode, train

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="Muon came with torch 2.9")


@pytest.fixture(scope="module")
def problems():
    return Generator(seed=4, zipf=False).sample(60, BALANCED)


@pytest.fixture(scope="module")
def tokenizer(problems):
    return models.train_tokenizer([p.question for p in problems], n_vocabulary=400)


@pytest.fixture(scope="module")
def examples(problems, tokenizer):
    return encode(tokenizer, [p.question for p in problems], [p.worked for p in problems])


def test_packed_rows_hold_every_example_once(examples):
    seen: list[int] = []
    for batch in islice(batches(examples, n_rows=2, seed=0), 4):
        assert batch.tokens.shape == (2, ROW_TOKENS)
        flat = batch.tokens.flatten()
        assert torch.equal(flat[batch.places + 1], batch.labels)
        seen += batch.labels.tolist()
    replies = [tuple(reply) for _, reply in examples]
    end = replies[0][-1]
    found, reply = [], []
    for token in seen:
        reply.append(token)
        if token == end:
            found.append(tuple(reply))
            reply = []
    assert len(found) > 10
    assert set(found) <= set(replies)


def test_packing_changes_no_logit(examples, tokenizer):
    model = models.new_model(TINY.teacher_size, tokenizer, seed=0).eval()
    batch = next(batches(examples, n_rows=2, seed=0))
    with torch.inference_mode():
        packed = model(
            input_ids=batch.tokens, position_ids=batch.positions, attention_mask=batch.mask
        ).logits.flatten(0, 1)[batch.places]
        alone, done = [], 0
        while done < len(batch.labels):
            prompt, reply = next(
                (p, r)
                for p, r in examples
                if batch.labels[done : done + len(r)].tolist() == r
                and batch.tokens.flatten()[
                    batch.places[done] + 1 - len(p) : batch.places[done] + 1
                ].tolist()
                == p
            )
            logits = model(input_ids=torch.tensor([prompt + reply])).logits[0]
            alone.append(logits[len(prompt) - 1 : -1])
            done += len(reply)
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_a_student_equal_to_its_teacher_has_nothing_to_learn(examples, tokenizer):
    teacher, student = (models.new_model(TINY.student_size, tokenizer, seed=1) for _ in range(2))
    schedule = Schedule(n_steps=2, n_rows=2, label_share=0.0)
    losses = train(student, examples, schedule, seed=0, teacher=teacher, compiled=False)
    assert losses[0] == pytest.approx(0, abs=1e-4)


def test_labels_are_the_answers_of_the_teacher(problems, tokenizer):
    teacher = models.new_model(TINY.student_size, tokenizer, seed=1)
    teacher.generation_config.max_new_tokens = 5
    found = labelled(teacher, tokenizer, problems[:6])
    assert len(found) == 6
    assert all(reply[-1] == tokenizer.eos_token_id for _, reply in found)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_training_in_small(tmp_path):
    train_pair(TINY, tmp_path)
    for name in ("teacher", "student", "control"):
        losses = json.loads((tmp_path / f"{name}.json").read_text())["losses"]
        assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
        assert models.load(tmp_path / name).num_parameters() > 0
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["student"]["accuracy"]["withheld phrasings"]["n"] == TINY.n_measured
    before = (tmp_path / "student" / "model.safetensors").stat().st_mtime_ns
    train_pair(TINY, tmp_path)
    assert (tmp_path / "student" / "model.safetensors").stat().st_mtime_ns == before
