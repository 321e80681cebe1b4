"""The run that is replayed: its suite and models found again, and what it knows of queries."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.operations import Option
from tailqa.core.ports import Engine
from tailqa.core.query import Query, Suite
from tailqa.core.report import AnswerRow, ModelInfo, Report
from tailqa.workflows.asking import Options, chosen_suite
from tailqa.workflows.models import EMBEDDED, Loading, choose
from tailqa.workflows.residency import lack_of_memory
from tailqa.workflows.speed import SIDES

_ASKED = ("limit", "num_fewshot", "samples", "temperature")
_GENERATION = ("max_tokens", "temperature", "top_p", "samples", "truncate")


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(Loading):
    """How a run is replayed, as the flags of the same names.

    No `options` are all that the pipeline knows, no `clients` those of its closed loop, no `seed`
    is the run's. In each of the `rounds` every option is first rehearsed with `speed` requests of
    the fit half, and then gets its share of the `requests`.
    """

    suite: str | None = None
    sources: Mapping[str, Path] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    sets: Mapping[str, str] = field(default_factory=dict)
    requests: int = 600
    clients: int | None = None
    rounds: int = 10
    speed: int = 20
    replications: int = 200
    level: float = 0.95
    seed: int | None = None
    trust_suite_code: bool = False
    created: str = ""


def asking_of(report: Report, options: ReplayOptions) -> Options:
    """The options that the run was made with, as far as they change a prompt or an answer."""
    said = report.fingerprint.options
    return Options(
        **{name: said.get(name) for name in _ASKED},  # type: ignore[arg-type]
        ignore_clusters=bool(said.get("ignore_clusters")),
        seed=report.seed,
        sources=options.sources,
        trust_suite_code=options.trust_suite_code,
        **{name: getattr(options, name) for name in Loading.__dataclass_fields__},
    )


def suite_again(report: Report, asking: Options, name: str | None) -> Suite:
    """The suite of the run. Raises TailqaError where it is another one by now."""
    suite = chosen_suite(name or report.suite.name, asking)
    if suite.digest != report.suite.digest:
        raise TailqaError(
            f"the run was made on another suite than {suite.name} is now (digest "
            f"{report.suite.digest[:12]}, now {suite.digest[:12]}): name the same with --suite "
            "and --source, or compare again"
        )
    said = report.fingerprint.options
    changed = [k for k in _GENERATION if k in said and said[k] != getattr(suite.generation, k)]
    if changed:
        raise TailqaError(f"the run drew its answers otherwise: {', '.join(changed)} changed")
    return suite


def engines_again(
    report: Report, names: tuple[str | None, str | None], asking: Options
) -> list[Engine]:
    """The models of the run, open. Raises TailqaError where they are others."""
    infos = (report.teacher, report.student)
    specs = [_spec(name, info, side) for name, info, side in zip(names, infos, SIDES, strict=True)]
    models = choose(specs[0], specs[1], asking)
    if lack := lack_of_memory(models):
        raise TailqaError(f"{lack}; a replay needs both open at once.")
    engines = []
    for model, info, side in zip(models, infos, SIDES, strict=True):
        engines.append(model.open())
        _check_model(engines[-1].info, info, side)
    return engines


def _spec(name: str | None, info: ModelInfo, side: Side) -> str:
    if name is not None:
        return name
    if info.name.startswith(EMBEDDED):
        return info.name
    raise TailqaError(
        f"the run does not say where its {side} {info.name} lies; name TEACHER and STUDENT again"
    )


def _check_model(now: ModelInfo, then: ModelInfo, side: Side) -> None:
    for what in ("weights_digest", "tokenizer_digest", "template_digest", "dtype"):
        is_now, was = getattr(now, what), getattr(then, what)
        if is_now != was:
            shown = what.replace("_digest", "")
            raise TailqaError(
                f"the {side} {now.name} is not the one of the run: its {shown} is "
                f"{_short(is_now)}, in the run {_short(was)}"
            )


def _short(value: str | None) -> str:
    return "none" if value is None else value[:12]


@dataclass(frozen=True, kw_only=True)
class Known:
    """The queries that were answered and graded on both sides.

    `wrong` holds per side and query the texts of wrong answers, each with its prompt tokens.
    """

    queries: tuple[Query, ...]
    wrong: Mapping[Side, Mapping[str, Sequence[tuple[str, int]]]]
    n_left_out: int


def known_of(suite: Suite, answers: Sequence[AnswerRow]) -> Known:
    """What the run knows of the queries of its suite."""
    rows: dict[tuple[Side, str], list[AnswerRow]] = defaultdict(list)
    for row in answers:
        rows[row.side, row.query_id].append(row)
    queries = tuple(query for query in suite.queries if all(_graded(rows, query.id)))
    wrong: dict[Side, dict[str, Sequence[tuple[str, int]]]] = {side: {} for side in SIDES}
    for query in queries:
        for side in SIDES:
            wrong[side][query.id] = [
                (_said(row), row.prompt_tokens or 0)
                for row in rows[side, query.id]
                if row.status == "wrong"
            ]
    return Known(queries=queries, wrong=wrong, n_left_out=len(suite.queries) - len(queries))


def _graded(rows: Mapping[tuple[Side, str], Sequence[AnswerRow]], query: str) -> Iterator[bool]:
    for side in SIDES:
        found = rows.get((side, query), ())
        yield bool(found) and all(row.status in {"right", "wrong"} for row in found)


def _said(row: AnswerRow) -> str:
    logprobs = row.choice_logprobs
    if not logprobs:
        return row.text
    return row.choices[max(range(len(logprobs)), key=logprobs.__getitem__)]
