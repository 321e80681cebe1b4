"""`tailqa cost` and `gate --pipeline` as a user runs them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tailqa.cli import main
from tailqa.report.bench_result import write_bench
from tailqa.report.operations_result import load_operations
from tailqa.report.run import load_run, write_run
from tests.report.test_bench import OPTIONS, ROOF
from tests.workflows.costed_runs import answers, made, once

EXPECTED = Path(__file__).parent / "expected"
LINE = """\
version: 1
name: line
stages:
  - {name: search, servers: 2, time: {kind: constant, s: 0.02}}
  - {name: generation, model: true}
policy: {max_attempts: 2, verifier: {sensitivity: 0.9, false_accepts: 0.1}}
arrivals: {kind: poisson, rate: 2}
prices:
  teacher: {usd_per_million_completion_tokens: 10.0}
  student: {usd_per_million_completion_tokens: 2.0}
"""
ON = ("--pipeline", "line.yaml", "--resamples", "40")
POLICY = """\
version: 1
name: mine
defaults: {{gap: {{margin: 0.9}}, min_queries: 1, teacher_floor: 0.01}}
prompts: {{max_share: {{bos: 1, template: 1, truncation: 1, stop: 1, format: 1}}}}
cost: {{tier: critical, option: student, {limit}}}
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Forty queries: the teacher 30 right in 6 or 9 tokens, the student 22 in 18 or 27."""
    folder = tmp_path_factory.mktemp("costs")
    rows = [
        answer
        for side, tokens, counts in (
            ("teacher", (6, 9), [(18, 2), (12, 8)]),
            ("student", (18, 27), [(16, 4), (6, 14)]),
        )
        for name, (right, wrong) in zip(("head", "tail"), counts, strict=True)
        for answer in answers(name, side, once(right, wrong), tokens)
    ]
    weights = {"head": 0.8, "tail": 0.2}
    run = made(rows, weights=weights, base_s=0.004)
    write_run(run, folder / "run")
    write_run(made(rows, weights=weights, per_token_s=None), folder / "untimed")
    tokenless = tuple(replace(row, completion_tokens=None) for row in run.answers)
    write_run(replace(run, answers=tokenless), folder / "tokenless")
    (folder / "line.yaml").write_text(LINE)
    (folder / "empty.csv").write_text("when\n")
    (folder / "late.csv").write_text("when\n3\n1\n")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def cost(stored, monkeypatch, capsys):
    """Runs the command in this process: the exit code, and what it printed."""
    monkeypatch.chdir(stored)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_the_whole_output(tailqa, stored):
    result = tailqa("cost", "run", *ON, cwd=stored)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (EXPECTED / "cost.txt").read_text("utf-8")
    assert (stored / "run" / "cost.html").is_file()


def test_what_programs_read_and_where_it_is_written(cost, stored):
    code, said, errors = cost("cost", "run", *ON, "--format", "json", "--out", "elsewhere")
    assert (code, errors) == (0, "")
    written = json.loads((stored / "elsewhere" / "cost.json").read_text("utf-8"))
    assert json.loads(said) == written
    operations, names = load_operations(stored / "elsewhere")
    assert names == ("demo:teacher", "demo:student")
    assert (operations.name, operations.n_resamples) == ("line", 40)


def test_another_value_for_one_run(cost):
    code, said, _ = cost("cost", "run", *ON, "--set", "policy.max_attempts=1")
    assert code == 0
    assert said.splitlines()[1].endswith("suite demo, 40 queries, --set policy.max_attempts=1")
    [attempts] = [text for text in said.splitlines() if text.startswith("attempts per query")]
    assert attempts.split()[3:] == ["1.00", "[1.00,", "1.00]"] * 3


def test_a_sweep_names_the_saturation_points(cost):
    """Seconds of work per query: the teacher's 7.2 tokens of 10 ms, 1.2 times."""
    code, said, _ = cost("cost", "run", *ON, "--sweep", "arrivals.rate=4,14,30")
    assert code == 0
    lines = said.splitlines()
    [start] = [i for i, text in enumerate(lines) if text.startswith("arrivals.rate")]
    table = lines[start + 2 : start + 8]
    assert [text.split()[0] for text in table[::2]] == ["4", "14", "30"]
    assert table[4].count("saturated: generation") == 2
    assert all(text.count(" % [") == 2 for text in table[1::2])
    [at] = [i for i, text in enumerate(lines) if text.startswith("Saturated, a stage being 98 %")]
    assert " ".join(lines[at : at + 2]).count("]") == 2


def test_a_run_without_speed_leaves_the_seconds_out(cost):
    code, said, _ = cost("cost", "untimed", *ON)
    assert code == 0
    assert "tokens per resolved" in said
    assert "no speed was measured; run tailqa compare with --speed" in " ".join(said.split())
    assert not any(text.startswith("end-to-end") for text in said.splitlines())


def test_speed_from_a_bench_with_several_requests_at_a_time(cost, stored):
    from tailqa.engine.scripted import ScriptedEngine
    from tailqa.workflows.bench import bench_engines
    from tailqa.workflows.suites import load_suite

    options = replace(OPTIONS, batch_sizes=(1, 2, 4))
    engines = [
        ScriptedEngine({}, name="large", token_s=0.01, row_s=0.001),
        ScriptedEngine({}, name="small", token_s=0.002, row_s=0.001),
    ]
    other = bench_engines(engines, [ROOF, ROOF], options, suite=load_suite("demo"))
    report = load_run(stored / "run").report
    bench = replace(
        other,
        teacher=replace(other.teacher, info=report.teacher),
        student=replace(other.student, info=report.student),
    )
    for name, found in (("bench", bench), ("other", other)):
        (stored / name).mkdir(exist_ok=True)
        write_bench(found, stored / name)
    at_once = ("--set", "stages.generation.concurrency=4")
    code, said, _ = cost("cost", "run", *ON, "--bench", "bench", *at_once)
    assert code == 0
    assert "Speed of the teacher: bench of" in said
    code, said, errors = cost("cost", "run", *ON, "--bench", "other", *at_once)
    assert (code, said) == (3, "")
    assert "the bench measured another teacher than the run asked: large (weights" in errors
    assert "in the run demo:teacher (weights 9f2c9f2c9f2c, float32)" in errors
    code, _, errors = cost("cost", "run", *ON, *at_once)
    assert code == 3
    assert "name a bench with --bench FOLDER" in errors


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ("arrivals.rate=40", "saturated: generation at 40 requests/s (utilisation"),
        ("stages.search.time.s=1.5", "saturated: search at 2 requests/s (utilisation 1.50)"),
    ],
)
def test_a_saturated_stage_is_named_with_its_rate(cost, sets, said):
    code, shown, errors = cost("cost", "run", *ON, "--set", sets)
    assert code == 3
    assert said in " ".join(shown.split())
    assert errors.startswith(f"Error: no option has a steady state ({said}")
    [p95] = [text for text in shown.splitlines() if text.startswith("end-to-end p95")]
    assert p95.split()[3:] == ["saturated", "saturated", "-"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--pipeline", "lime"), "neither a file nor a shipped pipeline (agent, chat, rag)"),
        (("--pipeline", "none"), "leave --pipeline out, or name one"),
        (("--set", "policy.max_atempts=2"), "not a known key; did you mean max_attempts?"),
        (("--set", "stages.serach.servers=2"), "stages has no 'serach'; it has search, generation"),
        (("--set", "nonsense"), "'nonsense' is not KEY=VALUE"),
        (("--set", "stages.search.time.s=-1"), "must be greater than or equal to 0 (got -1)"),
        (("--set", "policy.verifier.sensitivity=1.2"), "must be less than or equal to 1 (got 1.2)"),
        (("--set", "policy.verifier.false_accepts=-0.1"), "must be greater than or equal to 0"),
        (
            ("--set", "stages.generation.servers=0", "--set", "prices.student.usd_per_gpu_hour=2"),
            "must be a number of servers where an hour of one has a price (got 0)",
        ),
        (("--set", "policy.icc=1"), "must be less than 1 (got 1)"),
        (("--set", "stages.search.after=[generation]"), "search -> generation -> search"),
        (
            ("--set", "arrivals={kind: trace, file: empty.csv, timestamp: when}"),
            "is an empty trace",
        ),
        (("--set", "arrivals={kind: trace, file: late.csv, timestamp: when}"), "late.csv:3: when"),
        (("--set", "arrivals={kind: trace, file: none.csv, timestamp: when}"), "cannot be read"),
        (("--sweep", "arrivals.rate=5:"), "must be START:STOP, START:STOP:COUNT, or values"),
        (("--sweep", "arrivals.rate=0:3"), "--sweep arrivals.rate: must be greater than 0 (got 0)"),
        (("--sweep", "arrivals.rat=1:3"), "have no rat, only rate"),
        (("--bench", "nowhere"), "nowhere"),
        (("--bench", "notes"), "bench.json"),
        (("--resamples", "3"), "3 is not in the range x>=40"),
    ],
)
def test_a_mistake_is_one_message_and_3(cost, arguments, says):
    code, shown, errors = cost("cost", "run", *ON, *arguments)
    assert (code, shown) == (3, "")
    assert says in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("nowhere", "nowhere does not exist"),
        ("tokenless", "80 of 80 answers of this run come without their token counts"),
    ],
)
def test_a_run_that_cannot_be_costed(cost, run, says):
    code, shown, errors = cost("cost", run, *ON)
    assert (code, shown) == (3, "")
    assert says in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("usd_per_resolved: {max: 0.01}", 0),
        ("tokens_per_resolved: {max_ratio: 1.0}", 1),
        ("tokens_per_resolved: {max_ratio: 3.0}", 2),
    ],
)
def test_a_gate_on_what_the_student_costs(cost, stored, limit, code):
    (stored / "mine.yaml").write_text(POLICY.format(limit=limit))
    gate = (
        "gate",
        "run",
        "--policy",
        "mine.yaml",
        "--pipeline",
        "line.yaml",
        "--date",
        "2026-11-25",
    )
    found, said, _ = cost(*gate, "--record", "record.json")
    assert found == code, said
    assert json.loads((stored / "record.json").read_text())["pipeline"] == "line"


def test_none_leaves_the_gate_what_the_run_has(cost, stored, monkeypatch):
    monkeypatch.setenv("TAILQA_PIPELINE", "none")
    (stored / "mine.yaml").write_text(POLICY.format(limit="resolved: {min: 0.1}"))
    code, said, errors = cost("gate", "run", "--policy", "mine.yaml", "--record", "record.json")
    assert (code, errors) == (2, ""), said
    assert json.loads((stored / "record.json").read_text())["pipeline"] is None
