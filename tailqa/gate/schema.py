"""The format of a policy file, as pydantic models; `docs/policies.md` is its reference.

Each key's description is also its comment in `tailqa gate --show-policy`.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)

from tailqa.core.digest import digest
from tailqa.core.errors import Fault
from tailqa.core.query import Tier
from tailqa.core.report import AuditKind
from tailqa.gate.cost import Cost
from tailqa.gate.section import Section

FORMAT_VERSION = 1

TESTS = ("gap", "retention", "score")
"""The keys of which every stratum must say at least one."""


def _known_version(version: int) -> int:
    if version != FORMAT_VERSION:
        raise ValueError(f"this tailqa reads version {FORMAT_VERSION} of the policy format")
    return version


Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Share = Annotated[float, Field(ge=0, le=1)]
Loss = Annotated[float, Field(gt=0, lt=1, description="largest loss, in (0, 1): 0.05 is 5 points")]


class Margin(Section):
    """The student may be worse by less than `margin`."""

    margin: Loss


class Floor(Section):
    """The student must keep more than `floor` of the teacher's accuracy."""

    floor: float = Field(gt=0, le=1)


class StratumPolicy(Section):
    """What a stratum must show, and what its answers must be like to be judged at all."""

    tier: Literal["critical", "supporting", "advisory", "suite"] = Field(
        default="suite", description="critical, supporting, advisory, or what the suite says"
    )
    gap: Margin | None = Field(
        default=None, description="student - teacher accuracy must lie above -margin"
    )
    retention: Floor | None = Field(
        default=None, description="student / teacher accuracy must lie above it"
    )
    score: Margin | None = Field(
        default=None, description="the same as gap, on the mean of graded scores"
    )
    min_queries: int = Field(default=50, ge=1, description="fewer graded pairs decide nothing")
    teacher_floor: Share = Field(
        default=0.10, description="a teacher who is right less often is no yardstick"
    )
    above_chance: bool = Field(
        default=True, description="the teacher must be shown to do better than guessing"
    )
    max_failed: Share = Field(default=0.02, description="share of queries without an answer")
    max_ungraded: Share = Field(
        default=0.02, description="share of queries whose answer could not be graded"
    )

    def over(self, base: "StratumPolicy") -> "StratumPolicy":
        """`base` with what this one says."""
        said = {key: getattr(self, key) for key in self.model_fields_set}
        return base.model_copy(update=said)

    @property
    def says_which(self) -> bool:
        """Whether there is anything to test."""
        return any(getattr(self, key) is not None for key in TESTS)


class Pooled(Section):
    """A limit on a figure over several strata."""

    tier: Tier = Field(default="supporting", description="critical, supporting or advisory")
    margin: Loss


class Fidelity(Section):
    """Limits on next-token distributions, measured with --fidelity."""

    tier: Tier = Field(default="advisory", description="critical, supporting or advisory")
    max_kl: float | None = Field(
        default=None, gt=0, description="mean KL(teacher || student), nats per token"
    )
    min_same_top1: float | None = Field(
        default=None, gt=0, lt=1, description="share of tokens with the same likeliest one"
    )
    min_acceptance: float | None = Field(
        default=None, gt=0, lt=1, description="share of drafted tokens that the teacher takes"
    )

    @model_validator(mode="after")
    def _says_which(self) -> "Fidelity":
        if self.max_kl is None and self.min_same_top1 is None and self.min_acceptance is None:
            raise ValueError("needs at least one of max_kl, min_same_top1, min_acceptance")
        return self


class Prompts(Section):
    """Limits on what the prompt audit found."""

    tier: Tier = Field(default="supporting", description="critical, supporting or advisory")
    max_share: dict[AuditKind, Share] = Field(
        min_length=1, description="per kind of finding, the largest share of queries that show it"
    )


class Policy(Section):
    """What a student must show before it may replace the teacher.

    Raises pydantic's ValidationError, a ValueError, which names each value that breaks a rule.

    >>> policy = Policy(name="mine", defaults={"gap": {"margin": 0.03}})
    >>> policy.defaults.min_queries, policy.interval_level
    (50, 0.9)
    """

    version: Annotated[int, AfterValidator(_known_version)] = FORMAT_VERSION
    name: Text
    description: str = ""
    level: float = Field(
        default=0.95, gt=0.5, lt=1, description="confidence of every one-sided test, in (0.5, 1)"
    )
    defaults: StratumPolicy
    strata: dict[Text, StratumPolicy] = Field(
        default_factory=dict,
        description="by name or pattern (tail/*): only what differs, later ones win",
    )
    overall: Pooled | None = Field(
        default=None, description="traffic-weighted gap: must lie above -margin"
    )
    interaction: Pooled | None = Field(
        default=None, description="gap of the tail - gap of the head: must lie above -margin"
    )
    fidelity: Fidelity | None = Field(
        default=None, description="next-token distributions, over all traffic"
    )
    prompts: Prompts | None = Field(default=None, description="findings of the prompt audit")
    cost: Cost | None = Field(
        default=None, description="what the pipeline makes of the student, run with --pipeline"
    )
    _file: str | None = PrivateAttr(default=None)
    _lines: Mapping[str, int] = PrivateAttr(default_factory=dict)

    @property
    def alpha(self) -> float:
        """The largest chance of a false pass that every test keeps."""
        return round(1 - self.level, 12)

    @property
    def interval_level(self) -> float:
        """The level of the two-sided interval whose either side is the one-sided test."""
        return round(2 * self.level - 1, 12)

    @property
    def digest(self) -> str:
        """SHA-256 of the content, every default written out."""
        content = self.model_dump()
        # Later patterns win, and a mapping has no order in the canonical form.
        content["strata"] = [
            [pattern, said.model_dump(exclude_unset=True)] for pattern, said in self.strata.items()
        ]
        # Policies had digests, which decisions name, before there were limits on cost.
        if self.cost is None:
            del content["cost"]
        return digest(content)

    def of(self, stratum: str) -> StratumPolicy:
        """What holds for one stratum.

        >>> strict = {"tail/*": {"gap": {"margin": 0.02}}}
        >>> policy = Policy(name="p", defaults={"gap": {"margin": 0.05}}, strata=strict)
        >>> policy.of("tail/x").gap.margin, policy.of("head").gap.margin
        (0.02, 0.05)
        """
        held = self.defaults
        for pattern, said in self.strata.items():
            if _matches(pattern, stratum):
                held = said.over(held)
        return held

    def faults(self, strata: Sequence[str] | None = None) -> list[Fault]:
        """What does not fit together, or not to a run with these `strata`."""
        if not self.defaults.says_which:
            return [self._fault("defaults", _WHICH)]
        found = [
            self._fault(f"strata.{pattern}", _WHICH)
            for pattern, said in self.strata.items()
            if not said.over(self.defaults).says_which
        ]
        if strata is None:
            return found
        there = f"matches no stratum of this run, which has {', '.join(strata) or 'none'}"
        found += [
            self._fault(f"strata.{pattern}", there)
            for pattern in self.strata
            if not any(_matches(pattern, name) for name in strata)
        ]
        silent = [name for name in strata if not self.of(name).says_which]
        return found or [self._fault("strata", f"{_WHICH}, for {name}") for name in silent]

    def remember(self, file: str, lines: Mapping[str, int]) -> None:
        """Where the policy was written, so that faults found later still name the place."""
        self._file, self._lines = file, lines

    def _fault(self, key: str, rule: str) -> Fault:
        return Fault(
            file=self._file or f"policy {self.name}", line=self._lines.get(key), key=key, rule=rule
        )


_WHICH = f"must say which is tested: at least one of {', '.join(TESTS)}"


def _matches(pattern: str, stratum: str) -> bool:
    return pattern == stratum or fnmatchcase(stratum, pattern)
