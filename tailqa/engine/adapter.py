"""A PEFT adapter on its base model."""

from typing import Any

from tailqa.core.errors import ModelError
from tailqa.engine.quantization import need_package
from tailqa.engine.spec import Source

_WEIGHTS = "adapter_model.safetensors"


def put_adapter(model: Any, adapter: Source, *, merge: bool) -> Any:
    """The model with the adapter in it, still a transformers model.

    With `merge` its weights are added to those of the model, as a deployed model has them; without,
    they stay beside them, which quantised weights need. Raises ModelError when peft is missing, or
    the adapter is of another model or of a kind that is a prompt and no weights.
    """
    need_package("peft", f"The adapter {adapter.spec}")
    import peft

    if not (adapter.folder / _WEIGHTS).is_file():
        raise ModelError(f"{adapter.spec} has no {_WEIGHTS}; save the adapter as safetensors.")
    config = peft.PeftConfig.from_pretrained(adapter.folder)
    if config.is_prompt_learning:
        raise ModelError(
            f"{adapter.spec} is a {config.peft_type.value} adapter: a learned prompt and no change "
            "of weights, which tailqa does not run."
        )
    config.inference_mode = True
    wrapped = peft.PeftModel(model, config)
    loaded = wrapped.load_adapter(adapter.folder, "default")
    unfit = [*loaded.missing_keys, *loaded.unexpected_keys]
    if unfit:
        raise ModelError(
            f"{adapter.spec} does not belong to this model: {len(unfit)} weights are missing or "
            f"have no place ({unfit[0]}, …)."
        )
    return wrapped.merge_and_unload() if merge else wrapped.get_base_model()
