from pathlib import Path

import pytest

from tailqa.core.answer import Scored, Ungraded
from tailqa.core.errors import TailqaError
from tailqa.core.query import GraderSpec
from tailqa.grade import make_grader

SCRIPT = """
import datasets
import evaluate


class {name}(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description="d", citation="c", inputs_description="i",
            features=datasets.Features(
                {{"predictions": datasets.Value("{kind}"), "references": datasets.Value("{kind}")}}
            ),
        )

    def _compute(self, predictions, references{extra}):
{body}
"""

OVERLAP = """\
        shared = len(set(predictions[0]) & set(references[0]))
        union = len(set(predictions[0]) | set(references[0]))
        return {"overlap": 100 * shared / union, "listed": [1 - shared / union]}
"""


def write(folder: Path, name: str, body: str, *, kind: str = "string", extra: str = "") -> str:
    path = folder / f"{name}.py"
    path.write_text(SCRIPT.format(name=name.title(), kind=kind, body=body, extra=extra))
    return str(path)


@pytest.fixture
def overlap(tmp_path: Path) -> str:
    return write(tmp_path, "overlap", OVERLAP)


def test_a_local_metric_grades_each_answer_alone(judge, overlap):
    graded = judge(
        "evaluate", ["abc", "abd", "xyz"], ["abc"], metric=overlap, key="overlap", best=100
    )
    assert graded == Scored(scores=(1.0, 0.5, 0.0), corrects=(True, True, False))


def test_lower_can_be_better(judge, overlap):
    graded = judge("evaluate", ["abd"], ["abc"], metric=overlap, key="listed", worst=1, best=0)
    assert graded.scores == (0.5,)


def test_scores_stay_in_range(judge, overlap):
    assert judge("evaluate", ["ab"], ["ab"], metric=overlap, key="overlap").scores == (1.0,)


def test_the_best_reference_counts_and_the_threshold_decides(judge, overlap):
    options = {"metric": overlap, "key": "overlap", "best": 100, "threshold": 0.6}
    graded = judge("evaluate", ["abd"], ["xyz", "abc"], **options)
    assert graded == Scored(scores=(0.5,), corrects=(False,))


def test_arguments_reach_the_metric(judge, tmp_path):
    body = "        return {'value': factor * (predictions == references)}\n"
    script = write(tmp_path, "scaled", body, extra=", factor=1.0")
    options = {"metric": script, "key": "value", "arguments": {"factor": 0.25}}
    assert judge("evaluate", ["a"], ["a"], **options).scores == (0.25,)


def test_an_answer_that_the_metric_refuses_does_not_parse(judge, tmp_path):
    body = "        return {'same': float(predictions == references)}\n"
    options = {"metric": write(tmp_path, "same", body, kind="int32"), "key": "same"}
    # The refused answer stands in the middle: the metric must be usable after it.
    assert judge("evaluate", ["7", "seven", "7"], ["7"], **options).scores == (1.0, 0.0, 1.0)
    graded = judge("evaluate", ["seven"], ["7"], unparsed="ungraded", **options)
    assert graded == Ungraded(
        reason="attempt 0: the metric refuses the answer: ValueError: invalid literal for int() "
        "with base 10: 'seven'"
    )


def test_a_metric_over_lists_of_references_is_fed_lists(judge, tmp_path):
    body = "        return {'found': float(predictions[0] in references[0])}\n"
    path = Path(write(tmp_path, "among", body))
    one = 'datasets.Value("string")'
    path.write_text(path.read_text().replace(f'"references": {one}', f'"references": [{one}]'))
    graded = judge("evaluate", ["a", "c"], ["a", "b"], metric=str(path), key="found")
    assert graded.scores == (1.0, 0.0)


SQUAD = """\
        said = {p["id"]: p["prediction_text"] for p in predictions}
        hits = [said[r["id"]] in r["answers"]["text"] for r in references]
        return {"exact_match": 100.0 * sum(hits) / len(hits)}
"""


@pytest.mark.parametrize("extra", ["", '"no_answer_probability": datasets.Value("float32")'])
def test_a_metric_over_squad_records_is_fed_records(judge, tmp_path, extra):
    path = Path(write(tmp_path, "records", SQUAD))
    text = 'datasets.Value("string")'
    answers = f'datasets.Sequence({{"text": {text}, "answer_start": datasets.Value("int32")}})'
    script = path.read_text()
    script = script.replace(
        f'"predictions": {text}',
        f'"predictions": {{"id": {text}, "prediction_text": {text}, {extra}}}',
    )
    script = script.replace(
        f'"references": {text}', f'"references": {{"id": {text}, "answers": {answers}}}'
    )
    path.write_text(script)
    options = {"metric": str(path), "key": "exact_match", "best": 100}
    assert judge("evaluate", ["Rome", "Oslo"], ["Roma", "Rome"], **options).scores == (1.0, 0.0)


def test_a_metric_that_breaks_or_gives_no_number_leaves_the_query_ungraded(judge, tmp_path):
    broken = write(tmp_path, "broken", "        raise RuntimeError('out of order')\n")
    graded = judge("evaluate", ["a"], ["a"], metric=broken, key="x")
    assert graded == Ungraded(reason="attempt 0: the metric fails: RuntimeError: out of order")
    empty = write(tmp_path, "empty", "        return {'x': float('nan')}\n")
    graded = judge("evaluate", ["a"], ["a"], metric=empty, key="x")
    assert graded == Ungraded(reason="attempt 0: the metric gives nan for x")


def test_an_unknown_key_is_told_before_anything_is_graded(overlap):
    with pytest.raises(TailqaError, match=r"gives no 'f1'; it gives listed, overlap"):
        make_grader(GraderSpec(name="evaluate", options={"metric": overlap, "key": "f1"}))


def test_a_metric_that_is_not_there(tmp_path):
    options = {"metric": str(tmp_path / "nothing.py"), "key": "x"}
    with pytest.raises(TailqaError, match=r"give `metric` the path of a local script"):
        make_grader(GraderSpec(name="evaluate", options=options))


def test_a_metric_with_an_error_in_its_code(tmp_path):
    path = tmp_path / "syntax.py"
    path.write_text("class :\n")
    with pytest.raises(TailqaError, match=r"cannot be loaded: SyntaxError: invalid syntax"):
        make_grader(GraderSpec(name="evaluate", options={"metric": str(path), "key": "x"}))
