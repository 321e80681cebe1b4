"""Weights in fewer bits, where the packages are installed; one sentence where they are not."""

import sys

import pytest

from tailqa.core.errors import ModelError
from tailqa.engine import ModelArgs, memory_need, open_engine
from tailqa.engine.arguments import QUANTIZATIONS
from tailqa.engine.store import request_key

BLOCKS = {"hidden_size": 128, "intermediate_size": 256}
"""NF4 on a CPU takes rows of whole blocks."""


@pytest.fixture(scope="module")
def folder(new_folder, tmp_path_factory):
    return new_folder(tmp_path_factory.mktemp("quantised") / "llama", "llama", shape=BLOCKS)


def quantised(folder, name, **more):
    return open_engine(str(folder), device="cpu", args=ModelArgs(quantization=name, **more))


@pytest.mark.parametrize(
    ("name", "package", "dtype"),
    [
        ("bnb-8bit", "bitsandbytes", "float32"),
        ("bnb-4bit", "bitsandbytes", "float32"),
        ("torchao-int8", "torchao", "float32"),
        ("torchao-int8-dynamic", "torchao", "float32"),
        ("torchao-float8", "torchao", "bfloat16"),
    ],
)
def test_a_quantised_model_answers_nearly_the_same(folder, name, package, dtype, ask, capfd):
    pytest.importorskip(package)
    capfd.readouterr()  # what the import itself says
    plain = open_engine(str(folder), device="cpu", dtype=dtype)
    engine = quantised(folder, name, dtype=dtype)
    assert (engine.info.weights, engine.info.dtype) == (name, dtype)
    assert package in engine.info.engine
    assert engine.info.n_parameters == plain.info.n_parameters
    encoded = plain.encode(ask("the cat sat on", choices=(" a mat", " red doors")))
    [ours], [theirs] = list(engine.run([encoded])), list(plain.run([encoded]))
    assert ours.choice_logprobs == pytest.approx(theirs.choice_logprobs, abs=2.0)
    assert ours.choice_logprobs != theirs.choice_logprobs
    assert request_key(engine.info, encoded) != request_key(plain.info, encoded)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_a_package_that_is_missing(folder, name, monkeypatch):
    package = "bitsandbytes" if name.startswith("bnb") else "torchao"
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelError, match=rf"needs the package {package}.*'tailqa\[{package}\]'"):
        quantised(folder, name)


def test_four_bits_of_torchao_need_a_gpu(folder):
    pytest.importorskip("torchao")
    with pytest.raises(ModelError, match=r"needs the package mslk|needs a CUDA device"):
        quantised(folder, "torchao-int4")


def test_a_quantised_model_needs_less_memory(folder):
    need = {
        name: memory_need(
            str(folder), device="cpu", dtype="float32", args=ModelArgs(quantization=name)
        )[1]
        for name in (None, "bnb-8bit", "bnb-4bit")
    }
    assert need["bnb-4bit"] < need["bnb-8bit"] < need[None]
