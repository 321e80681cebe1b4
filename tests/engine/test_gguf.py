"""GGUF files: written here with gguf's own writer, from the tiny models."""

import json
from dataclasses import replace

import gguf
import numpy as np
import pytest
from safetensors.torch import load_file

from tailqa.core.errors import ModelError
from tailqa.engine import UNPACKED, ModelArgs, memory_need, open_engine
from tailqa.engine.gguf_header import count_weights
from tailqa.engine.store import request_key

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
HEADS = {"attn_q": 4, "attn_k": 2}


def blocks_name(name):
    for ours, theirs in NAMES.items():
        if ours in name:
            return name.replace("model.layers.", "blk.").replace(ours, theirs)
    raise KeyError(name)


def add_tokenizer(writer, folder):
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * 3 + [1] * (len(tokens) - 3))
    merges = model["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)


def write(path, folder, *, kind=gguf.GGMLQuantizationType.Q8_0, architecture="llama"):
    """The llama of `folder` as llama.cpp's converter would write it."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(8)
    writer.add_rope_freq_base(10_000.0)
    weights = load_file(folder / "model.safetensors")
    writer.add_vocab_size(weights["model.embed_tokens.weight"].shape[0])
    add_tokenizer(writer, folder)
    for name, tensor in weights.items():
        theirs, values = blocks_name(name), tensor.float()
        heads = next((n for part, n in HEADS.items() if part in theirs), None)
        if heads is not None:  # llama.cpp keeps the two halves of a rotation side by side
            values = values.reshape(heads, 2, -1, 32).transpose(1, 2).reshape(values.shape)
        array = np.ascontiguousarray(values.numpy())
        if array.ndim == 2:
            packed = gguf.quants.quantize(array, kind)
            writer.add_tensor(theirs, packed, raw_dtype=kind)
        else:
            writer.add_tensor(theirs, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def file(folders, tmp_path_factory):
    return write(tmp_path_factory.mktemp("gguf") / "llama.Q8_0.gguf", folders["llama"])


@pytest.fixture(scope="module")
def scores(llama, ask):
    """The scores of two choices, by the folder's tokens: a file says less of BOS."""
    encoded = llama.encode(ask("the cat sat on", choices=(" a mat", " red doors")))

    def score(engine):
        [attempt] = engine.run([encoded])
        return attempt.choice_logprobs

    return score


def test_a_file_is_run_unpacked_and_says_so(file, llama, scores):
    engine = open_engine(str(file), device="cpu", name="packed")
    assert engine.info.weights == UNPACKED
    assert engine.info.n_parameters == llama.info.n_parameters
    assert llama.info.weights is None
    assert scores(engine) == pytest.approx(scores(llama), abs=0.3)
    assert scores(engine) != scores(llama)


def test_loading_a_file_is_silent(file, capfd):
    open_engine(str(file), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_unrounded_weights_give_the_same_scores(folders, tmp_path, llama, scores):
    whole = gguf.GGMLQuantizationType.F32
    file = write(tmp_path / "llama.F32.gguf", folders["llama"], kind=whole)
    engine = open_engine(str(file), device="cpu")
    assert scores(engine) == pytest.approx(scores(llama), abs=1e-4)


def test_the_header_tells_the_memory_before_loading(file, llama):
    assert count_weights(file) == llama.info.n_parameters
    args = ModelArgs()
    need = memory_need(str(file), device="cpu", dtype="bfloat16", args=args)
    assert need == ("cpu", 2 * llama.info.n_parameters)


def test_a_header_that_is_cut_off(file, tmp_path):
    (tmp_path / "cut.gguf").write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cut\.gguf has no whole GGUF header"):
        memory_need(str(tmp_path / "cut.gguf"), device="cpu", dtype="float32", args=ModelArgs())


def test_an_architecture_that_nobody_knows(folders, tmp_path):
    file = write(tmp_path / "new.gguf", folders["llama"], architecture="no-such-architecture")
    with pytest.raises(ModelError, match=r"cannot be loaded.*no-such-architecture") as caught:
        open_engine(str(file), device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (ModelArgs(dequantize=False), "can stay packed only on a GPU"),
        (ModelArgs(quantization="bnb-8bit"), "is quantised as it is"),
    ],
)
def test_what_cannot_be_done_with_a_file(file, args, reason):
    with pytest.raises(ModelError, match=reason):
        open_engine(str(file), device="cpu", args=args)


def test_a_folder_has_nothing_to_dequantise(folders):
    with pytest.raises(ModelError, match="dequantize is for GGUF files"):
        open_engine(str(folders["llama"]), device="cpu", args=ModelArgs(dequantize=True))


def test_packed_and_unpacked_answers_are_never_mixed(llama, ask):
    encoded = llama.encode(ask("the cat sat on a"))
    infos = [replace(llama.info, weights=kept) for kept in (None, UNPACKED, "GGUF, packed")]
    assert len({request_key(info, encoded) for info in infos}) == 3


@pytest.mark.parametrize("filler", [b"\xff", b"\x09"])
def test_a_header_of_nonsense(tmp_path, filler):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + filler * 400)
    with pytest.raises(ModelError, match=r"bad\.gguf has no whole GGUF header"):
        memory_need(str(tmp_path / "bad.gguf"), device="cpu", dtype="float32", args=ModelArgs())
