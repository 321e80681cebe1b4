"""What a model will take and what is left, before it is loaded."""

import json
import shutil
from pathlib import Path

import pytest

from tailqa.core.errors import ModelError
from tailqa.engine import ModelArgs, free_bytes, memory_need, weights
from tailqa.engine.fingerprint import weights_digest
from tailqa.engine.spec import Source
from tailqa.engine.weights import weight_files


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("bfloat16", 2), ("auto", 4)])
def test_the_bytes_of_a_folder(folders, llama, dtype, size):
    need = memory_need(str(folders["llama"]), device="cpu", dtype=dtype, args=ModelArgs())
    assert need == ("cpu", size * llama.info.n_parameters)


def test_arguments_go_before_the_flags(folders, llama):
    args = ModelArgs(dtype="float16", device_map="cpu")
    need = memory_need(str(folders["llama"]), device="cpu", dtype="float32", args=args)
    assert need == ("cpu", 2 * llama.info.n_parameters)


def test_weights_that_are_no_weights(new_folder, tmp_path):
    folder = new_folder(tmp_path / "model", "llama")
    for broken in (b"not safetensors", b"\xff" * 20, b""):
        (folder / "model.safetensors").write_bytes(broken)
        with pytest.raises(ModelError, match="no safetensors file"):
            memory_need(str(folder), device="cpu", dtype="float32", args=ModelArgs())


def test_a_limit_of_the_control_group_counts(tmp_path, monkeypatch):
    unlimited = free_bytes("cpu")
    assert unlimited > 0
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("4000000\n")
    (tmp_path / "memory.stat").write_text("anon 3000000\ninactive_file 500000\n")
    monkeypatch.setattr(weights, "_CGROUP", tmp_path)
    assert free_bytes("cpu") == 1_500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes("cpu") > 1_500_000


def test_a_device_that_does_not_say():
    assert free_bytes("mps") is None


def test_copies_of_the_weights_beside_them_are_no_weights(folders, llama, tmp_path):
    folder = Path(shutil.copytree(folders["llama"], tmp_path / "model"))
    source = Source(spec="m", folder=folder)
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    need = memory_need(str(folder), device="cpu", dtype="float32", args=ModelArgs())
    assert need == ("cpu", 4 * llama.info.n_parameters)
    assert weights_digest(source) == llama.info.weights_digest


def test_an_index_says_which_files_are_weights(folders, tmp_path):
    folder = Path(shutil.copytree(folders["llama"], tmp_path / "model"))
    shutil.copy(folder / "model.safetensors", folder / "stray.safetensors")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}}))
    assert [path.name for path in weight_files(folder)] == ["model-00001-of-00001.safetensors"]
    index.write_text(json.dumps({"weight_map": {"a": "b.safetensors"}}))
    with pytest.raises(ModelError, match=r"index\.json names b\.safetensors, which is not there"):
        weight_files(folder)
    index.write_text("[]")
    with pytest.raises(
        ModelError, match=r"index\.json is broken: it must be JSON with a weight_map"
    ):
        weight_files(folder)
