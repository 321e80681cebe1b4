"""PEFT adapters: on a named base, and named alone; what does not fit is one sentence."""

import json
import shutil
import sys

import pytest
import torch

from tailqa.core.errors import ModelError
from tailqa.engine import ModelArgs, open_engine
from tailqa.engine.store import request_key

peft = pytest.importorskip("peft")


def make_adapter(folder, base, *, config=None):
    """An adapter with random weights, saved as training would leave it."""
    import warnings

    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = config or peft.LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    with warnings.catch_warnings(action="ignore"):
        peft.get_peft_model(model, config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(folders, tmp_path_factory):
    return make_adapter(tmp_path_factory.mktemp("adapters") / "tuned", folders["llama"])


@pytest.fixture(scope="module")
def tuned(folders, adapter):
    return open_engine(str(folders["llama"]), device="cpu", args=ModelArgs(peft=str(adapter)))


def spoiled(adapter, tmp_path, **changed):
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changed))
    return folder


def refuses(match, spec, **args):
    with pytest.raises(ModelError, match=match) as caught:
        open_engine(str(spec), device="cpu", args=ModelArgs(**args))
    assert "\n" not in str(caught.value)


def test_an_adapter_computes_what_peft_computes(tuned, llama, folders, adapter, ask):
    import warnings

    from transformers import AutoModelForCausalLM

    encoded = tuned.encode(ask("the cat sat on", choices=(" a mat",)))
    model = AutoModelForCausalLM.from_pretrained(folders["llama"], dtype=torch.float32)
    with warnings.catch_warnings(action="ignore"):
        model = peft.PeftModel.from_pretrained(model, adapter)
    row = encoded.token_ids + encoded.choice_ids[0]
    with torch.inference_mode():
        logits = model.eval()(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
    n = len(encoded.choice_ids[0])
    own = sum(float(logits[-n - 1 + i, token]) for i, token in enumerate(encoded.choice_ids[0]))
    [attempt], [without] = list(tuned.run([encoded])), list(llama.run([encoded]))
    assert attempt.choice_logprobs[0] == pytest.approx(own, abs=1e-4)
    assert attempt.choice_logprobs[0] != pytest.approx(without.choice_logprobs[0], abs=1e-2)


def test_an_adapter_named_alone_brings_its_base(tuned, adapter, ask):
    alone = open_engine(str(adapter), device="cpu", name="alone")
    assert alone.info.weights_digest == tuned.info.weights_digest
    assert alone.info.architecture == "LlamaForCausalLM"
    encoded = alone.encode(ask("the cat sat on", choices=(" a mat", " red doors")))
    assert list(alone.run([encoded])) == list(tuned.run([encoded]))


def test_the_store_tells_a_base_its_adapters_apart(tuned, llama, ask, folders, tmp_path):
    other = make_adapter(
        tmp_path / "other",
        folders["llama"],
        config=peft.LoraConfig(r=2, target_modules=["o_proj"], init_lora_weights=False),
    )
    another = open_engine(str(other), device="cpu")
    encoded = llama.encode(ask("the cat"))
    assert len({request_key(engine.info, encoded) for engine in (llama, tuned, another)}) == 3
    assert "peft" in tuned.info.engine
    assert tuned.info.n_parameters == llama.info.n_parameters


def test_an_adapters_own_tokenizer_goes_first(adapter, llama, tmp_path):
    folder = spoiled(adapter, tmp_path)
    llama._tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    info = open_engine(str(folder), device="cpu").info
    assert info.template_digest != llama.info.template_digest
    assert info.tokenizer_digest == llama.info.tokenizer_digest


def test_adapters_that_do_not_fit(folders, adapter, tmp_path):
    refuses("cannot be loaded|does not belong", folders["gpt2"], peft=str(adapter))
    refuses("is not an adapter", folders["llama"], peft=str(folders["gpt2"]))
    refuses("name its base model", adapter, peft=str(adapter))
    refuses("neither a folder", folders["llama"], peft=str(tmp_path / "nothing"))


def test_a_base_that_is_not_there(adapter, tmp_path):
    gone = spoiled(adapter, tmp_path, base_model_name_or_path="./no/such/base")
    refuses(r"is an adapter of \./no/such/base", gone)


def test_an_adapter_that_does_not_name_its_base(adapter, tmp_path, folders):
    nameless = spoiled(adapter, tmp_path, base_model_name_or_path=None)
    refuses("does not say what it is an adapter of", nameless)
    open_engine(str(folders["llama"]), device="cpu", args=ModelArgs(peft=str(nameless)))


def test_a_base_that_is_an_adapter(adapter, tmp_path):
    refuses(
        "is an adapter as well", spoiled(adapter, tmp_path, base_model_name_or_path=str(adapter))
    )


def test_weights_that_are_missing_from_an_adapter(adapter, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = spoiled(adapter, tmp_path)
    weights = load_file(folder / "adapter_model.safetensors")
    weights.pop(next(iter(weights)))
    save_file(weights, folder / "adapter_model.safetensors", {"format": "pt"})
    refuses("does not belong to this model: 1 weights", folder)


def test_a_pickled_adapter(adapter, tmp_path):
    folder = spoiled(adapter, tmp_path)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    refuses("pickled weights", folder)


def test_a_prompt_is_no_change_of_weights(folders, tmp_path):
    prompt = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    folder = make_adapter(tmp_path / "prompt", folders["llama"], config=prompt)
    refuses("PROMPT_TUNING adapter: a learned prompt", folder)


def test_a_model_with_an_adapter_beside_it(adapter, folders, tmp_path):
    folder = spoiled(adapter, tmp_path)
    shutil.copy(folders["llama"] / "config.json", folder)
    refuses("holds a model and an adapter", folder)


def test_without_peft(adapter, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    refuses(r"needs the package peft.*pip install 'tailqa\[peft\]'", adapter)
