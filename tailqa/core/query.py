"""What is asked: queries, strata and suites."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["head", "tail"]
Tier = Literal["critical", "supporting", "advisory"]
Task = Literal["generate", "choose"]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One question. `prompt` is plain text, or the messages that the chat template renders.

    `choices` is empty except for the task `choose`, where the model picks one of them by
    log-probability and `references` holds the text of each right choice. Queries that share a
    `cluster` (a template, a document) are not independent observations.
    """

    id: str
    stratum: str
    prompt: str | tuple[Message, ...]
    references: tuple[str, ...]
    choices: tuple[str, ...] = ()
    cluster: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stratum:
    """A part of the traffic. `weight` is its share of the traffic, in (0, 1]."""

    name: str
    kind: Kind
    weight: float
    tier: Tier


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """How answers are drawn. Temperature 0 is greedy; `samples` answers are drawn per query.

    A prompt that leaves no room for `max_tokens` in the context fails, or loses its begin with
    `truncate` left.
    """

    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    samples: int = 1
    truncate: Literal["left"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GraderSpec:
    """A grader (exact, numeric, choice, contains, regex, token_f1, evaluate) and its options."""

    name: str
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """A validated suite; `digest` is the SHA-256 of everything that changes a prompt or a grade."""

    name: str
    version: str
    digest: str
    source: str
    task: Task
    generation: Generation
    grader: GraderSpec
    strata: tuple[Stratum, ...]
    queries: tuple[Query, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lengths:
    """Order statistics of prompt lengths: the smallest, p50, p95 and the greatest."""

    least: int
    p50: int
    p95: int
    most: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StratumSummary:
    """One stratum in numbers, with its first queries. `tokens` is None unless they were counted.

    Lengths are those of whole prompts, worked examples included.
    """

    name: str
    kind: Kind
    tier: Tier
    weight: float
    n: int
    examples: tuple[Query, ...]
    characters: Lengths
    words: Lengths
    tokens: Lengths | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedStratum:
    """Queries that a stratum has, and how many a policy takes there.

    `margin` and `needed` are None where the policy tests no gap.
    """

    name: str
    tier: Tier
    n: int
    margin: float | None
    needed: int | None
