"""What is to be read out of each row, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tailqa.core.query import Message
from tailqa.suite.schema import Choices, FewShot, References, SuiteFile
from tailqa.suite.template import Template, compile_template

NO_CHOICES = Choices.model_construct()
Question = str | tuple[Message, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One row, read. `question` is None and `references` empty where the row is faulty."""

    line: int
    id: str | None
    question: Question | None
    references: tuple[str, ...]
    choices: tuple[str, ...]
    cluster: str | None
    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to read out of each row. The fields in `kept` stay with the item for the strata."""

    references: References
    template: Template | None = None
    messages: str | None = None
    choice_field: str | None = None
    choice_texts: tuple[Template, ...] = ()
    delimiter: str = ""
    id: str | None = None
    cluster: str | None = None
    kept: tuple[str, ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether the answer is one of several choices."""
        return self.choice_field is not None or bool(self.choice_texts)

    @property
    def names(self) -> tuple[str, ...]:
        """Every field that is read, each once."""
        templates = (*((self.template,) if self.template else ()), *self.choice_texts)
        single = (self.messages, self.references.field, self.choice_field, self.id, self.cluster)
        names = [name for template in templates for name in template.names]
        names += [name for name in single if name is not None]
        return tuple(dict.fromkeys((*names, *self.kept)))


def query_plan(suite: SuiteFile) -> Plan:
    """How the suite's own rows are read."""
    prompt, choices = suite.prompt, _choices(suite)
    kept = [name for stratum in suite.strata for name in stratum.rule.names]
    if suite.weights is not None and suite.weights.count is not None:
        kept.append(suite.weights.count)
    return Plan(
        references=suite.references,
        template=None if prompt.template is None else compile_template(prompt.template),
        messages=prompt.messages,
        choice_field=choices.field,
        choice_texts=tuple(map(compile_template, choices.texts or ())),
        # A chat template puts its own marks between question and answer.
        delimiter=prompt.delimiter if suite.task == "choose" and prompt.style == "plain" else "",
        id=suite.id,
        cluster=suite.cluster,
        kept=tuple(dict.fromkeys(kept)),
    )


def shot_plan(suite: SuiteFile, shots: FewShot) -> Plan:
    """How the rows of worked examples are read; the answer is the first reference."""
    template = compile_template(suite.prompt.template or "")
    if shots.answer is not None:
        return Plan(references=References(field=shots.answer), template=template)
    choices = _choices(suite)
    return Plan(
        references=suite.references,
        template=template,
        choice_field=choices.field,
        choice_texts=tuple(map(compile_template, choices.texts or ())),
    )


def _choices(suite: SuiteFile) -> Choices:
    choices = suite.choices if suite.task == "choose" else None
    return choices or NO_CHOICES
