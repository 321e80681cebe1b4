"""KEY=VALUE,… of one side."""

from dataclasses import fields

import pytest

from tailqa.core.errors import ModelError
from tailqa.engine import ModelArgs, open_engine, parse_args


def test_nothing_said_is_nothing():
    assert parse_args("") == parse_args(" , ") == ModelArgs()


def test_every_field_can_be_said():
    text = (
        "dtype=bfloat16,revision=v1,quantization=bnb-4bit,peft=./a=b, dequantize = True,"
        "device_map=auto,attn_implementation=eager"
    )
    args = parse_args(text)
    assert all(getattr(args, field.name) is not None for field in fields(args))
    assert (args.peft, args.dequantize) == ("./a=b", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bfloat16", "is not KEY=VALUE"),
        ("dtype=", "is not KEY=VALUE"),
        ("load_in_4bit=True", "there are attn_implementation, dequantize, device_map, dtype,"),
        ("dtype=a,dtype=b", "dtype is given twice"),
        ("quantization=gptq", "there are bnb-4bit, bnb-8bit, torchao"),
        ("dequantize=maybe", "true or false"),
    ],
)
def test_what_is_no_argument(text, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        parse_args(text)
    assert "\n" not in str(caught.value)


def test_arguments_reach_the_model(folders, ask):
    args = parse_args("dtype=bfloat16,device_map=auto,attn_implementation=eager")
    engine = open_engine(str(folders["llama"]), device="cpu", dtype="float32", args=args)
    info = engine.info
    assert info.dtype == "bfloat16"
    assert info.engine.endswith(", attention eager")
    plain = open_engine(str(folders["llama"]), device="cpu", dtype="bfloat16").info
    assert plain.engine != info.engine
    [attempt] = engine.run([engine.encode(ask("the cat sat", max_tokens=4))])
    assert attempt.completion_tokens == 4
    assert engine._runner.model.config._attn_implementation == "eager"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("device_map=anywhere", "cannot be loaded|no device"),
        ("attn_implementation=none_such", "cannot be loaded"),
        ("dtype=int8", "no dtype to compute in.*quantization="),
        ("revision=v2", "on this machine"),
    ],
)
def test_what_a_folder_cannot_be(folders, text, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        open_engine(str(folders["llama"]), device="cpu", args=parse_args(text))
    assert "\n" not in str(caught.value)


def test_two_revisions():
    with pytest.raises(ModelError, match="two revisions"):
        open_engine("nobody/model@v1", args=ModelArgs(revision="v2"))
