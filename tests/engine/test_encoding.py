"""Token ids as lm-eval's `hf` backend makes them, by its documented rules."""

from dataclasses import replace

import pytest

from tailqa.core.errors import ModelError
from tailqa.core.ports import Request
from tailqa.core.query import Generation, Message
from tailqa.engine import open_engine
from tailqa.engine.encoding import Encoder
from tests.engine.conftest import train_tokenizer


@pytest.fixture
def chat():
    said = (Message(role="user", content="hi"),)
    return Request(query_id="q", prompt=said, generation=Generation())


@pytest.fixture(scope="module", params=[True, False], ids=["adds BOS", "adds nothing"])
def plain(request, new_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "m"
    return open_engine(str(new_folder(folder, "llama", adds_bos=request.param)), device="cpu")


def tokens(engine, text, **more):
    return tuple(engine._tokenizer(text, **more)["input_ids"])


@pytest.mark.parametrize("text", ["the cat", " the cat ", "é🙂\n", "<pad> dogs"])
def test_a_plain_prompt_is_what_the_tokenizer_makes_of_it(plain, ask, text):
    assert plain.encode(ask(text)).token_ids == tokens(plain, text)
    assert plain.encode(ask(text)).text == text


def test_a_prompt_that_begins_with_bos_gets_no_second_one(plain, ask):
    ids = plain.encode(ask("<s>the cat")).token_ids
    assert ids == tokens(plain, "<s>the cat", add_special_tokens=False)
    assert ids.count(0) == 1


def test_an_empty_prompt_begins_with_bos(plain, ask):
    assert plain.encode(ask("")).token_ids == (0,)
    scored = plain.encode(ask("", choices=("the cat",)))
    assert scored.token_ids == (0,)
    assert scored.choice_ids == (tokens(plain, "the cat", add_special_tokens=False),)


@pytest.mark.parametrize("prompt", ["the cat", "the cat ", "the cat \n ", "é"])
@pytest.mark.parametrize("choice", [" sat", "sat", "a red door é🙂"])
def test_choices_are_cut_out_of_the_whole(plain, ask, prompt, choice):
    encoded = plain.encode(ask(prompt, choices=(choice,)))
    context = tokens(plain, prompt.rstrip())
    assert encoded.token_ids == context
    assert encoded.choice_ids == (tokens(plain, prompt + choice)[len(context) :],)
    assert encoded.text == prompt


@pytest.mark.parametrize("prompt", ["the cat", "the cat ", "the cat \n"])
@pytest.mark.parametrize("text", [" sat", "sat on a mat"])
def test_a_text_goes_on_from_the_very_tokens_that_it_was_generated_from(plain, ask, prompt, text):
    asked = replace(ask(prompt, choices=(text,)), continues=True)
    encoded = plain.encode(asked)
    assert encoded.token_ids == plain.encode(ask(prompt)).token_ids
    assert plain._tokenizer.decode(encoded.choice_ids[0]) == text
    assert plain.encode_many([asked]) == [encoded]


def test_what_a_tokenizer_adds_behind_a_text_is_left_out(ask):
    from tokenizers import processors

    tokenizer = train_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A <s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    odd, usual = (Encoder(t, n_embeddings=len(t)) for t in (tokenizer, train_tokenizer()))
    for request in (ask("the cat"), ask("the cat", choices=(" sat", " ran past"))):
        assert odd.encode(request) == usual.encode(request)
        assert odd.encode_many([request]) == [usual.encode(request)]


def test_faults_of_tokenizers_and_templates_are_the_query_s_own(ask, chat):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"cat": 0}))
    known = Encoder(PreTrainedTokenizerFast(tokenizer_object=words), n_embeddings=1)
    found = known.encode_many([ask("cat"), ask("dog")])
    assert found[0].token_ids == (0,)
    assert "the tokenizer cannot take the text" in str(found[1])
    for template in ("{{ 1 // 0 }}", "{{ range(10**9)|list }}"):
        failing = Encoder(train_tokenizer(template=template), n_embeddings=400)
        with pytest.raises(ModelError, match="the chat template refuses the messages"):
            failing.encode(chat)


def test_a_choice_without_a_token_of_its_own_is_refused(plain, ask):
    with pytest.raises(ModelError, match="no token of its own"):
        plain.encode(ask("the cat", choices=("",)))


def test_text_that_is_not_unicode_is_refused(plain, ask):
    with pytest.raises(ModelError, match="cannot take the text"):
        plain.encode(ask("the \ud800 cat"))


def test_long_prompts_are_not_warned_about(plain, ask, capfd):
    plain.encode(ask("the cat " * 500))
    assert capfd.readouterr() == ("", "")
