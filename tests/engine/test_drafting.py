"""Predicted verifications against transformers' assisted generation on the embedded pair."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tailqa.core.ports import Request, Silent
from tailqa.cost.drafting import verification_counts
from tailqa.demo import model_folder
from tailqa.engine import answer_fidelity, open_engine, shared_vocabulary
from tailqa.suite import draw
from tailqa.workflows.asking import requests
from tailqa.workflows.suites import load_suite


@pytest.fixture(scope="module")
def engines():
    return [
        open_engine(str(model_folder(side)), device="cpu", dtype="float32")
        for side in ("teacher", "student")
    ]


@pytest.fixture(scope="module")
def models():
    folders = [model_folder(side) for side in ("teacher", "student")]
    return [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32) for folder in folders]


class Calls:
    """How often a model's forward pass ran."""

    def __init__(self, model):
        self.n = 0
        model.register_forward_pre_hook(self._count)

    def _count(self, *_):
        self.n += 1


@pytest.mark.filterwarnings("ignore:.*generation_config")
def test_the_teachers_calls_are_as_many_as_counted_along_its_answers(engines, models):
    teacher, student = models
    tokenizer = AutoTokenizer.from_pretrained(model_folder("teacher"))
    stops = [token for token in range(len(tokenizer)) if "\n" in tokenizer.decode([token])]
    stops.append(tokenizer.eos_token_id)
    calls = Calls(teacher)

    def generate(request, length):
        ids = torch.tensor([engines[0].encode(request).token_ids])
        named = {}
        if length:
            student.generation_config.num_assistant_tokens = length
            student.generation_config.num_assistant_tokens_schedule = "constant"
            student.generation_config.assistant_confidence_threshold = 0.0
            named["assistant_model"] = student
        calls.n = 0
        made = teacher.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            eos_token_id=stops,
            max_new_tokens=96,
            do_sample=False,
            **named,
        )
        return made[0, ids.shape[1] :].tolist(), calls.n

    asked = list(requests(draw(load_suite("demo"), 2, seed=5), 0))
    alone = [generate(request, None)[0] for request in asked]
    # The token that ended an answer takes a place in a verification.
    assert all(answer[-1] in stops for answer in alone)
    answers = [tokenizer.decode(answer[:-1]) for answer in alone]
    found = answer_fidelity(
        *engines,
        [
            Request(
                query_id=r.query_id, prompt=r.prompt, generation=r.generation, choices=(answer,)
            )
            for r, answer in zip(asked, answers, strict=True)
        ],
        vocabulary=shared_vocabulary(*engines),
        progress=Silent(),
    )
    followed = [np.append(row.same_top1, 0.0) for row in found]
    assert [len(chances) for chances in followed] == [len(answer) for answer in alone]
    for length in (2, 6):
        drafted = [generate(request, length) for request in asked]
        assert [ids for ids, _ in drafted] == alone
        n_calls = [n for _, n in drafted]
        # The two passes add in another order; a tie may fall the other way once.
        assert n_calls == pytest.approx(verification_counts(followed, length).tolist(), abs=1)
        assert sum(n_calls) == pytest.approx(verification_counts(followed, length).sum(), abs=1)
