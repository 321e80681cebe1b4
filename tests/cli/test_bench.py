"""`tailqa bench` as a user runs it."""

import json

import pytest

SMALL = ("--batch-sizes", "1,2", "--prompt-lengths", "8", "--new-tokens", "3")


@pytest.mark.slow
def test_the_embedded_pair(tailqa, tmp_path):
    result = tailqa("bench", "demo:teacher", "demo:student", *SMALL, "--suite", "demo")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("demo:student (float32) against its teacher demo:teacher (float32)")
    assert [line.split()[:3] for line in lines if line.endswith(("slower", "faster", "shown"))]
    assert "Prompts of 8 tokens: the student is" in lines
    assert any(line.startswith("roofline") for line in lines)
    assert any(line.startswith("Padding on demo") for line in lines)
    page = tmp_path / lines[-1].removeprefix("Page: ")
    assert page.name == "bench.html"
    assert json.loads((page.parent / "bench.json").read_text("utf-8"))["format_version"] == 1
    before = page.read_bytes()
    page.unlink()
    again = tailqa("report", str(page.parent))
    assert again.stdout.splitlines()[:-1] == lines[:-1]
    assert page.read_bytes() == before


@pytest.mark.slow
def test_json_and_a_flag_as_a_variable(tailqa):
    result = tailqa("bench", *SMALL[2:], "--format", "json", TAILQA_BATCH_SIZES="3")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert {cell["times"]["batch_size"] for cell in found["cells"]} == {3}
    assert {cell["times"]["side"] for cell in found["cells"]} == {"teacher", "student"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("demo:teacher",), "give both TEACHER and STUDENT"),
        (("--batch-sizes", "1,none"), "'1,none' is not a list of numbers of at least 1"),
        (("--prompt-lengths", "0"), "'0' is not a list of numbers of at least 1"),
        (("--repeats", "5"), "5 is not in the range x>=6"),
        (("--new-tokens", "1"), "1 is not in the range x>=2"),
        (("--source", "rows.csv"), "name it as well"),
        (("--suite", "pop-quiz"), "popqa"),
        (("demo:teacher", "./nowhere"), "./nowhere"),
        (("--prompt-lengths", "999"), "exceed the context of 256"),
    ],
)
def test_a_mistake_is_one_message_and_3(tailqa, arguments, says):
    result = tailqa("bench", *arguments)
    assert result.returncode == 3
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
