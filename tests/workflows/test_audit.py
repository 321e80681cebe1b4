"""The audit: real tokenizers and templates for prompts, scripted engines for answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.answer import Answered, Attempt, Pair
from tailqa.core.ports import Silent
from tailqa.core.query import Generation, GraderSpec, Message, Query, Stratum, Suite
from tailqa.engine import ResponseStore, ScriptedEngine, answer, open_engine
from tailqa.grade import make_grader
from tailqa.workflows.asking import Options, graded_pairs, requests
from tailqa.workflows.audit import audit, look_at
from tailqa.workflows.compare import run_compare
from tailqa.workflows.prompt_texts import compare_texts
from tailqa.workflows.provenance import findings

BODY = (
    "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
TEMPLATE = "{{ bos_token }}" + BODY


def make_suite(prompts, *, grader="exact", stop=(), max_tokens=50, choices=(), strata=1):
    """The prompts by id, spread over strata in turn."""
    names = [f"s{number}" for number in range(strata)]
    return Suite(
        name="suite",
        version="1",
        digest="d",
        source="",
        task="choose" if choices else "generate",
        generation=Generation(max_tokens=max_tokens, stop=stop),
        grader=GraderSpec(name=grader),
        strata=tuple(
            Stratum(name=name, kind="tail", weight=1 / strata, tier="critical") for name in names
        ),
        queries=tuple(
            Query(
                id=f"q{index}",
                stratum=names[index % strata],
                prompt=prompt,
                references=choices[:1] or ("4",),
                choices=choices,
            )
            for index, prompt in enumerate(prompts)
        ),
    )


def chat(*, n=3):
    return make_suite(
        [
            (
                Message(role="system", content="Answer in one word."),
                Message(role="user", content=f"What is the number {index}? "),
            )
            for index in range(n)
        ]
    )


@pytest.fixture(scope="module")
def make_engine(tmp_path_factory):
    """A tiny model whose byte-level tokenizer frames texts as told."""

    def make(*, template=TEMPLATE, adds_bos=True, lowercase=False):
        import torch
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        special = ["<s>", "</s>"]
        vocabulary = {token: index for index, token in enumerate(special + alphabet)}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        if lowercase:
            tokenizer.normalizer = normalizers.Lowercase()
        if adds_bos:
            tokenizer.post_processor = processors.TemplateProcessing(
                single="<s> $A", special_tokens=[("<s>", 0)]
            )
        begin, end = special
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=begin, eos_token=end)
        fast.chat_template = template
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(vocabulary),
                hidden_size=8,
                intermediate_size=8,
                num_hidden_layers=1,
                num_attention_heads=1,
                max_position_embeddings=256,
                bos_token_id=0,
                eos_token_id=1,
            )
        )
        folder = tmp_path_factory.mktemp("model")
        model.save_pretrained(folder)
        fast.save_pretrained(folder)
        return open_engine(str(folder), device="cpu")

    return make


@pytest.fixture(scope="module")
def sound(make_engine):
    return make_engine()


def asked(engine, suite):
    """The first attempts that a model would be asked for, all of them answered 4."""
    return [
        Answered(
            query_id=one.query_id,
            attempts=(
                Attempt(
                    prompt=engine.encode(one).text,
                    prompt_tokens=1,
                    completion_tokens=1,
                    text="4",
                    finish_reason="stop",
                ),
            ),
        )
        for one in requests(suite, 0)
    ]


def prompt_audit(teacher, student, suite):
    pairs = graded_pairs(
        suite.queries, asked(teacher, suite), asked(student, suite), make_grader(suite.grader)
    )
    looks = {side: look_at(one, suite, 0) for side, one in sides(teacher, student)}
    return audit(suite, pairs, looks), findings(pairs, teacher.info, student.info)


def sides(teacher, student):
    return (("teacher", teacher), ("student", student))


def test_the_same_model_twice_has_no_finding(sound):
    assert prompt_audit(sound, sound, chat()) == ((), ())
    assert prompt_audit(sound, sound, make_suite(["one", "two"])) == ((), ())


def test_a_template_that_doubles_bos(sound, make_engine):
    doubling = make_engine(template="{{ bos_token }}" + TEMPLATE)
    [found], _ = prompt_audit(sound, doubling, chat())
    assert (found.kind, found.side, found.n, found.of) == ("bos", "student", 3, 3)
    assert "<s> more than once" in found.message
    assert [example.query_id for example in found.examples] == ["q0", "q1"]
    assert found.examples[0].seen.startswith("<s><s>[system] Answer in one word.")


def test_bos_written_into_the_suite_is_doubled_on_both_sides(sound):
    found, _ = prompt_audit(sound, sound, make_suite(["<s><s>one", "<s>two", "three"]))
    assert [(one.side, one.n, one.of) for one in found] == [("teacher", 1, 3), ("student", 1, 3)]


def test_a_template_that_forgets_the_bos_of_its_tokenizer(sound, make_engine):
    forgetting = make_engine(template=BODY)
    [found], _ = prompt_audit(sound, forgetting, chat())
    assert (found.kind, found.side, found.n, found.of) == ("bos", "student", 3, 3)
    assert "lacks <s>, with which its tokenizer" in found.message
    assert found.examples[0].seen.startswith("[system]")


def test_a_template_that_writes_bos_where_plain_prompts_have_none(make_engine):
    chat_only = make_engine(adds_bos=False)
    found, _ = prompt_audit(chat_only, chat_only, make_suite(["one"]))
    assert [(one.kind, one.side) for one in found] == [("bos", "teacher"), ("bos", "student")]


def test_bos_on_one_side_only(make_engine):
    teacher = make_engine(template=None)
    student = make_engine(template=None, adds_bos=False)
    [found], _ = prompt_audit(teacher, student, make_suite(["one", "two"]))
    assert (found.kind, found.side, found.n) == ("bos", "student", 2)
    assert "the teacher's begins with it" in found.message
    assert prompt_audit(student, student, make_suite(["one"])) == ((), ())


def test_a_template_that_drops_the_system_message(sound, make_engine):
    dropping = make_engine(template="{{ bos_token }}[user] {{ messages[-1]['content'] }}")
    [found], sentences = prompt_audit(sound, dropping, chat())
    assert (found.kind, found.side, found.n, found.of) == ("template", "student", 3, 3)
    assert "not sent all" in found.message
    assert sentences == ()


def test_a_template_on_one_side_only(sound, make_engine):
    bare = make_engine(
        template="{% for m in messages %}{{ m['content'] }} {% endfor %}", adds_bos=False
    )
    found, _ = prompt_audit(bare, sound, chat())
    assert ("template", "teacher", 3) in [(one.kind, one.side, one.n) for one in found]
    assert "asked without a chat template, the student with one" in found[-1].message


def test_another_template_is_a_sentence_and_no_finding(sound, make_engine):
    other = make_engine(
        template="{{ bos_token }}You are kind.{% for m in messages %}\n\n"
        "### {{ m['role'] }}\n{{ m['content'] | trim }}{% endfor %}\n\n### answer\n"
    )
    found, [sentence] = prompt_audit(sound, other, chat())
    assert found == ()
    assert "In 3 of 3 queries" in sentence
    assert "templates that differ, e.g. q0" in sentence


def test_a_base_model_beside_a_chat_model(sound, make_engine):
    base = make_engine(template=None)
    found, [sentence] = prompt_audit(base, sound, make_suite(["one"]))
    assert found == ()
    assert "only the student has a chat template" in sentence


def test_a_tokenizer_that_changes_the_text(sound, make_engine):
    shouting = make_suite(["PLEASE", "please", "Please"])
    [found], _ = prompt_audit(sound, make_engine(lowercase=True), shouting)
    assert (found.kind, found.side, found.n, found.of) == ("template", "student", 2, 3)
    assert found.examples[0].seen == "<s>please"


def test_every_stratum_is_looked_at(sound, monkeypatch):
    monkeypatch.setattr("tailqa.workflows.audit.LOOKED_AT", 40)
    suite = make_suite([f"What is {index}?" for index in range(90)], strata=2)
    suite = replace(suite, generation=replace(suite.generation, samples=3, temperature=1.0))
    seen = look_at(sound, suite, seed=0)
    assert len(seen.prompts) == 40
    assert sum(int(query[1:]) % 2 for query in seen.prompts) == 20
    assert seen.ends == ("</s>",)


def rendered(query_id, teacher, student, prompt=None):
    """A pair that another harness wrote down: its texts, and nothing about tokens."""
    one, other = (
        Answered(
            query_id=query_id,
            attempts=(
                Attempt(
                    prompt=text,
                    prompt_tokens=None,
                    completion_tokens=None,
                    text="4",
                    finish_reason=None,
                ),
            ),
        )
        for text in (teacher, student)
    )
    query = Query(id=query_id, stratum="s0", prompt=prompt or teacher, references=("4",))
    return Pair(query=query, teacher=one, student=other, teacher_grade=None, student_grade=None)


QUESTIONS = ("What is two?", "What is three?", "Who?")


def test_imported_prompts_in_two_templates_are_no_finding():
    pairs = [rendered(q, f"<u>{q}<a>", f"### {q}\n\nAnswer:") for q in QUESTIONS]
    assert audit(make_suite([]), pairs, {}) == ()
    assert len(compare_texts(pairs).framed) == 3


def test_imported_prompts_that_differ():
    pairs = [rendered(q, f"<u>{q}<a>", f"### {q}\n\nAnswer:") for q in QUESTIONS]
    pairs[1] = rendered("odd", "<u>What is three?<a>", "### What is four?\n\nAnswer:")
    [found] = audit(make_suite([]), pairs, {})
    assert (found.kind, found.side, found.n, found.of) == ("template", None, 1, 3)
    assert found.examples[0].seen == (
        "teacher: <u>What is three?<a> / student: ### What is four?\n\nAnswer:"
    )


def test_imported_prompts_with_one_template():
    pairs = [rendered(q, f"[INST] {q} [/INST]", q) for q in QUESTIONS]
    [found] = audit(make_suite([]), pairs, {})
    assert (found.kind, found.side, found.n) == ("template", "student", 3)


def test_prompts_that_were_not_written_down_say_nothing():
    assert audit(make_suite([]), [rendered("q", "", "text", "text")], {}) == ()


words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)


@given(st.lists(words, min_size=1, max_size=4), st.sampled_from(["\n", " ", "###\n"]))
def test_contents_survive_any_frame(contents, between):
    messages = tuple(Message(role="user", content=one) for one in contents)
    frames = (
        "".join(f"<|u|>{one.strip()}<|e|>" for one in contents),
        "$" + between.join(one.upper() if one.isdecimal() else one for one in contents),
    )
    pair = rendered("q", *frames)
    pair = replace(pair, query=replace(pair.query, prompt=messages))
    assert compare_texts([pair]).framed == [pair]


def answer_audit(suite, teacher, student, tmp_path):
    """Both scripts (a function of the query's number) answer the suite."""

    def answers(script, name):
        engine = ScriptedEngine(
            lambda request: script(int(request.query_id[1:])), name=name, version=name
        )
        with ResponseStore(tmp_path / f"{name}.db") as store:
            given = answer(engine, store, requests(suite, 0), progress=Silent(), task=name)
        return given, look_at(engine, suite, 0)

    (first, one), (second, other) = answers(teacher, "teacher"), answers(student, "student")
    pairs = graded_pairs(suite.queries, first, second, make_grader(suite.grader))
    return audit(suite, pairs, {"teacher": one, "student": other})


def questions(n=40, **options):
    return make_suite([f"Question {index}?" for index in range(n)], **options)


def endless(_):
    return "word " * 60


def test_a_stop_string_that_one_side_never_emits(tmp_path):
    suite = questions(stop=("\n\n",), max_tokens=8)
    [found] = answer_audit(suite, lambda n: f"It is {n}.\n\nNext", endless, tmp_path)
    assert (found.kind, found.side, found.n, found.of) == ("stop", "student", 40, 40)
    assert r"what would end it: '\n\n'" in found.message
    assert found.examples[0].seen == "word word word word word word word word"


def test_two_sides_that_never_stop_are_cut_answers(tmp_path):
    found = answer_audit(questions(max_tokens=8), endless, endless, tmp_path)
    assert [(one.kind, one.side, one.n, one.of) for one in found] == [
        ("truncation", "teacher", 40, 40),
        ("truncation", "student", 40, 40),
    ]


def test_some_answers_that_are_cut_on_one_side(tmp_path):
    suite = questions(max_tokens=8)
    [found] = answer_audit(suite, lambda n: "4", lambda n: endless(n) if n < 5 else "4", tmp_path)
    assert (found.kind, found.side, found.n, found.of) == ("truncation", "student", 5, 40)
    assert "the teacher never" in found.message


def test_a_format_that_one_side_never_follows_in_one_stratum(tmp_path):
    suite = questions(grader="numeric", strata=2)
    [found] = answer_audit(
        suite, lambda n: f"= {n}", lambda n: "no idea" if n % 2 else f"= {n}", tmp_path
    )
    assert (found.kind, found.side, found.n, found.of) == ("format", "student", 20, 20)
    assert "in s1, and does in the teacher's" in found.message
    assert found.examples[0].seen == "no idea"


def test_a_format_that_both_miss_is_no_finding(tmp_path):
    suite = questions(grader="numeric")
    assert answer_audit(suite, lambda n: "none", lambda n: "no idea", tmp_path) == ()


def test_what_is_not_parsed_but_looked_for_is_no_format(tmp_path):
    suite = questions(grader="contains")
    assert answer_audit(suite, lambda n: "4", lambda n: "no idea", tmp_path) == ()


def test_a_collapse_of_length(tmp_path):
    def long(n):
        return f"First {n} and then {n} and what was left over, which makes a few more. " * 2

    [found] = answer_audit(questions(), long, lambda n: "4", tmp_path)
    assert (found.kind, found.side, found.n, found.of) == ("length", "student", 40, 40)
    assert "at most a quarter as long as the teacher's" in found.message
    assert found.examples[0].seen.endswith(" / student: 4")
    assert answer_audit(questions(n=19), long, lambda n: "4", tmp_path) == ()


def test_empty_answers_are_a_collapse_whatever_the_length(tmp_path):
    [found] = answer_audit(questions(), lambda n: "", lambda n: "It is 4", tmp_path)
    assert (found.kind, found.side, found.n) == ("length", "teacher", 40)
    assert found.examples[0].seen == "teacher: (empty) / student: It is 4"


def test_short_answers_of_other_words_are_no_collapse(tmp_path):
    assert answer_audit(questions(), lambda n: "4", lambda n: "The answer is 4.", tmp_path) == ()


def test_an_endless_side_is_not_called_long_as_well(tmp_path):
    suite = questions(max_tokens=40)
    assert [one.kind for one in answer_audit(suite, lambda n: "4", endless, tmp_path)] == ["stop"]


def test_choices_have_no_length_and_no_end(tmp_path):
    suite = questions(grader="choice", choices=("4", "a much longer choice " * 9))
    found = answer_audit(suite, lambda n: (-1.0, -2.0), lambda n: (-2.0, -1.0), tmp_path)
    assert found == ()


def test_the_embedded_pair_has_no_finding(tmp_path):
    options = Options(limit=20, speed=0, out=tmp_path, pipeline="none")
    report = run_compare("demo:teacher", "demo:student", "demo", options).report
    assert report.audit == ()
