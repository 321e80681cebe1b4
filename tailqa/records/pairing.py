"""Two recordings → pairs by id and epoch, with strata and a digest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tailqa.core.answer import Answer, Answered, Attempt, Failed, Grade, Pair, Scored, Ungraded
from tailqa.core.digest import digest
from tailqa.core.errors import Fault, InputError
from tailqa.core.query import Query, Stratum
from tailqa.core.report import ModelInfo, SuiteInfo
from tailqa.files import Faults
from tailqa.records import remarks
from tailqa.records.recording import Item, Recording, place_of
from tailqa.records.strata import Parted, StrataRule, part

GRADED_THRESHOLD = 0.5
"""From which score on an answer counts as right where scores lie between 0 and 1."""

_Epochs = remarks.Epochs
_Sides = tuple[list[Item], list[Item]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What two recordings say together; `findings` are sentences that a reader must know.

    A score of at least `threshold` counts as right.
    """

    teacher: ModelInfo
    student: ModelInfo
    suite: SuiteInfo
    strata: tuple[Stratum, ...]
    pairs: tuple[Pair, ...]
    threshold: float
    findings: tuple[str, ...]


def pair_up(
    teacher: Recording, student: Recording, rule: StrataRule, *, threshold: float | None = None
) -> Imported:
    """Pairs the answers of both models by (id, epoch) and parts the queries into strata.

    Epochs of one id are the samples of one query, in order; the first is the one that counts.
    What one side alone has is left out and said in the findings. `threshold`, in (0, 1], is by
    default 1 where all scores are 0 or 1, else 0.5. Raises InputError with every duplicate, every
    score that is not in [0, 1], or when no id is in common, and as `part` does.

    >>> from tailqa.records.recording import unrecorded_model
    >>> def recording(name, *scores):
    ...     items = [Item(id=str(n), score=score) for n, score in enumerate(scores)]
    ...     return Recording(model=unrecorded_model(name), harness="by hand", name="quiz",
    ...         version="1", task="generate", metric="exact", source="", items=tuple(items))
    >>> imported = pair_up(recording("big", 1, 0, 1), recording("small", 0, 1), StrataRule())
    >>> [(p.teacher_grade.correct, p.student_grade.correct) for p in imported.pairs]
    [(True, False), (False, True)]
    >>> imported.findings
    ("1 of the teacher's 3 ids has no student's answer and is left out, e.g. 2.",)
    """
    if threshold is not None and not 0 < threshold <= 1:
        raise InputError([Fault(file="--threshold", rule="must lie in (0, 1]", value=threshold)])
    faults = Faults()
    ours, theirs = _by_id(teacher, faults), _by_id(student, faults)
    faults.check()
    matched = _matched(ours, theirs)
    if not matched:
        raise InputError([Fault(file=_file(student), rule=_nothing_common(ours, theirs))])
    firsts = [(first[0], second[0]) for first, second in matched]
    parted = part(firsts, rule, faults)
    whole = _all_whole(matched)
    used = threshold or (1.0 if whole else GRADED_THRESHOLD)
    queries = _queries(firsts, parted)
    return Imported(
        teacher=teacher.model,
        student=student.model,
        suite=SuiteInfo(
            name=teacher.name,
            version=teacher.version,
            digest=_digest(queries, parted.strata, teacher.metric, used),
            source=teacher.source,
            task=teacher.task,
            n_queries=len(queries),
        ),
        strata=parted.strata,
        pairs=tuple(
            Pair(
                query=query,
                teacher=_answer(query.id, sides[0]),
                student=_answer(query.id, sides[1]),
                teacher_grade=_grade(sides[0], used),
                student_grade=_grade(sides[1], used),
            )
            for query, sides in zip(queries, matched, strict=True)
        ),
        threshold=used,
        findings=(
            *remarks.unpaired(ours, theirs),
            *remarks.differences(teacher, student),
            *remarks.references(firsts),
            *([] if whole else [_graded(teacher.metric, used)]),
            *dict.fromkeys((*teacher.notes, *student.notes)),
        ),
    )


def _by_id(recording: Recording, faults: Faults) -> Mapping[str, _Epochs]:
    found: dict[str, _Epochs] = {}
    for item in recording.items:
        if item.score is not None and not 0 <= item.score <= 1:
            file, line = place_of(item)
            rule = f"the score of {item.id} must lie in [0, 1]"
            faults.add(file, rule, line=line, value=item.score, kind="a score must lie in [0, 1]")
        epochs = found.setdefault(item.id, {})
        first = epochs.setdefault(item.epoch, item)
        if first is not item:
            file, line = place_of(item)
            what = f"{item.id!r}" if item.epoch == 1 else f"{item.id!r}, epoch {item.epoch},"
            rule = f"{what} is there twice, first at {first.place}"
            faults.add(file, rule, line=line, kind="an id is there twice")
    return found


def _matched(ours: Mapping[str, _Epochs], theirs: Mapping[str, _Epochs]) -> list[_Sides]:
    """Per id in both, in the teacher's order, the items of the epochs in both, in order."""
    matched = []
    for name, epochs in ours.items():
        common = sorted(epochs.keys() & theirs.get(name, {}).keys())
        if common:
            others = theirs[name]
            matched.append(([epochs[n] for n in common], [others[n] for n in common]))
    return matched


def _file(recording: Recording) -> str:
    return place_of(recording.items[0])[0] if recording.items else recording.source


def _nothing_common(ours: Mapping[str, _Epochs], theirs: Mapping[str, _Epochs]) -> str:
    if not ours or not theirs:
        return f"the {'student' if ours else 'teacher'} has no answers"
    if ours.keys() & theirs.keys():
        return "no id has an epoch that both models answered"
    return (
        f"no id is in both models' answers: the teacher has e.g. {remarks.some(list(ours))}, "
        f"the student {remarks.some(list(theirs))}"
    )


def _all_whole(matched: Sequence[_Sides]) -> bool:
    return all(item.score in (None, 0, 1) for sides in matched for items in sides for item in items)


def _graded(metric: str, threshold: float) -> str:
    return (
        f"Scores ({metric}) lie between 0 and 1; an answer counts as right from {threshold:g} on "
        "(--threshold)."
    )


def _queries(firsts: Sequence[tuple[Item, Item]], parted: Parted) -> tuple[Query, ...]:
    return tuple(
        Query(
            id=teacher.id,
            stratum=stratum,
            prompt=teacher.prompt or student.prompt,
            references=teacher.references or student.references,
            choices=teacher.choices or student.choices,
            cluster=cluster,
        )
        for (teacher, student), stratum, cluster in zip(
            firsts, parted.of_query, parted.clusters, strict=True
        )
    )


def _answer(query_id: str, items: Sequence[Item]) -> Answer:
    attempts = tuple(
        Attempt(
            prompt=item.prompt,
            prompt_tokens=item.prompt_tokens,
            completion_tokens=item.completion_tokens,
            text=item.text,
            finish_reason=item.finish_reason,
            sample=sample,
            choice_logprobs=item.choice_logprobs,
            latency_s=item.latency_s,
        )
        for sample, item in enumerate(items)
        if not item.failed
    )
    failed = next((item for item in items if item.failed), None)
    if failed is None:
        return Answered(query_id=query_id, attempts=attempts)
    reason = failed.reason or "no reason was recorded"
    return Failed(query_id=query_id, reason=reason, attempts=attempts)


def _grade(items: Sequence[Item], threshold: float) -> Grade | None:
    """As all of tailqa grades: one attempt that cannot be graded leaves the query ungraded."""
    if any(item.failed for item in items):
        return None
    scores = [item.score for item in items]
    if None in scores:
        missing = items[scores.index(None)]
        return Ungraded(reason=missing.reason or "no score was recorded")
    known = tuple(float(score) for score in scores if score is not None)
    return Scored(
        scores=known,
        corrects=tuple(score >= threshold for score in known),
        extracted=items[0].extracted,
    )


def _digest(
    queries: Sequence[Query], strata: Sequence[Stratum], metric: str, threshold: float
) -> str:
    """SHA-256 over the queries, in any order, their strata, and what counts as right."""
    return digest(
        {
            "queries": sorted(_values(query) for query in queries),
            "strata": [asdict(stratum) for stratum in strata],
            "metric": metric,
            "threshold": threshold,
        }
    )


def _values(query: Query) -> tuple[object, ...]:
    return (
        query.id,  # unique, so that the rest is never compared
        query.stratum,
        query.cluster,
        query.prompt,
        query.references,
        query.choices,
    )
