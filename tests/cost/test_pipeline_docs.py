"""docs/pipelines.md: its examples load, its settings apply, and it names every key."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tailqa.cost import arrivals, schema, times
from tailqa.cost.load import load_pipeline, shipped_pipelines
from tailqa.cost.settings import sweep_values

PAGE = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text("utf-8")
SPAN = '{"name": "vector.search", "startTimeUnixNano": "1000", "endTimeUnixNano": "3000"}'
FILES = {
    "rerank.csv": "seconds\n0.04\n0.06\n",
    "spans.json": f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{SPAN}]}}]}}]}}\n',
    "trace.csv": "TIMESTAMP,ContextTokens,GeneratedTokens\n0,9,1\n1.5,8,2\n",
}
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
MODELS = [
    model
    for module in (schema, arrivals, times)
    for model in vars(module).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.__module__ == module.__name__
]


@pytest.mark.parametrize("example", EXAMPLES, ids=["whole", "export", "trace"])
def test_an_example_loads(tmp_path, example):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pipeline.yaml").write_text(example)
    pipeline = load_pipeline(tmp_path / "pipeline.yaml")
    assert list(pipeline.faults()) == []
    assert len(pipeline.content()["data"]) == 1


def test_each_setting_applies_to_a_shipped_pipeline():
    sets = re.findall(r'^--set "?([\w.]+)=(.+?)"?$', PAGE, re.MULTILINE)
    assert len(sets) >= 8
    before = load_pipeline("rag").digest
    assert all(load_pipeline("rag", {key: value}).digest != before for key, value in sets)


def test_each_sweep_has_values_that_a_shipped_pipeline_takes():
    sweeps = re.findall(r"--sweep ([\w.]+)=(\S+)$", PAGE, re.MULTILINE)
    assert len(sweeps) >= 4
    for key, text in sweeps:
        assert all(load_pipeline("rag", {key: str(value)}) for value in sweep_values(text))


def test_the_python_of_the_page_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    held: dict[str, object] = {}
    exec(code, held)  # noqa: S102 - the page is ours
    assert held["pipeline"].policy.max_attempts == 1


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_on_the_page_and_explained(model):
    explained = {"version", "name", "description"}
    for key, field in model.model_fields.items():
        assert re.search(rf"\b{key}\b", PAGE), key
        assert field.description or key in explained, key


def test_the_defaults_of_the_tables_are_those():
    tables = {
        schema.Stage: "",
        schema.AnswerPolicy: "",
        schema.Verifier: "verifier.",
        schema.Retry: "retry.",
    }
    for model, prefix in tables.items():
        for key, field in model.model_fields.items():
            rows = re.findall(rf"^\| `{prefix}{key}` \| (.*?) \|", PAGE, re.MULTILINE)
            default = field.default
            if default is PydanticUndefined or isinstance(default, BaseModel):
                continue
            assert rows, key
            if default is not None:
                assert rows == [str(default).lower()], key


def test_every_shipped_pipeline_is_on_the_page():
    assert [name for name in shipped_pipelines() if f"`{name}`" not in PAGE] == []
