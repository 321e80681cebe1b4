"""A bench on a terminal, in a file and back, and in words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tailqa.core.bench import Bench, Roof
from tailqa.core.errors import ResultError
from tailqa.engine import ScriptedEngine
from tailqa.report.bench_page import render_bench_page
from tailqa.report.bench_result import load_bench, render_bench_json, write_bench
from tailqa.report.bench_table import render_bench
from tailqa.report.bench_words import verdict_words
from tailqa.workflows.bench import BenchOptions, bench_engines
from tailqa.workflows.suites import load_suite

ROOF = Roof(
    device="cpu",
    dtype="float32",
    n_threads=2,
    bandwidth_bytes_per_s=1e9,
    bandwidth_of="copy",
    operations_per_s=1e11,
    rate_of="product of 2048 × 2048 matrices",
)
OPTIONS = BenchOptions(
    batch_sizes=(1, 4, 16), prompt_lengths=(8, 64), new_tokens=5, created="2026-11-23"
)
WHOLE = """\
small (float32) against its teacher large (float32) on cpu, 2 threads; 5 new tokens, 6 repeats

prompt,                  first token,  prefill,  per token,   decode,  answer,  peak memory,
 tokens  batch  model              ms  tokens/s          ms  tokens/s       ms           MiB
--------------------------------------------------------------------------------------------
      8      1  teacher          11.0       727        11.0      90.9     55.0         0.012
                student          12.5       640        12.5      80.0     62.5         0.012
      8      4  teacher          14.0     2,286        14.0       286     70.0         0.050
                student          12.5     2,560        12.5       320     62.5         0.050
      8     16  teacher          26.0     4,923        26.0       615      130         0.198
                student             -         -           -         -        -             -
     64      1  teacher          11.0     5,818        11.0      90.9     55.0         0.066
                student          12.5     5,120        12.5      80.0     62.5         0.066
     64      4  teacher          14.0    18,286        14.0       286     70.0         0.263
                student          12.5    20,480        12.5       320     62.5         0.263
     64     16  teacher          26.0    39,385        26.0       615      130          1.05
                student             -         -           -         -        -             -
Not measured: student, 8 tokens x 16, 64 tokens x 16: small ran out of memory

prompt,              first token,         per token,            answer,  student,
 tokens  batch  student / teacher  student / teacher  student / teacher  by the answer
--------------------------------------------------------------------------------------
      8      1  1.14 [1.14, 1.14]  1.14 [1.14, 1.14]  1.14 [1.14, 1.14]  slower
      8      4  0.89 [0.89, 0.89]  0.89 [0.89, 0.89]  0.89 [0.89, 0.89]  faster
      8     16                  -                  -                  -  not measured
     64      1  1.14 [1.14, 1.14]  1.14 [1.14, 1.14]  1.14 [1.14, 1.14]  slower
     64      4  0.89 [0.89, 0.89]  0.89 [0.89, 0.89]  0.89 [0.89, 0.89]  faster
     64     16                  -                  -                  -  not measured
Time of the student over the teacher's, medians of 6 repeats in alternation with 95 %
intervals; above 1 the student is slower.

By the time of a whole answer the student is slower than the teacher in 2 of 6 cells of the grid,
faster in 2, not measured in 2.
Prompts of 8 tokens: the student is
  first token, per token, answer: slower at batch 1; faster at batch 4; not measured from batch 16
(crossover between batch 1 and 4)
Prompts of 64 tokens: the student is
  first token, per token, answer: slower at batch 1; faster at batch 4; not measured from batch 16
(crossover between batch 1 and 4)

           weights read  bandwidth,         decode,  matrix rate,           prefill,
roofline  per step, MiB        GB/s         % of it       GFLOP/s            % of it
------------------------------------------------------------------------------------
teacher           0.954        1.00  9.1 [9.1, 9.1]           100  14.7 [14.7, 14.7]
student           0.954        1.00  8.0 [8.0, 8.0]           100  16.4 [16.4, 16.4]
Teacher and student: decode at batch 1, prompts of 8 tokens; prefill at batch 4, 64 tokens.

Padding on demo 1: tokens computed over tokens needed, as the teacher and student would count them
(800 prompts, 11,183 tokens; a count, so no interval)
        to the  per batch,  per batch,   none,
batch  longest  file order      sorted  packed
----------------------------------------------
    1     3.29        1.00        1.00    1.00
    4     3.29        1.30       1.005    1.00
   16     3.29        1.56        1.04    1.00"""


@pytest.fixture(scope="module")
def bench() -> Bench:
    """The student's step takes 12.5 ms, the teacher's 10 and 1 more per row."""
    teacher = ScriptedEngine({}, name="large", token_s=0.01, row_s=0.001)
    student = ScriptedEngine({}, name="small", token_s=0.0125, most_rows=8)
    return bench_engines([teacher, student], [ROOF, ROOF], OPTIONS, suite=load_suite("demo"))


def test_the_whole_output(bench):
    shown = render_bench(bench, width=100, terminal=False)
    assert shown == WHOLE


def test_of_one_there_is_no_plural(bench):
    once = render_bench(replace(bench, repeats=1, new_tokens=1), width=100, terminal=False)
    assert "; 1 new token, 1 repeat\n" in once
    assert "medians of 1 repeat in alternation" in " ".join(once.split())
    page = render_bench_page(replace(bench, repeats=1, new_tokens=1))
    assert "<span>1 new token</span> <span>1 repeat</span>" in page
    assert "median of 1 repeat in alternation" in page
    slower = [r for r in bench.ratios if r.metric == "answer" and r.speed == "slower"]
    assert verdict_words(replace(bench, ratios=tuple(slower[:1]))) == (
        "The student is slower than the teacher in the one cell of the grid."
    )


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_is_wider_than_asked(bench, width, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    shown = render_bench(bench, width=width, terminal=terminal)
    assert max(map(len, shown.splitlines())) <= width
    assert "slower" in shown


def test_slower_is_red_on_a_terminal(bench, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31mslower" in render_bench(bench, terminal=True)
    assert "\x1b" not in render_bench(bench, terminal=False)


def test_hostile_names_reach_no_terminal(bench, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    hostile = "\x1b[2J[red]\u202e\x00" + "z" * 10_000
    model = replace(bench.student, info=replace(bench.student.info, name=hostile))
    shown = render_bench(replace(bench, student=model, findings=(hostile,)), terminal=True)
    assert not set("\x1b\u202e\x00") & set(shown)
    assert "[red]" in shown
    assert len(shown) < 20_000


def test_a_bench_is_read_back_as_it_was(bench, tmp_path):
    path = write_bench(bench, tmp_path)
    assert path == tmp_path / "bench.json"
    assert load_bench(tmp_path) == load_bench(path) == bench
    saved = json.loads(path.read_text("utf-8"))
    assert next(iter(saved)) == "format_version"
    assert len(saved["cells"]) == 12
    assert len(saved["cells"][0]["times"]["token_s"]) == 6
    assert f"{render_bench_json(bench)}\n" == path.read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.pop("ratios"), "ratios: field required"),
        (lambda v: v.update(format_version=99), "format version 99"),
        (lambda v: v["ratios"][0].update(speed="quick"), "ratios.0.speed"),
    ],
)
def test_a_file_that_is_no_bench_says_why(bench, tmp_path, change, says):
    path = write_bench(bench, tmp_path)
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(ResultError, match=says):
        load_bench(path)


def test_a_bench_that_is_not_there(tmp_path):
    with pytest.raises(ResultError, match="does not exist"):
        load_bench(Path(tmp_path))
