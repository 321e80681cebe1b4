"""The format of a pipeline file, as pydantic models; `docs/pipelines.md` is its reference."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tailqa.core.digest import digest
from tailqa.core.operations import Option
from tailqa.cost.arrivals import Arrivals, Closed, Trace
from tailqa.cost.graph import Broken, graph_faults, resolved_after
from tailqa.cost.times import Empirical, Part, Seconds, Share, SomeSeconds, Text, Time

FORMAT_VERSION = 1
RESERVED = ("teacher", "person")
"""Names of the stages that an escalation adds."""

_NAME = re.compile(r"[^\W\d][\w/-]*")


def _known_version(version: int) -> int:
    if version != FORMAT_VERSION:
        raise ValueError(f"this tailqa reads version {FORMAT_VERSION} of the pipeline format")
    return version


def _stage_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name} is the name of what an escalation goes to: choose another")
    if not _NAME.fullmatch(name):
        raise ValueError("must begin with a letter and hold only letters, digits, _, - and /")
    return name


StageName = Annotated[str, AfterValidator(_stage_name)]
Servers = Annotated[int, Field(ge=0, le=100_000)]
Concurrency = Annotated[int, Field(ge=1, le=100_000)]
Usd = Annotated[float, Field(ge=0, le=1e9)]
_SERVERS = "servers side by side; 0: no limit, so that nothing waits"
_CONCURRENCY = "requests that one server works on at a time, as measured by tailqa bench"


class Stage(Part):
    """One stage: servers with a queue in front of them."""

    name: StageName
    servers: Servers = Field(default=1, description=_SERVERS)
    time: Time | None = Field(default=None, description="time of one request at one server")
    model: bool = Field(default=False, description="true: teacher or student answers here")
    concurrency: Concurrency = Field(default=1, description=_CONCURRENCY)
    probability: Share = Field(default=1.0, description="share of requests that pass this stage")
    after: list[str] | None = Field(
        default=None, description="stages that must be over before; the one before unless said"
    )
    usd_per_server_hour: Usd = Field(default=0.0, description="price of one server for an hour")


class Verifier(Part):
    """What decides whether an answer is accepted: a test run, a schema, a judge, a user."""

    sensitivity: Share = Field(default=1.0, description="share of right answers it accepts")
    false_accepts: Share = Field(default=0.0, description="share of wrong answers it accepts")


class Retry(Part):
    """What another attempt on the same query is like."""

    adds_prompt_tokens: float = Field(
        default=0.0, ge=0, le=1e9, description="tokens more in its prompt than in the first one's"
    )
    lift: Share = Field(
        default=0.0, description="share of wrong answers that what was added turns into right ones"
    )
    back_off_s: Seconds = Field(default=0.0, description="wait before the first retry, seconds")
    back_off_factor: float = Field(
        default=2.0, ge=1, le=10, description="by how much each further wait is longer"
    )
    text: Text | None = Field(
        default=None,
        description="what tailqa replay appends to the prompt of a retry, {answer} in it being "
        "the refused answer; tokens and lift are then measured",
    )


class ToTeacher(Part):
    """What the student could not answer goes to the teacher."""

    to: Literal["teacher"] = Field(description="teacher: the larger model answers")
    servers: Servers = Field(default=1, description=_SERVERS)
    concurrency: Concurrency = Field(default=1, description=_CONCURRENCY)
    attempts: int = Field(default=1, ge=1, le=100, description="attempts of the teacher")


class ToPerson(Part):
    """What the student could not answer goes to a person, whose answer is always accepted."""

    to: Literal["person"] = Field(description="person: somebody answers")
    servers: Servers = Field(default=1, description="people at work; 0: no limit")
    time: Time = Field(description="time that a person takes for one request")
    right: Share = Field(default=1.0, description="share of their answers that are right")
    usd: Usd = Field(default=0.0, description="price of one answer")


Escalate = Annotated[ToTeacher | ToPerson, Field(discriminator="to")]


class AnswerPolicy(Part):
    """What happens to an answer that is not accepted."""

    max_attempts: int = Field(default=1, ge=1, le=100, description="attempts before giving up")
    repeat_from: str | None = Field(
        default=None, description="first stage that a retry passes again; null: the model's"
    )
    icc: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="assumed correlation of attempts on one query, where the run has one each",
    )
    verifier: Verifier = Field(default=Verifier(), description="who accepts an answer")
    retry: Retry = Field(default=Retry(), description="what another attempt is like")
    timeout_s: SomeSeconds | None = Field(
        default=None, description="a longer attempt counts as refused; null: none does"
    )
    hedge_after_s: Seconds | None = Field(
        default=None, description="a second copy is sent after so long; null: never"
    )
    escalate: Escalate | None = Field(
        default=None, description="where it goes after the last attempt; null: given up"
    )
    uncaught_error_usd: Usd = Field(
        default=0.0, description="cost of a wrong answer that was accepted"
    )


class Chain(Part):
    """Calls in a row, of which each needs the one before."""

    calls: int = Field(default=1, ge=1, le=1000, description="dependent calls per request")


class Price(Part):
    """What one model costs."""

    usd_per_million_prompt_tokens: Usd = Field(default=0.0, description="tokens in")
    usd_per_million_completion_tokens: Usd = Field(default=0.0, description="tokens out")
    usd_per_gpu_hour: Usd = Field(default=0.0, description="one GPU for an hour")
    gpus_per_server: float = Field(default=1.0, gt=0, le=10_000, description="GPUs of one server")


class Prices(Part):
    """What both models cost; all 0 where nobody knows."""

    teacher: Price = Field(default=Price(), description="the teacher's")
    student: Price = Field(default=Price(), description="the student's")


class Pipeline(Part):
    """Everything around the model, and what happens to its answers.

    Raises pydantic's ValidationError, a ValueError, which names each value that breaks a rule.
    Whether the parts fit together, `faults` says; `load_pipeline` refuses what does not.

    >>> stages = [{"name": "generation", "model": True}]
    >>> arrivals = {"kind": "closed", "clients": 1}
    >>> pipeline = Pipeline(name="mine", stages=stages, arrivals=arrivals)
    >>> pipeline.policy.max_attempts, pipeline.options, list(pipeline.faults())
    (1, ('teacher', 'student'), [])
    """

    version: Annotated[int, AfterValidator(_known_version)] = FORMAT_VERSION
    name: Text
    description: str = ""
    stages: list[Stage] = Field(min_length=1, max_length=100, description="in order")
    policy: AnswerPolicy = Field(
        default=AnswerPolicy(), description="what happens to an answer that is not accepted"
    )
    chain: Chain = Field(default=Chain(), description="calls in a row on one request")
    arrivals: Arrivals = Field(description="when requests come")
    prices: Prices = Field(default=Prices(), description="what the models cost")

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that it can tell apart: `escalated` only where something is escalated."""
        both: tuple[Option, ...] = ("teacher", "student")
        return both if self.policy.escalate is None else (*both, "escalated")

    @property
    def generation(self) -> Stage:
        """The model's stage."""
        return next(stage for stage in self.stages if stage.model)

    @property
    def repeat_from(self) -> str:
        """The first stage that a retry, or a further call of a chain, passes again."""
        return self.policy.repeat_from or self.generation.name

    @property
    def priced(self) -> bool:
        """Whether anything has a price, without which no money can be told."""
        paid: list[float] = [stage.usd_per_server_hour for stage in self.stages]
        for price in (self.prices.teacher, self.prices.student):
            paid += [price.usd_per_million_prompt_tokens, price.usd_per_gpu_hour]
            paid += [price.usd_per_million_completion_tokens]
        paid += [getattr(self.policy.escalate, "usd", 0.0), self.policy.uncaught_error_usd]
        return any(paid)

    @property
    def digest(self) -> str:
        """SHA-256 of the content, every default written out, and of the files it names."""
        return digest(self.content())

    def content(self) -> dict[str, Any]:
        """The pipeline with every default written out, as JSON can hold it.

        `data` says of every file that was read what it was and its SHA-256.
        """
        said = self.model_dump(mode="json")
        for stage, after in zip(said["stages"], resolved_after(self.stages), strict=True):
            stage["after"] = list(after)
        said["policy"]["repeat_from"] = self.repeat_from
        return said | {"data": {where: read.digest for where, read in self._read().items()}}

    def files(self) -> Iterator[tuple[tuple[str | int, ...], Empirical | Trace]]:
        """What is read from files, each with its place in the pipeline."""
        places: list[tuple[tuple[str | int, ...], object]] = [
            (("stages", index, "time"), stage.time) for index, stage in enumerate(self.stages)
        ]
        if isinstance(self.policy.escalate, ToPerson):
            places.append((("policy", "escalate", "time"), self.policy.escalate.time))
        if isinstance(self.arrivals, Closed):
            places.append((("arrivals", "think"), self.arrivals.think))
        places.append((("arrivals",), self.arrivals))
        for place, part in places:
            if isinstance(part, (Empirical, Trace)):
                yield place, part

    def faults(self) -> Iterator[Broken]:
        """What does not fit together: place, rule and value of each fault."""
        yield from graph_faults(self.stages, self.policy.repeat_from)
        policy = self.policy
        late = policy.timeout_s is not None and policy.hedge_after_s is not None
        if late and (policy.hedge_after_s or 0.0) >= (policy.timeout_s or 0.0):
            rule = "must be below timeout_s, or no copy is ever sent"
            yield ("policy", "hedge_after_s"), rule, policy.hedge_after_s
        yield from self._unlimited()

    def _unlimited(self) -> Iterator[Broken]:
        """Servers without a limit that are paid by the hour: nobody knows how many there are."""
        prices, escalate = self.prices, self.policy.escalate
        hourly = max(prices.teacher.usd_per_gpu_hour, prices.student.usd_per_gpu_hour)
        priced: list[tuple[tuple[str | int, ...], int, float]] = [
            (
                ("stages", index, "servers"),
                stage.servers,
                hourly if stage.model else stage.usd_per_server_hour,
            )
            for index, stage in enumerate(self.stages)
        ]
        if isinstance(escalate, ToTeacher):
            usd = prices.teacher.usd_per_gpu_hour
            priced.append((("policy", "escalate", "servers"), escalate.servers, usd))
        for place, servers, usd in priced:
            if usd and not servers:
                yield place, "must be a number of servers where an hour of one has a price", 0

    def _read(self) -> dict[str, Empirical | Trace]:
        return {".".join(map(str, place)): part for place, part in self.files()}
