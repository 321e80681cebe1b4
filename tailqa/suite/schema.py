"""The format of a suite file, as pydantic models; `docs/suites.md` is its reference."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from tailqa.core.query import Kind, Task, Tier
from tailqa.suite.values import (
    Number,
    Pattern,
    Scalar,
    Span,
    TemplateText,
    Text,
    Texts,
    as_choices,
    as_fields,
    as_list,
    as_version,
    as_weights,
    checked_path,
    keyed,
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class FieldSpec(_Model):
    """Where a field comes from: the first path that a row has, then what to make of it."""

    path: Annotated[
        list[Annotated[Text, AfterValidator(checked_path)]],
        BeforeValidator(as_list),
        Field(min_length=1),
    ]
    is_json: bool = Field(default=False, alias="json")
    pattern: Pattern | None = None
    count: Pattern | None = None
    strip: bool = False

    @model_validator(mode="after")
    def _one_use_of_a_regex(self) -> Self:
        if self.pattern is not None and self.count is not None:
            raise ValueError("takes pattern or count, not both")
        return self


class GeneratorSpec(_Model):
    """One reasoning-gym generator: `size` distinct questions, labelled with `stratum`."""

    generator: Text
    size: int = Field(ge=1, le=1_000_000)
    seed: int = Field(ge=0)
    stratum: Text | None = None
    config: dict[str, JsonValue] = Field(default_factory=dict)


class Source(_Model):
    """Where rows come from: a file, a dataset of the hub, or generators."""

    file: Text | None = None
    dataset: Text | None = None
    config: Text | None = None
    revision: Text | None = None
    split: Text | None = None
    reasoning_gym: list[GeneratorSpec] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.file, self.dataset, self.reasoning_gym)) != 1:
            raise ValueError("needs exactly one of file, dataset, reasoning_gym")
        if self.dataset is None and (self.config or self.revision or self.split):
            raise ValueError("takes config, revision and split only with dataset")
        if self.dataset is not None and self.split is None:
            raise ValueError("needs a split with dataset")
        return self


class FewShot(_Model):
    """Worked examples before the question, from a split of the dataset or a source of their own."""

    k: int = Field(ge=0, le=1000)
    split: Text | None = None
    source: Source | None = None
    answer: Text | None = None
    draw: Literal["fixed", "per_query"] = "fixed"
    seed: int | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.split is None) == (self.source is None):
            raise ValueError("needs exactly one of split, source")
        if self.draw == "per_query" and self.seed is None:
            raise ValueError("needs a seed with draw: per_query")
        return self


class Prompt(_Model):
    """How a row becomes a prompt."""

    style: Literal["plain", "chat"] = "plain"
    system: Text | None = None
    template: TemplateText | None = None
    messages: Text | None = None
    few_shot: FewShot | None = None
    delimiter: str = " "
    separator: str = "\n\n"

    @model_validator(mode="after")
    def _template_or_messages(self) -> Self:
        if (self.template is None) == (self.messages is None):
            raise ValueError("needs exactly one of template, messages")
        if self.messages is not None and (self.system or self.few_shot or self.style == "plain"):
            raise ValueError("takes messages only with style: chat, without system and few_shot")
        return self


class References(_Model):
    """The field that holds the right answers, or (task choose) which choice is right."""

    field: Text
    form: Literal["text", "index", "letter"] = Field(default="text", alias="as")


class Choices(_Model):
    """What to choose from: the field that holds the list, or a template for each choice."""

    field: Text | None = None
    texts: list[TemplateText] | None = Field(default=None, min_length=2)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.field is None) == (self.texts is None):
            raise ValueError("needs exactly one of field, texts")
        return self


class GenerationSpec(_Model):
    """How answers are drawn; see `tailqa.core.query.Generation`."""

    max_tokens: int = Field(default=256, ge=1)
    stop: Annotated[list[Text], BeforeValidator(as_list)] = Field(default_factory=list)
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    samples: int = Field(default=1, ge=1)
    truncate: Literal["left"] | None = None

    @model_validator(mode="after")
    def _samples_differ(self) -> Self:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("needs a temperature above 0 with samples above 1")
        return self


class GraderFile(_Model):
    """A grader by name; what its options may be is the graders' affair."""

    name: Text
    options: dict[str, JsonValue] = Field(default_factory=dict)


class Rarity(_Model):
    """See `tailqa.suite.rarity.rarity`; the texts of several fields count as one."""

    fields: Texts
    words: int = Field(default=3, ge=1)
    language: Text = "en"


class Rule(_Model):
    """What is measured (a field, or the rarity of the wording) and where it has to lie."""

    field: Text | None = None
    rarity: Annotated[Rarity, keyed("fields")] | None = None
    equals: Scalar | None = None
    one_of: list[Scalar] | None = Field(default=None, alias="in", min_length=1)
    range: Span | None = None
    quantile: Span | None = None
    cumulative: Span | None = None

    @model_validator(mode="after")
    def _one_measure_one_test(self) -> Self:
        if (self.field is None) == (self.rarity is None):
            raise ValueError("needs exactly one of field, rarity")
        tests = (self.equals, self.one_of, self.range, self.quantile, self.cumulative)
        if sum(test is not None for test in tests) != 1:
            raise ValueError("needs exactly one of equals, in, range, quantile, cumulative")
        if self.rarity is not None and (self.equals is not None or self.one_of is not None):
            raise ValueError("needs range or quantile with rarity")
        if self.rarity is not None and self.cumulative is not None:
            raise ValueError("needs range or quantile with rarity")
        if self.span[0] >= self.span[1]:
            raise ValueError("needs a lower bound below its upper bound")
        shares = self.quantile or self.cumulative or []
        if any(bound is not None and not 0 <= bound <= 1 for bound in shares):
            raise ValueError("needs bounds between 0 and 1")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are measured."""
        return tuple(self.rarity.fields) if self.rarity else (self.field or "",)

    @property
    def span(self) -> tuple[float, float]:
        """The bounds of range, quantile or cumulative: [low, high), or up to the end.

        An end is open where it is null, and where a share reaches 1.
        """
        low, high = self.range or self.quantile or self.cumulative or [None, None]
        to_the_end = high is None or (self.range is None and high == 1)
        return (
            float("-inf") if low is None else low,
            float("inf") if high is None or to_the_end else high,
        )


class StratumSpec(_Model):
    """A part of the traffic and the rule that says which queries belong to it."""

    name: Text
    kind: Kind
    tier: Tier | None = None
    weight: Number | None = None
    rule: Rule


class Weights(_Model):
    """Traffic weights counted from the rows: one each, or as often as the field `count` says."""

    count: Text | None


class SuiteFile(_Model):
    """A whole suite file."""

    format: Literal[1] = 1
    name: Text
    version: Annotated[Text, BeforeValidator(as_version)]
    description: str = ""
    source: Source
    fields: Annotated[dict[str, FieldSpec], BeforeValidator(as_fields), Field(min_length=1)]
    id: Text | None = None
    duplicates: Literal["refuse", "drop"] = "refuse"
    prompt: Prompt
    references: Annotated[References, keyed("field")]
    task: Task = "generate"
    choices: Annotated[Choices, BeforeValidator(as_choices)] | None = None
    generation: GenerationSpec = Field(default_factory=GenerationSpec)
    grader: Annotated[GraderFile, keyed("name")] | None = None
    cluster: Text | None = None
    weights: Annotated[Weights, BeforeValidator(as_weights)] | None = None
    strata: list[StratumSpec] = Field(min_length=1)
