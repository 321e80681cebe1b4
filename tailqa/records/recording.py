"""What one model answered, as another harness wrote it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailqa.core.answer import FinishReason
from tailqa.core.query import Task
from tailqa.core.report import ModelInfo

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One answer; `id` and `epoch` pair it with the other model's, never its place.

    `fields` are what strata and clusters can be made from: the columns of the document and of the
    harness (`task`). `score` lies in [0, 1]; it is None where the harness gave none, and `reason`
    says why. A `failed` item has no answer. `place` is where it stands, for messages: `file:line`.
    """

    id: str
    epoch: int = 1
    fields: Mapping[str, object] = field(default_factory=dict)
    prompt: str = ""
    references: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    text: str = ""
    extracted: str | None = None
    score: float | None = None
    failed: bool = False
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: FinishReason | None = None
    latency_s: float | None = None
    choice_logprobs: tuple[float, ...] | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """All answers of one model to one task. `harness` is its name and version.

    `name` is the task as the harness calls it, `metric` what `score` is, `source` the files;
    `notes` are sentences that a reader must know.
    """

    model: ModelInfo
    harness: str
    name: str
    version: str
    task: Task
    metric: str
    source: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()


def unrecorded_model(name: str) -> ModelInfo:
    """A model of which nothing but the name is known.

    >>> unrecorded_model("big").dtype
    'not recorded'
    """
    return ModelInfo(
        name=name,
        revision=None,
        weights_digest=None,
        tokenizer_digest=None,
        template_digest=None,
        architecture=None,
        n_parameters=None,
        dtype=NOT_RECORDED,
        device=NOT_RECORDED,
        engine=NOT_RECORDED,
    )


def place_of(item: Item) -> tuple[str, int | None]:
    """The file of `item.place` and, where it ends in one, the line.

    >>> place_of(Item(id="a", place="runs/a.csv:12")), place_of(Item(id="a", place="a.eval"))
    (('runs/a.csv', 12), ('a.eval', None))
    """
    file, _, line = item.place.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (item.place, None)
