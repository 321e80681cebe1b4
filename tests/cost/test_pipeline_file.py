"""Pipeline files: all faults at once, each with its place; settings; what they are made into."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.errors import InputError
from tailqa.cost.load import SHIPPED, load_pipeline, shipped_pipelines
from tailqa.cost.schema import Pipeline
from tailqa.cost.settings import sweep_values

GOOD = """\
version: 1
name: mine
stages:
  - {name: embed, servers: 4, time: {kind: lognormal, p50_s: 0.012, p99_s: 0.040}}
  - {name: search, servers: 8, time: {kind: gamma, mean_s: 0.020, cv: 0.5}}
  - {name: generation, model: true, servers: 1, concurrency: 2}
  - {name: check, time: {kind: constant, s: 0.002}, probability: 0.5}
policy:
  max_attempts: 3
  repeat_from: generation
  verifier: {sensitivity: 0.95, false_accepts: 0.10}
  escalate: {to: teacher}
chain: {calls: 1}
arrivals: {kind: poisson, rate: 1.0}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pipeline.yaml"


def faults(file: Path, text: str = GOOD, sets: dict[str, str] | None = None) -> list[str]:
    """What is wrong with `text`, each without the folder."""
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_pipeline(file, sets or {})
    return [str(fault).replace(f"{file.parent}/", "") for fault in caught.value.faults]


ONE_FAULT = {
    "a negative time": (
        "s: 0.002",
        "s: -1",
        ":7: stages[3].time.s: must be greater than or equal to 0 (got -1)",
    ),
    "a time without end": (
        "s: 0.002",
        "s: .inf",
        ":7: stages[3].time.s: must be a finite number (got inf)",
    ),
    "p99 below p50": (
        "p99_s: 0.040",
        "p99_s: 0.010",
        ":4: stages[0].time: p99_s must be at least p50_s, got 0.01 < 0.012",
    ),
    "p99 out of all proportion": (
        "p99_s: 0.040",
        "p99_s: 1000000",
        ":4: stages[0].time: p99_s must be at most 1,000,000 times p50_s",
    ),
    "an unknown kind of time": (
        "kind: gamma",
        "kind: weibull",
        ":5: stages[1].time.kind: must be one of 'constant', 'lognormal', 'gamma', 'empirical' "
        "(got 'weibull')",
    ),
    "a time without kind": ("kind: gamma, ", "", ":5: stages[1].time.kind: is required"),
    "a time that is a number": (
        "{kind: constant, s: 0.002}",
        "0.002",
        ":7: stages[3].time: must be keys with values (got 0.002)",
    ),
    "no time": (
        ", time: {kind: constant, s: 0.002}",
        "",
        ":7: stages[3].time: is required, save at the stage with model: true",
    ),
    "a sample of nowhere": (
        "{kind: constant, s: 0.002}",
        "{kind: empirical, file: a.csv, span: x}",
        ":7: stages[3].time: needs either file and column, or otel and span",
    ),
    "a sample that is not there": (
        "{kind: constant, s: 0.002}",
        "{kind: empirical, file: a.csv, column: x}",
        ":7: stages[3].time.file: a.csv cannot be read: No such file or directory",
    ),
    "a probability above 1": (
        "probability: 0.5",
        "probability: 1.5",
        ":7: stages[3].probability: must be less than or equal to 1 (got 1.5)",
    ),
    "a sensitivity below 0": (
        "sensitivity: 0.95",
        "sensitivity: -0.1",
        ":11: policy.verifier.sensitivity: must be greater than or equal to 0 (got -0.1)",
    ),
    "false accepts in percent": (
        "false_accepts: 0.10",
        "false_accepts: 10",
        ":11: policy.verifier.false_accepts: must be less than or equal to 1 (got 10)",
    ),
    "no attempts": (
        "max_attempts: 3",
        "max_attempts: 0",
        ":9: policy.max_attempts: must be greater than or equal to 1 (got 0)",
    ),
    "no calls": (
        "calls: 1",
        "calls: 0",
        ":13: chain.calls: must be greater than or equal to 1 (got 0)",
    ),
    "a name twice": (
        "name: search",
        "name: embed",
        ":5: stages[1].name: is already the name of stages[0] (got 'embed')",
    ),
    "a reserved name": (
        "name: search",
        "name: teacher",
        ":5: stages[1].name: teacher is the name of what an escalation goes to: choose another "
        "(got 'teacher')",
    ),
    "a name with a dot": (
        "name: search",
        "name: vector.search",
        ":5: stages[1].name: must begin with a letter and hold only letters, digits, _, - and / "
        "(got 'vector.search')",
    ),
    "no model": (
        "model: true, servers: 1, concurrency: 2",
        "time: {kind: constant, s: 1}",
        ":3: stages: exactly one stage must have model: true, none has",
    ),
    "two models": (
        "{name: check, time: {kind: constant, s: 0.002}, probability: 0.5}",
        "{name: check, model: true}",
        ":3: stages: exactly one stage must have model: true, 2 have: generation, check",
    ),
    "a model with a time": (
        "model: true",
        "model: true, time: {kind: constant, s: 1}",
        ":6: stages[2].time: must be left out: the model's own time was measured",
    ),
    "a model that is skipped": (
        "model: true",
        "model: true, probability: 0.5",
        ":6: stages[2].probability: must be 1: without the model there is no answer (got 0.5)",
    ),
    "a model with a price at its stage": (
        "model: true",
        "model: true, usd_per_server_hour: 2.5",
        ":6: stages[2].usd_per_server_hour: must be left out: what the models cost stands in "
        "prices (got 2.5)",
    ),
    "concurrency elsewhere": (
        "servers: 8",
        "concurrency: 8",
        ":5: stages[1].concurrency: is for the model's stage alone: another stage takes more "
        "servers (got 8)",
    ),
    "after what is not there": (
        "servers: 8",
        "after: [embd]",
        ":5: stages[1].after: is not a stage; there are embed, search, generation, check "
        "(got 'embd')",
    ),
    "after itself": (
        "servers: 8",
        "after: [search]",
        ":5: stages[1].after: stages must not wait for each other: search -> search",
    ),
    "a circle": (
        "name: embed, servers: 4",
        "name: embed, after: [generation]",
        ":4: stages[0].after: stages must not wait for each other: "
        "embed -> search -> generation -> embed",
    ),
    "repeat from nowhere": (
        "repeat_from: generation",
        "repeat_from: retrieval",
        ":10: policy.repeat_from: is not a stage; there are embed, search, generation, check "
        "(got 'retrieval')",
    ),
    "repeat without the model": (
        "repeat_from: generation",
        "repeat_from: check",
        ":10: policy.repeat_from: generation does not come after it, so a retry would not ask the "
        "model again (got 'check')",
    ),
    "escalated to nobody": (
        "to: teacher",
        "to: boss",
        ":12: policy.escalate.to: must be one of 'teacher', 'person' (got 'boss')",
    ),
    "a person without time": (
        "to: teacher",
        "to: person",
        ":12: policy.escalate.time: is required",
    ),
    "a hedge that comes too late": (
        "max_attempts: 3",
        "timeout_s: 2\n  hedge_after_s: 2",
        ":10: policy.hedge_after_s: must be below timeout_s, or no copy is ever sent (got 2.0)",
    ),
    "icc of 1": ("max_attempts: 3", "icc: 1.0", ":9: policy.icc: must be less than 1 (got 1.0)"),
    "rate 0": ("rate: 1.0", "rate: 0", ":14: arrivals.rate: must be greater than 0 (got 0)"),
    "bursts that are calmer": (
        "kind: poisson, rate: 1.0",
        "kind: bursty, rate: 2, burst_rate: 1, calm_s: 1, burst_s: 1",
        ":14: arrivals: burst_rate must be at least rate, that of the calm",
    ),
    "bursts too short to hold a request": (
        "kind: poisson, rate: 1.0",
        "kind: bursty, rate: 1, burst_rate: 2, calm_s: 0.01, burst_s: 0.01",
        ":14: arrivals: a calm and a burst bring fewer than 0.1 requests: use kind: poisson",
    ),
    "no clients": (
        "kind: poisson, rate: 1.0",
        "kind: closed, clients: 0",
        ":14: arrivals.clients: must be greater than or equal to 1 (got 0)",
    ),
    "an unknown key": (
        "max_attempts: 3",
        "max_attemps: 3",
        ":9: policy.max_attemps: is not a known key; did you mean max_attempts?",
    ),
    "another version": (
        "version: 1",
        "version: 2",
        ":1: version: this tailqa reads version 1 of the pipeline format (got 2)",
    ),
    "no version": ("version: 1\n", "", ":1: version: is required"),
    "no arrivals": ("arrivals: {kind: poisson, rate: 1.0}\n", "", ":1: arrivals: is required"),
}


@pytest.mark.parametrize(("old", "new", "fault"), ONE_FAULT.values(), ids=ONE_FAULT.keys())
def test_one_fault_is_named_by_its_place(file, old, new, fault):
    assert old in GOOD
    assert faults(file, GOOD.replace(old, new, 1)) == [f"pipeline.yaml{fault}"]


def test_all_faults_come_at_once(file):
    (file.parent / "t.csv").write_text("seconds\n0.1\n-1\n")
    text = GOOD.replace("s: 0.002", "s: -1").replace("servers: 8", "after: [nowhere]")
    text = text.replace("calls: 1", "cals: 1").replace("rate: 1.0", "rate: -2")
    text = text.replace(
        "{kind: lognormal, p50_s: 0.012, p99_s: 0.040}",
        "{kind: empirical, file: t.csv, column: seconds}",
    )
    assert faults(file, text, {"policy.icc": "7"}) == [
        "pipeline.yaml:7: stages[3].time.s: must be greater than or equal to 0 (got -1)",
        "--set policy.icc: must be less than 1 (got 7)",
        "pipeline.yaml:13: chain.cals: is not a known key; did you mean calls?",
        "pipeline.yaml:14: arrivals.rate: must be greater than 0 (got -2)",
        "pipeline.yaml:5: stages[1].after: is not a stage; there are embed, search, generation, "
        "check (got 'nowhere')",
        "t.csv:3: seconds: must be seconds, from 0 to 10,000,000 (got '-1')",
    ]


@pytest.mark.parametrize("text", ["", "- a list\n", "42\n", "# only a comment\n", "stages: {}\n"])
def test_what_is_no_pipeline_at_all(file, text):
    assert faults(file, text)
    assert faults(file, text, {"policy.icc": "0.5", "stages.x.servers": "1"})


@pytest.mark.parametrize("name", ["ragg", "no/such.yaml", "x" * 5000, "zero\0byte"])
def test_unknown_names_list_the_known(name):
    with pytest.raises(InputError) as caught:
        load_pipeline(name)
    words = "is neither a file nor a shipped pipeline (agent, chat, rag)"
    assert str(caught.value) == f"{name}: {words}"


def test_a_graph_may_be_written_in_any_order(file):
    file.write_text(
        GOOD.replace("servers: 8", "after: [check]").replace("s: 0.002}", "s: 0}, after: []")
    )
    pipeline = load_pipeline(file)
    assert [stage["after"] for stage in pipeline.content()["stages"]] == [
        [],
        ["check"],
        ["search"],
        [],
    ]


@pytest.mark.parametrize("name", shipped_pipelines())
def test_shipped_pipelines_load_and_stay_on_a_screen(name):
    pipeline = load_pipeline(name)
    assert pipeline.options == ("teacher", "student", "escalated")
    assert (pipeline.name, pipeline.priced, pipeline.policy.max_attempts) == (name, False, 3)
    text = (SHIPPED / f"{name}.yaml").read_text()
    assert max(map(len, text.splitlines())) <= 100


def test_the_built_in_one_cannot_saturate():
    pipeline = load_pipeline()
    assert (pipeline.name, pipeline.arrivals.kind, pipeline.arrivals.clients) == (
        "chat",
        "closed",
        1,
    )


def test_the_content_writes_every_default_out_and_loads_again(file):
    content = load_pipeline("agent").content()
    assert content.pop("data") == {}
    assert content["policy"]["repeat_from"] == "generation"
    again = Pipeline.model_validate(json.loads(json.dumps(content)))
    assert again.digest == load_pipeline("agent").digest


def test_the_digest_knows_what_the_files_hold(file):
    file.write_text(
        GOOD.replace("{kind: constant, s: 0.002}", "{kind: empirical, file: t.csv, column: s}")
    )
    digests = []
    for seconds in ("1", "2", "1"):
        (file.parent / "t.csv").write_text(f"s\n{seconds}\n")
        digests.append(load_pipeline(file).digest)
    assert digests[0] == digests[2] != digests[1]
    assert list(load_pipeline(file).content()["data"]) == ["stages.3.time"]


SETS = {
    "policy.max_attempts=1": lambda p: p.policy.max_attempts == 1,
    "arrivals.rate=12": lambda p: p.arrivals.rate == 12,
    "stages.generation.servers=2": lambda p: p.stages[2].servers == 2,
    "stages.0.time.p99_s=0.5": lambda p: p.stages[0].time.p99_s == 0.5,
    "policy.escalate=null": lambda p: p.options == ("teacher", "student"),
    "policy.retry.lift=0.1": lambda p: p.policy.retry.lift == 0.1,
    "prices.student.usd_per_gpu_hour=2.5": lambda p: p.priced,
    "arrivals={kind: closed, clients: 3}": lambda p: p.arrivals.kind == "closed",
    "stages.search.time={kind: constant, s: 1}": lambda p: p.stages[1].time.kind == "constant",
    "stages.check.after=[]": lambda p: p.stages[3].after == [],
    "name='no'": lambda p: p.name == "no",
}


@pytest.mark.parametrize("setting", SETS)
def test_a_setting(file, setting):
    file.write_text(GOOD)
    key, value = setting.split("=", 1)
    assert not SETS[setting](load_pipeline(file))
    assert SETS[setting](load_pipeline(file, {key: value}))


BAD_SETS = {
    "policy.max_attempts=0": "policy.max_attempts: must be greater than or equal to 1 (got 0)",
    "policy.max_attempts=x": "policy.max_attempts: must be a valid integer (got 'x')",
    "policy.atempts=1": "policy.atempts: is not a known key; did you mean attempts?",
    "stages.rerank.servers=1": "stages.rerank.servers: stages has no 'rerank'; it has embed, "
    "search, generation, check",
    "stages.7.servers=1": "stages.7.servers: stages has no '7'; it has embed, search, generation, "
    "check",
    "name.x=1": "name.x: name is a single value, without keys",
    "policy..x=1": "policy..x: must be names joined by dots, as in policy.max_attempts",
    "policy.icc=[": "policy.icc: is not valid YAML: expected the node content, but found '<stream "
    "end>'",
    "policy.icc=": "policy.icc: is empty",
    "arrivals={kind: closed}": "arrivals: clients: is required",
    "arrivals.kind=often": "arrivals.kind: must be one of 'poisson', 'closed', 'bursty', 'trace' "
    "(got 'often')",
    "arrivals.burst_rate=2": "arrivals.burst_rate: arrivals of kind poisson have no burst_rate, "
    "only rate",
    "stages.search.after=[generation]": "stages.search.after: stages must not wait for each other: "
    "search -> generation -> search",
}


@pytest.mark.parametrize("setting", BAD_SETS)
def test_a_fault_of_a_setting_names_it(file, setting):
    key, value = setting.split("=", 1)
    found = faults(file, GOOD, {key: value})
    assert found == [f"--set {BAD_SETS[setting]}"]


@pytest.mark.parametrize("sets", [{"a." * 3000 + "b": "1"}, {"policy": "{a: " * 2000 + "}" * 2000}])
def test_settings_without_end_are_faults(file, sets):
    assert faults(file, GOOD, sets)


def test_a_rate_for_arrivals_without_one_says_what_to_do(file):
    other = GOOD.replace("kind: poisson, rate: 1.0", "kind: closed, clients: 2")
    change = 'to change the kind: --set "arrivals={kind: poisson, rate: …}"'
    assert faults(file, other, {"arrivals.rate": "12"}) == [
        f"--set arrivals.rate: arrivals of kind closed have no rate, only clients, think; {change}"
    ]
    (file.parent / "t.csv").write_text("at\n1\n2\n")
    other = GOOD.replace("kind: poisson, rate: 1.0", "kind: trace, file: t.csv, timestamp: at")
    assert faults(file, other, {"arrivals.rate": "12"}) == [
        "--set arrivals.rate: arrivals of kind trace have no rate, only file, timestamp, "
        f"context_tokens, generated_tokens, speed_up; {change}, "
        "to make the trace faster: --set arrivals.speed_up=…"
    ]


def test_files_of_a_setting_lie_in_the_current_folder(file, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "t.csv").write_text("s\n1\n")
    file.write_text(GOOD)
    time = {"stages.check.time": "{kind: empirical, file: t.csv, column: s}"}
    assert load_pipeline(file, time).stages[3].time.times().values == (1.0,)
    assert load_pipeline("rag", {"stages.embed.time": time["stages.check.time"]})


SWEEPS = {
    "1:4": (1, 2, 3, 4),
    "4:1": (4, 3, 2, 1),
    "1:2:3": (1, 1.5, 2),
    "0.1:0.3:3": (0.1, 0.2, 0.3),
    "1,2.5,10": (1, 2.5, 10),
    "7": (7,),
    "1e-3:1:2": (0.001, 1),
}


@pytest.mark.parametrize("text", SWEEPS)
def test_the_values_of_a_sweep(text):
    values = sweep_values(text)
    assert values == SWEEPS[text]
    assert all(isinstance(value, int) == float(value).is_integer() for value in values)


def test_a_long_sweep_takes_twenty_values():
    assert len(sweep_values("1:100")) == len(sweep_values("0.5:4")) == 20
    assert len(sweep_values("1:24")) == 24


@pytest.mark.parametrize(
    "text", ["", "a", "1:", ":", "1:2:3:4", "1:2:1", "1:2:1e9", "nan", "1:inf"]
)
def test_what_is_no_sweep(text):
    with pytest.raises(InputError, match=r"--sweep: must be START:STOP, START:STOP:COUNT, or val"):
        sweep_values(text)
    with pytest.raises(InputError, match="takes a value more than once"):
        sweep_values("1,1")


PIECES = st.sampled_from(
    [
        *("version: 1", "name: a", "stages:", "policy:", "arrivals: {kind: poisson, rate: 1}", "["),
        *(
            "  - {name: g, model: true}",
            "  - {name: a, after: [g]}",
            "  max_attempts: 2",
            "- 1",
            "}",
        ),
        *("  - {name: b, time: {kind: constant, s: 1}, after: [a, g]}", "prices: {teacher: 1}"),
        *("arrivals: {kind: trace, file: x, timestamp: t}", "chain: {calls: 0}", "  escalate: {}"),
        *("  - name: [x]", "  repeat_from: b", "  - {time: {kind: empirical, otel: a, span: b}}"),
    ]
)
KEYS = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.sampled_from(["stages", "g", "0", "policy", "arrivals", "rate", "time", "", "name"])
    ).map(".".join),
)
VALUES = st.one_of(st.text(), st.sampled_from(["1", "null", "{}", "[]", "{kind: poisson}", "-1"]))


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.text(), st.lists(PIECES).map("\n".join), st.just(GOOD)),
    st.dictionaries(KEYS, VALUES, max_size=3),
)
def test_any_text_and_any_setting_give_a_pipeline_or_faults(tmp_path_factory, text, sets):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="replace")
    try:
        pipeline = load_pipeline(file, sets)
    except InputError as error:
        places = {fault.file for fault in error.faults}
        assert places <= {str(file), *(f"--set {key}" for key in sets)}
    else:
        assert list(pipeline.faults()) == []
        assert Pipeline.model_validate(pipeline.model_dump()).digest == pipeline.digest


NUMBERS = st.one_of(st.integers(-5, 200), st.floats(allow_nan=False))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["p50_s", "p99_s", "mean_s", "cv", "s", "rate", "burst_rate"]), NUMBERS)
def test_whatever_number_is_taken_gives_finite_times(tmp_path_factory, key, value):
    file = tmp_path_factory.getbasetemp() / "numbers.yaml"
    file.write_text(GOOD)
    place = {"p50_s": "stages.0.time", "p99_s": "stages.0.time", "mean_s": "stages.1.time"}
    place |= {"cv": "stages.1.time", "s": "stages.3.time"}
    sets = {f"{place.get(key, 'arrivals')}.{key}": repr(value)}
    if key == "burst_rate":
        held = f"{{kind: bursty, rate: 1, burst_rate: {value!r}, calm_s: 1, burst_s: 1}}"
        sets = {"arrivals": held}
    try:
        pipeline = load_pipeline(file, sets)
    except InputError:
        return
    for stage in pipeline.stages:
        if stage.time is not None:
            times = stage.time.times()
            assert 0 <= times.mean_s < 1e20
            assert 0 <= times.squared_cv < 1e20
