"""The grader that asks a metric of the `evaluate` library."""

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, JsonValue, model_validator

from tailqa.core.answer import Ungraded
from tailqa.core.errors import TailqaError
from tailqa.grade.base import Mark, ParsingGrader


class Evaluate(ParsingGrader):
    """The score of an `evaluate` metric, computed for each answer alone.

    `metric` is a name on the hub or a local path (a script, or a folder with a script of the same
    name); its Python code is run, so name only what you trust. `key` is the entry of the result;
    the score is its place between `worst` and `best` (100 for sacrebleu; worst 1 and best 0 for
    wer), held to [0, 1], correct from `threshold` on. `config` picks a configuration, `arguments`
    go to every computation. Answer and reference are passed as texts, which the library converts
    to the metric's own types; a metric that takes lists of references or SQuAD's records gets them.

    If the metric refuses the answer but accepts the reference in its place, the answer does not
    parse: wrong, or Ungraded with `unparsed: ungraded`. If it refuses the reference too, or
    gives no finite number, the metric is at fault and the query is Ungraded.
    """

    metric: Annotated[str, Field(min_length=1)]
    key: Annotated[str, Field(min_length=1)]
    config: str | None = None
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    worst: float = 0.0
    best: float = 1.0
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _has_a_range(self) -> "Evaluate":
        if self.worst == self.best:
            raise ValueError("`worst` and `best` must differ")
        return self

    @property
    def pass_mark(self) -> float:
        """The threshold."""
        return self.threshold

    @cached_property
    def loaded(self) -> Any:
        """The metric; raises TailqaError if it cannot be had."""
        import evaluate

        evaluate.disable_progress_bar()
        try:
            return evaluate.load(self.metric, config_name=self.config, keep_in_memory=True)
        except Exception as error:
            place = "" if Path(self.metric).exists() else _NOT_HERE
            raise TailqaError(
                f"the metric {self.metric!r} cannot be loaded{place}: {_line(error)}"
            ) from error

    @cached_property
    def _features(self) -> Mapping[str, Any]:
        """What the metric takes; of several forms the plain one, where there is one."""
        from datasets import Value

        given = self.loaded.features
        forms = given if isinstance(given, list) else [given]
        plain = (form for form in forms if all(isinstance(one, Value) for one in form.values()))
        form: Mapping[str, Any] = next(plain, forms[0])
        return form

    def prepare(self) -> None:
        """Loads the metric, and tries it once to see that the result has the key."""
        _ = self.loaded
        try:
            result = self._compute("1", "1")
        except Exception:
            return
        if self.key not in result:
            known = ", ".join(sorted(result))
            raise TailqaError(f"the metric {self.metric!r} gives no {self.key!r}; it gives {known}")

    def mark(self, text: str, references: tuple[str, ...]) -> Mark | Ungraded:
        """The best score in [0, 1] over the references."""
        best: Mark | Ungraded = Ungraded(reason="there is no reference")
        for reference in references:
            mark = self._mark(text, reference)
            if isinstance(best, Ungraded) or (isinstance(mark, Mark) and mark.score > best.score):
                best = mark
        return best

    def _mark(self, text: str, reference: str) -> Mark | Ungraded:
        try:
            value = _number(self._compute(text, reference)[self.key])
        except Exception as error:
            if self._accepts(reference):
                return self.not_found(f"the metric refuses the answer: {_line(error)}")
            return Ungraded(reason=f"the metric fails: {_line(error)}")
        if not math.isfinite(value):
            return Ungraded(reason=f"the metric gives {value} for {self.key}")
        return Mark(min(1.0, max(0.0, (value - self.worst) / (self.best - self.worst))), None)

    def _accepts(self, reference: str) -> bool:
        try:
            _number(self._compute(reference, reference)[self.key])
        except Exception:
            return False
        return True

    def _compute(self, text: str, reference: str) -> dict[str, Any]:
        result = self.loaded.compute(
            predictions=[_shaped(text, self._features.get("predictions"))],
            references=[_shaped(reference, self._features.get("references"))],
            **self.arguments,
        )
        return dict(result)


_NOT_HERE = (
    " (no such file here, and the hub does not give it; without a network, give `metric` the path "
    "of a local script)"
)


def _shaped(text: str, feature: Any) -> Any:
    """The text as a metric takes it: as it is, in a list, or in a record like SQuAD's."""
    from datasets import Value

    if feature is None or isinstance(feature, Value):
        return text
    if not isinstance(feature, Mapping):
        return [text]
    record = {
        "id": "0",
        "prediction_text": text,
        "no_answer_probability": 0.0,
        "answers": {"text": [text], "answer_start": [0]},
    }
    return {key: record[key] for key in feature if key in record}


def _number(value: Any) -> float:
    # Metrics such as bertscore give a list with one value per answer.
    return float(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
