"""What a model will take and what is left, before it is loaded."""

import pytest

from tailqa.core.errors import ModelError
from tailqa.engine import ModelArgs, free_bytes, memory_need, weights


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
