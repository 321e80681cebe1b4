"""What keeps a model from being opened is one sentence; what identifies it covers its files."""

import json
import shutil
import struct
import weakref

import pytest
import torch
from safetensors.torch import load_file, save_file

from tailqa.core.errors import ModelError
from tailqa.core.query import Message
from tailqa.engine import open_engine, open_token_counter


@pytest.fixture
def copy(folders, tmp_path):
    """A model's folder that a test may spoil."""
    return shutil.copytree(folders["llama"], tmp_path / "model")


def refuses(spec, match, **options):
    with pytest.raises(ModelError, match=match) as caught:
        open_engine(str(spec), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_not_there(tmp_path):
    refuses(tmp_path / "nothing", "neither a folder")
    refuses(tmp_path / "nothing.gguf", "no file")


def test_a_hub_that_cannot_be_reached(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refuses("nobody/no-such-model-of-tailqa", "hub cannot be reached")


def test_a_folder_that_holds_no_model(tmp_path, copy):
    refuses(tmp_path, "no config.json")
    (copy / "model.safetensors").unlink()
    refuses(copy, "has no weights")
    (copy / "pytorch_model.bin").write_bytes(b"")
    refuses(copy, "pickled weights")


def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / "model.gguf").write_text("hello")
    refuses(tmp_path / "model.gguf", "not a GGUF file")
    (tmp_path / "cut.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 5, 5))
    refuses(tmp_path / "cut.gguf", "cannot be loaded")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("config.json", "{", "config.json, line 1, is no JSON: "),
        ("config.json", "[]", "config.json is no JSON object"),
        ("config.json", "{}", "cannot be loaded"),
        ("config.json", '{"model_type": "no-such-architecture"}', "cannot be loaded"),
        ("model.safetensors", "not safetensors", "cannot be loaded"),
        ("tokenizer.json", "\n{", "tokenizer.json, line 2, is no JSON: "),
        ("tokenizer.json", '{"model": {}}', "cannot be loaded: 'added_tokens' is missing"),
    ],
)
def test_a_broken_file(copy, name, content, reason):
    (copy / name).write_text(content)
    refuses(copy, reason)


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        ("{", "model.safetensors.index.json, line 1, is no JSON"),
        ("{}", "has no weight_map"),
        ('{"weight_map": {"a": "b.safetensors"}}', "names b.safetensors, which is not there"),
    ],
)
def test_a_broken_index(copy, index, reason):
    (copy / "model.safetensors").rename(copy / "model-00001-of-00001.safetensors")
    (copy / "model.safetensors.index.json").write_text(index)
    refuses(copy, reason)


def test_no_tokenizer(copy):
    for path in copy.glob("tokenizer*"):
        path.unlink()
    refuses(copy, "has no tokenizer: save it beside the weights")


def test_another_shape_than_the_config_says(copy):
    config = json.loads((copy / "config.json").read_text())
    config["intermediate_size"] *= 2
    (copy / "config.json").write_text(json.dumps(config))
    said = refuses(copy, "6 weights have another shape than config.json says")
    assert "mlp.down_proj.weight is 32 × 64, not 32 × 128" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no JSON", "is no JSON object"),
        ("[]", "is no JSON object"),
        ('{"eos_token_id": "x"}', "has eos_token_id 'x'; it must be a token id"),
        ('{"eos_token_id": [1, null]}', "has eos_token_id"),
        ('{"eos_token_id": 1, "no_repeat_ngram_size": -2}', "sets no_repeat_ngram_size=-2"),
    ],
)
def test_a_broken_generation_config(copy, content, reason):
    (copy / "generation_config.json").write_text(content)
    refuses(copy, reason, device="cpu")


def test_a_model_that_brings_its_own_code(copy):
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "theirs.py").write_text("raise SystemExit('ran')")
    refuses(copy, "does not run")


def test_weights_that_are_missing_are_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    dropped = next(name for name in weights if "mlp" in name)
    del weights[dropped]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert dropped in refuses(copy, "1 weight is missing")


def test_a_tokenizer_of_another_model(copy, ask):
    config = json.loads((copy / "config.json").read_text())
    weights = load_file(copy / "model.safetensors")
    for name, weight in weights.items():
        if weight.shape[0] == config["vocab_size"]:
            weights[name] = weight[:100].clone()
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    (copy / "config.json").write_text(json.dumps(config | {"vocab_size": 100}))
    engine = open_engine(str(copy), device="cpu")
    with pytest.raises(ModelError, match="tokenizer does not belong"):
        engine.encode(ask("the cat sat on the mat"))


def test_devices_and_dtypes(folders):
    if not torch.cuda.is_available():
        refuses(folders["llama"], "0 CUDA devices", device="cuda")
    refuses(folders["llama"], "no device", device="gpu")
    refuses(folders["llama"], "no dtype", device="cpu", dtype="int3")
    half = open_engine(str(folders["llama"]), device="cpu", dtype="bf16")
    assert half.info.dtype == "bfloat16"
    assert open_engine(str(folders["llama"]), device="cpu").info.dtype == "float32"


def test_no_chat_template(new_folder, tmp_path, ask):
    engine = open_engine(str(new_folder(tmp_path / "m", "llama", template=None)), device="cpu")
    assert engine.info.template_digest is None
    with pytest.raises(ModelError, match="no chat template"):
        engine.encode(ask((Message(role="user", content="hello"),)))


def test_a_template_that_refuses(new_folder, tmp_path, ask):
    template = "{{ raise_exception('roles must alternate') }}"
    engine = open_engine(str(new_folder(tmp_path / "m", "llama", template=template)), device="cpu")
    with pytest.raises(ModelError, match="roles must alternate"):
        engine.encode(ask((Message(role="user", content="hello"),)))


def test_a_model_without_a_cache_of_keys_and_values(new_folder, tmp_path):
    refuses(new_folder(tmp_path / "m", "mamba"), "keeps no key/value cache", device="cpu")


def test_tokens_are_counted_without_the_model(folders, llama, ask):
    count = open_token_counter(str(folders["llama"]))
    assert count("the cat sat") == len(llama.encode(ask("the cat sat")).token_ids)


def test_out_of_memory_is_a_sentence(llama, ask, monkeypatch):
    held = []

    def fail(*_args, **_more):
        large = torch.zeros(10)
        held.append(weakref.ref(large))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(llama._runner.shared, "pack", fail)
    [fault] = llama.run([llama.encode(ask("the cat"))])
    assert isinstance(fault, ModelError)
    assert str(fault).startswith("ran out of memory; use a smaller")
    assert held[0]() is None, "the error keeps the tensors of the failed pass"


def test_what_identifies_a_model(llama, folders, copy):
    info = llama.info
    assert info.name == str(folders["llama"])
    assert info.architecture == "LlamaForCausalLM"
    assert info.n_parameters == sum(
        weight.numel() for weight in load_file(folders["llama"] / "model.safetensors").values()
    )
    assert info.engine.startswith("transformers ")
    assert (info.dtype, info.device, info.revision) == ("float32", "cpu", None)
    assert llama.context_tokens == 128
    assert open_engine(str(copy), device="cpu", name="copy").info.weights_digest == (
        info.weights_digest
    )
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    changed = open_engine(str(copy), device="cpu").info
    assert changed.weights_digest != info.weights_digest
    assert changed.template_digest != info.template_digest
    assert changed.tokenizer_digest == info.tokenizer_digest


def test_loading_is_silent(folders, capfd):
    open_engine(str(folders["llama"]), device="cpu")
    assert capfd.readouterr() == ("", "")
