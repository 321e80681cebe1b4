import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tailqa.demo import measure, model_folder, models, suite_file
from tailqa.demo.arithmetic import Problem

ROLES = ("teacher", "student")


def test_paths_need_no_torch():
    code = (
        "import sys, tailqa.demo as d; d.model_folder('teacher'), d.suite_file();"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pair_is_small_and_safe():
    files = [f for role in ROLES for f in model_folder(role).rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) <= 8_000_000
    assert {f.suffix for f in files} == {".safetensors", ".json"}


@pytest.mark.parametrize("role", ROLES)
def test_checkpoints_load_as_anyone_would(role):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(model_folder(role))
    tokenizer = AutoTokenizer.from_pretrained(model_folder(role))
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.dtype is torch.bfloat16
    assert model.config.vocab_size == len(tokenizer) == 1024
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id is not None
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id is not None
    assert tokenizer.tokenize("1024=") == ["1", "0", "2", "4", "="]
    text = "Q: How many eggs are 3 dozen?\nA:"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_two_tokenizers_are_one():
    first, second = ((model_folder(r) / "tokenizer.json").read_bytes() for r in ROLES)
    assert first == second


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_measured_accuracies_hold_on_the_suite():
    measured = json.loads((suite_file().parents[1] / "pair" / "measured.json").read_text())
    tokenizer = models.load_tokenizer(model_folder("teacher"))
    data = suite_file().with_name("arithmetic.jsonl").read_text()
    sets: dict[str, list[Problem]] = {}
    for line in data.splitlines()[::4]:
        row = json.loads(line)
        del row["id"]
        sets.setdefault(f"traffic {row['stratum']}", []).append(Problem(**row))
    for role in ROLES:
        found = measure.accuracies(models.load(model_folder(role)), tokenizer, sets)
        for name, accuracy in found.items():
            told = measured[role]["accuracy"][name]
            # Two samples of the same traffic: their 95 % intervals overlap, but for bad luck.
            assert accuracy["low"] <= told["high"]
            assert told["low"] <= accuracy["high"]


def test_the_page_of_the_pair_tells_what_was_measured():
    page = Path(__file__).parents[2] / "docs" / "demo-pair.md"
    text = page.read_text()
    measured = json.loads((suite_file().parents[1] / "pair" / "measured.json").read_text())
    for name in measured["teacher"]["accuracy"]:
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        for role in ("teacher", "student", "control"):
            told = measured[role]["accuracy"][name]
            shown = (100 * told[key] for key in ("accuracy", "low", "high"))
            assert "{:.1f} [{:.1f}, {:.1f}]".format(*shown) in row
