"""What a reader must know of how two recordings were paired, in sentences."""

from collections.abc import Iterator, Mapping, Sequence

from tailqa.records.recording import NOT_RECORDED, Item, Recording

Epochs = dict[int, Item]
"""The answers to one query, by epoch."""

_EXAMPLES = 3


def some(names: Sequence[str]) -> str:
    """The first names, as examples."""
    return ", ".join(names[:_EXAMPLES])


def unpaired(ours: Mapping[str, Epochs], theirs: Mapping[str, Epochs]) -> Iterator[str]:
    """What one side alone has, per side, then epochs that one side alone has."""
    for side, other, have, lack in (
        ("teacher", "student", ours, theirs),
        ("student", "teacher", theirs, ours),
    ):
        alone = [name for name in have if name not in lack]
        if alone:
            verbs = (
                "has no {}'s answer and is" if len(alone) == 1 else "have no {}'s answer and are"
            )
            yield (
                f"{len(alone):,} of the {side}'s {len(have):,} ids {verbs.format(other)} left "
                f"out, e.g. {some(alone)}."
            )
    odd = [name for name in ours if name in theirs and ours[name].keys() != theirs[name].keys()]
    if odd:
        what = "1 id has" if len(odd) == 1 else f"{len(odd):,} ids have"
        yield f"{what} epochs that only one model answered; these are left out, e.g. {some(odd)}."


def differences(teacher: Recording, student: Recording) -> Iterator[str]:
    """What the two recordings say of themselves and do not share."""
    for what, first, second in (
        ("task", teacher.name, student.name),
        ("version of the task", teacher.version, student.version),
        ("metric", teacher.metric, student.metric),
        ("harness", teacher.harness, student.harness),
    ):
        if first != second and NOT_RECORDED not in (first, second):
            yield f"The {what} is {first} for the teacher and {second} for the student."


def references(firsts: Sequence[tuple[Item, Item]]) -> Iterator[str]:
    """References that differ under one id: the ids may not mean the same question."""
    both = [(a, b) for a, b in firsts if a.references and b.references]
    odd = [a.id for a, b in both if a.references != b.references]
    if odd:
        yield (
            f"The references differ under {len(odd):,} of {len(both):,} ids, e.g. {some(odd)}: "
            "the models may not have been asked the same."
        )
