"""Rows become items: rendered questions with their references and choices."""

from collections.abc import Mapping

from tailqa.core.query import Message
from tailqa.files.faults import Faults
from tailqa.files.paths import MISSING, Row
from tailqa.files.tables import Table
from tailqa.suite.fields import compile_field, missing_columns
from tailqa.suite.plan import Item, Plan, Question
from tailqa.suite.schema import SuiteFile
from tailqa.suite.template import Template, to_text

ROLES = ("system", "user", "assistant")
NOT_UNICODE = "holds half a character (a lone surrogate)"


def read_items(
    table: Table, plan: Plan, suite: SuiteFile, faults: Faults, limit: int | None = None
) -> list[Item]:
    """Reads the rows (all, or until `limit` distinct questions); notes what is wrong with them.

    Fields that the suite does not define are passed over: they are a fault already.
    """
    known = [name for name in plan.names if name in suite.fields]
    if table.columns is not None:
        for name, paths in missing_columns(suite.fields, known, table.columns):
            faults.add(table.name, f"has no column {paths}", line=1, key=name)
            known.remove(name)
    reader = _Reader(table.name, plan, suite, known, faults)
    items: list[Item] = []
    questions: set[Question | None] = set()
    for line, row in table.rows:
        items.append(reader.item(line, row))
        if limit is not None:
            questions.add(items[-1].question)
            if len(questions) == limit:
                break
    if not items and not faults.mentions(table.name):
        faults.add(table.name, "has no rows")
    return items


class _Reader:
    """Reads one row after the other; a part that cannot be read is noted and left out."""

    def __init__(
        self, file: str, plan: Plan, suite: SuiteFile, known: list[str], faults: Faults
    ) -> None:
        self._file, self._plan, self._faults = file, plan, faults
        self._fields = [(name, compile_field(suite.fields[name])) for name in known]
        self._paths = {name: " or ".join(suite.fields[name].path) for name in known}
        self._optional = {plan.id, plan.cluster}

    def item(self, line: int, row: Row) -> Item:
        values = self._values(line, row)
        choices = self._choices(line, values)
        return Item(
            line=line,
            id=self._optional_text(line, self._plan.id, values),
            question=self._question(line, values),
            references=self._references(line, values, choices),
            choices=choices or (),
            cluster=self._optional_text(line, self._plan.cluster, values),
            values={name: values[name] for name in self._plan.kept if name in values},
        )

    def _note(self, line: int, key: str | None, rule: str, value: object = None) -> None:
        self._faults.add(self._file, rule, line=line, key=key, value=value)

    def _values(self, line: int, row: Row) -> dict[str, object]:
        values = {}
        for name, extract in self._fields:
            try:
                value = extract(row)
            except ValueError as error:
                self._note(line, name, str(error))
                continue
            if value is not MISSING:
                values[name] = value
            elif name not in self._optional:
                self._note(line, name, f"has no value at {self._paths[name]}")
        return values

    def _question(self, line: int, values: Mapping[str, object]) -> Question | None:
        template, messages = self._plan.template, self._plan.messages
        if template is not None:
            (text,) = self._rendered(line, "prompt.template", (template,), values) or (None,)
            if text is not None and not text.strip():
                self._note(line, "prompt", "the prompt is empty")
                return None
            return text
        return self._messages(line, values.get(messages or ""))

    def _messages(self, line: int, value: object) -> Question | None:
        if value is None:
            return None
        turns = value if isinstance(value, list) else []
        messages = tuple(
            Message(role=turn["role"], content=turn["content"])
            for turn in turns
            if isinstance(turn, dict)
            and turn.get("role") in ROLES
            and isinstance(turn.get("content"), str)
        )
        if not messages or len(messages) != len(turns):
            rule = f"must be a list of messages with a role ({', '.join(ROLES)}) and a content"
            self._note(line, self._plan.messages, rule)
            return None
        if not all(_encodes(message.content) for message in messages):
            self._note(line, self._plan.messages, NOT_UNICODE)
            return None
        return messages

    def _choices(self, line: int, values: Mapping[str, object]) -> tuple[str, ...] | None:
        """The choices; None where they cannot be read or there are none to be read."""
        field, delimiter = self._plan.choice_field, self._plan.delimiter
        if field is not None:
            texts = self._texts(line, field, values)
        else:
            texts = self._rendered(line, "choices", self._plan.choice_texts, values)
        if not texts:
            return None
        choices = tuple(delimiter + text for text in texts)
        rule = (
            "has fewer than two choices" * (len(texts) < 2)
            or "a choice is empty" * (not all(text.strip() for text in texts))
            or "has a choice twice" * (len(set(texts)) < len(texts))
        )
        if rule:
            self._note(line, field or "choices", rule, texts)
            return None
        return choices

    def _references(
        self, line: int, values: Mapping[str, object], choices: tuple[str, ...] | None
    ) -> tuple[str, ...]:
        plan = self._plan
        texts = self._texts(line, plan.references.field, values)
        if texts is None or (plan.chooses and choices is None):
            return ()
        key = plan.references.field
        if not texts:
            self._note(line, key, "has no reference")
            return ()
        if not all(text.strip() for text in texts):
            self._note(line, key, "reference is empty")
            return ()
        if choices is None:
            return texts
        chosen = [_chosen(text, plan, choices) for text in texts]
        if None in chosen:
            self._note(line, key, "reference is not among the choices", texts)
            return ()
        return tuple(choice for choice in chosen if choice is not None)

    def _optional_text(
        self, line: int, name: str | None, values: Mapping[str, object]
    ) -> str | None:
        texts = None if name is None else self._texts(line, name, values)
        if texts is not None and (len(texts) != 1 or not texts[0].strip()):
            self._note(line, name, "must be one text")
            return None
        return texts[0] if texts else None

    def _texts(self, line: int, name: str, values: Mapping[str, object]) -> tuple[str, ...] | None:
        value = values.get(name, MISSING)
        if value is MISSING:
            return None
        try:
            texts = tuple(map(to_text, value if isinstance(value, list) else [value]))
        except ValueError as error:
            self._note(line, name, str(error))
            return None
        if not all(map(_encodes, texts)):
            self._note(line, name, NOT_UNICODE)
            return None
        return texts

    def _rendered(
        self,
        line: int,
        key: str,
        templates: tuple[Template, ...],
        values: Mapping[str, object],
    ) -> tuple[str, ...] | None:
        try:
            texts = tuple(template.render(values) for template in templates)
        except KeyError:
            return None
        except ValueError as error:
            self._note(line, key, str(error))
            return None
        if not all(map(_encodes, texts)):
            self._note(line, key, NOT_UNICODE)
            return None
        return texts


def _chosen(text: str, plan: Plan, choices: tuple[str, ...]) -> str | None:
    """The choice that a reference stands for."""
    form, index = plan.references.form, -1
    if form == "text":
        return plan.delimiter + text if plan.delimiter + text in choices else None
    if form == "letter" and len(text.strip()) == 1:
        index = ord(text.strip().upper()) - ord("A")
    elif form == "index" and text.strip().isdecimal():
        index = int(text)
    return choices[index] if 0 <= index < len(choices) else None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
