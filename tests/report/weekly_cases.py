"""Weekly reports made by hand: a crowded one, and the least there is."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle
from random import Random

from tailqa.core.estimate import Cells, Estimate, Measured, TooFew
from tailqa.core.history import KeptAnswer, KeptQuery, Mark
from tailqa.core.weekly import (
    EVERYTHING,
    Alarm,
    Change,
    Comparison,
    Evidence,
    FlakyQuery,
    PairedChange,
    QueryChange,
    Week,
    WeekFigure,
    Weekly,
    WeeklyStratum,
    WeekStratum,
)

N_WEEKS = 26
FIRST = date(2026, 6, 1)
SUBJECTS = (
    "terminology",
    "multi-step arithmetic",
    "phrasing",
    "negation",
    "rare entities",
    "long context",
    "code-switching",
    "dates",
    "units",
    "tables",
)
NAMES = tuple(f"tail/{subject}" for subject in SUBJECTS) + tuple(
    f"head/{subject}" for subject in SUBJECTS
)
TEACHER = "llama-70b-instruct"
STUDENT = "support-student"
BREAKS = {8: "harness", 17: "both", 19: "harness"}
NO_RUN = (5, 13)
ALARMED = NAMES[0]
ALARMED_SINCE, ALARMED_AT = 21, 24
NULL = (
    "the answers to the same queries of this suite are as often right as in the weeks before, "
    "though single queries may change for good with a new build."
)


def monday(i: int) -> str:
    return (FIRST + timedelta(weeks=i)).isoformat()


def series(i: int) -> int:
    return sum(i >= at for at in BREAKS)


def build(i: int) -> str:
    return f"{STUDENT}@r{1 + i // 3}"


def share(value: float, n: int) -> Estimate:
    wide = 1.96 * math.sqrt(max(value * (1 - value), 0.001) / n)
    return about(value, wide, n=n, low=0.0, high=1.0)


def about(
    value: float, wide: float, *, n: int = 300, low: float = -9e9, high: float = 9e9
) -> Estimate:
    return Estimate(
        value=value,
        low=max(low, value - wide),
        high=min(high, value + wide),
        level=0.95,
        method="t",
        n=n,
    )


def make_weekly(
    *, n_strata: int = 20, n_weeks: int = N_WEEKS, changed: Sequence[QueryChange] | None = None
) -> Weekly:
    """A year's half of a team with a lot of strata: two breaks, one for which nobody can tell,
    two weeks without a run, a stratum with too few queries, two alarms."""
    names = NAMES[:n_strata]
    random = Random(6)
    weeks = tuple(_week(i, names, random) for i in range(n_weeks))
    return Weekly(
        student=STUDENT,
        teacher=TEACHER,
        suite="support 4",
        created="2026-11-26",
        since=monday(0),
        weeks=weeks,
        strata=tuple(
            WeeklyStratum(
                name=name,
                kind="tail" if name.startswith("tail") else "head",
                tier="critical" if i % 3 == 0 else "supporting",
                weight=1 / len(names),
            )
            for i, name in enumerate(names)
        ),
        comparisons=tuple(_comparison(against, at, names) for against, at in _AGAINST),
        evidence=tuple(_evidence(names, n_weeks)),
        alarms=_alarms(),
        changed=tuple(_changed(names) if changed is None else changed),
        flaky=tuple(
            FlakyQuery(
                query_id=f"{names[i % len(names)]}-{100 + i}",
                stratum=names[i % len(names)],
                n_flips=9 - i,
                marks="".join(
                    "10"[(j // (i + 1)) % 2] if j not in NO_RUN else "." for j in range(26)
                ),
            )
            for i in range(4)
        ),
        null=NULL,
        false_alarm_weeks=104,
        level=0.95,
        traffic=120_000,
        costs=(
            "At 120,000 queries a week the student takes 31.2 million tokens, 0.41 of them lost.",
        ),
        notes=("In the week of 2026-10-19 tail/dates had 12 queries; it is shown as missing.",),
        teacher_reused=5712,
        headline=(
            f"{ALARMED} lost 6.1 points [3.2, 9.0] since {monday(ALARMED_SINCE)}, first seen in "
            f"build {build(ALARMED_SINCE)}; nothing else moved."
        ),
        n_changed={"newly wrong": 61, "newly right": 9},
    )


def least_weekly() -> Weekly:
    """One week, one stratum, nothing known."""
    unknown = TooFew(reason="2 queries are too few for an interval", n=2)
    week = Week(
        monday="2026-11-23",
        series=0,
        run="ab" * 32,
        n_runs=1,
        n_asked=2,
        strata=(WeekStratum(name="only", n=2, student=unknown, teacher=unknown),),
    )
    return Weekly(
        student="s",
        teacher="t",
        suite="tiny 1",
        created="2026-11-26",
        since="2026-11-23",
        weeks=(week,),
        strata=(WeeklyStratum(name="only", kind="tail", tier="critical", weight=1.0),),
        comparisons=(),
        evidence=(),
        alarms=(),
        changed=(),
        flaky=(),
        null="nothing changed.",
        false_alarm_weeks=104,
        level=0.95,
    )


def query_change(
    i: int,
    stratum: str,
    *,
    direction: str = "newly wrong",
    prompt: str | None = None,
    now: str | None = None,
    query_id: str | None = None,
) -> QueryChange:
    marks: tuple[Mark, Mark] = ("1", "0") if direction == "newly wrong" else ("0", "1")
    found = query_id or f"{stratum}-{i}"

    def answer(side: str, mark: Mark, text: str) -> KeptAnswer:
        return KeptAnswer(
            query_id=found,
            side=side,  # type: ignore[arg-type]
            mark=mark,
            text=text,
            prompt_tokens=40,
            completion_tokens=12,
        )

    return QueryChange(
        direction=direction,  # type: ignore[arg-type]
        query=KeptQuery(
            query_id=found,
            stratum=stratum,
            cluster=None,
            prompt=prompt or f"Which term of {stratum} stands for number {i}?",
            references=(f"term {i}",),
        ),
        then=answer("student", marks[0], f"It is term {i}."),
        now=answer("student", marks[1], now or f"It is word {i}, I think."),
        teacher=answer("teacher", "1", f"The answer is term {i}."),
    )


def _changed(names: Sequence[str]) -> list[QueryChange]:
    lost = [query_change(i, names[0]) for i in range(30)]
    lost += [query_change(i, names[i % len(names)]) for i in range(100, 131)]
    won = [query_change(i, names[i % len(names)], direction="newly right") for i in range(200, 209)]
    return [*won, *lost]


def _week(i: int, names: Sequence[str], random: Random) -> Week:
    if i in NO_RUN:
        return Week(monday=monday(i), series=series(i), missing="no run")
    cause, changes = _changes(i)
    strata = [_stratum(i, place, name, random) for place, name in enumerate(names)]
    known = [s for s in strata if isinstance(s.student, Estimate) and s.missing is None]
    whole = WeekStratum(
        name=EVERYTHING,
        n=sum(s.n for s in known),
        student=share(sum(s.student.value for s in known) / len(known), 300 * len(known)),  # type: ignore[union-attr]
        teacher=share(sum(s.teacher.value for s in known) / len(known), 300 * len(known)),  # type: ignore[union-attr]
        missing=None if len(known) == len(strata) else "without tail/dates there is no whole",
    )
    return Week(
        monday=monday(i),
        series=series(i),
        run=f"{i:064x}",
        name=f"weekly-{monday(i)}",
        date=f"{monday(i)}T04:10:00+00:00",
        build=build(i),
        verdict="fail" if i >= ALARMED_AT else "inconclusive" if i % 7 == 3 else "pass",
        n_runs=2 if i == 11 else 1,
        n_asked=300 * len(names),
        cause=cause,  # type: ignore[arg-type]
        changes=changes,
        strata=(whole, *strata),
        figures=tuple(_figures(i, names, random)),
    )


def _changes(i: int) -> tuple[str, tuple[Change, ...]]:
    weights = Change(facet="student", before=f"sha256:{i - 1:08x}…", after=f"sha256:{i:08x}…")
    harness = {
        8: (Change(facet="engine", before="transformers 5.0.1", after="transformers 5.1.0"),),
        17: (
            Change(facet="template", before="sha256:17aa…", after="sha256:99bc…"),
            Change(facet="versions", before="torch 2.9.0", after="torch 2.9.1"),
        ),
        19: (Change(facet="data", before="4.0 sha256:ab…", after="4.1 sha256:cd…"),),
    }.get(i, ())
    if i % 3 == 0 and i:
        return ("both" if harness else "model"), (weights, *harness)
    if BREAKS.get(i) == "both":
        return "both", (weights, *harness)
    return ("harness" if harness else "nothing"), harness


def _stratum(i: int, place: int, name: str, random: Random) -> WeekStratum:
    teacher = 0.93 - 0.012 * (place % 10) - (0.05 if name.startswith("tail") else 0.0)
    student = teacher - 0.02 - 0.004 * (place % 5) - 0.01 * (series(i) == 1)
    if name == ALARMED and i >= ALARMED_SINCE:
        student -= 0.13
    if place == 5 and 10 <= i < 14:
        student -= 0.11
    student += random.gauss(0, 0.008)
    teacher += random.gauss(0, 0.003)
    if name == "tail/dates" and i == 20:
        few = TooFew(reason="12 queries are too few", n=12)
        return WeekStratum(name=name, n=12, student=few, teacher=few, missing=few.reason)
    return WeekStratum(
        name=name,
        n=300,
        student=share(student, 300),
        teacher=share(teacher, 300),
        margin=0.05 if name.startswith("tail") else None,
    )


def _figures(i: int, names: Sequence[str], random: Random) -> list[WeekFigure]:
    found = []
    for side, scale in (("teacher", 1.0), ("student", 0.62), ("escalated", 0.8)):
        noise = 1 + random.gauss(0, 0.015)
        values: dict[str, tuple[float, float]] = (
            {"tokens_per_correct": (240, 9), "seconds_per_correct": (1.9, 0.08)}
            if side != "escalated"
            else {}
        )
        if i >= 9:
            values |= {
                "tokens_per_resolved": (410, 14),
                "seconds_per_resolved": (3.1, 0.2),
                "usd_per_resolved": (0.00042, 0.00002),
            }
        for figure, (value, wide) in values.items():
            found.append(_figure(EVERYTHING, side, figure, value * scale * noise, wide * scale))
            if figure.endswith(("correct", "resolved")):
                found += [
                    _figure(name, side, figure, value * scale * noise * (1 + j / 20), wide * scale)
                    for j, name in enumerate(names)
                ]
    return found


def _figure(scope: str, who: str, figure: str, value: float, wide: float) -> WeekFigure:
    return WeekFigure(scope=scope, who=who, figure=figure, measured=about(value, wide))  # type: ignore[arg-type]


_AGAINST = (("last week", 24), ("base line", 20))


def _comparison(against: str, at: int, names: Sequence[str]) -> Comparison:
    rows = []
    for place, name in enumerate(names):
        lost = 22 if name == ALARMED else 3 + place % 4
        cells: Cells = (250 - lost, lost, 3 + place % 3, 47 - place % 3)
        moved = (cells[2] - cells[1]) / sum(cells)
        change: Measured = about(moved, 1.96 * math.sqrt(cells[1] + cells[2]) / sum(cells))
        p = 0.0002 if name == ALARMED else 0.3 + 0.03 * place
        if name == "tail/dates" and against == "base line":
            change, cells = TooFew(reason="2026-10-19: 12 queries are too few", n=0), (0, 0, 0, 0)
            rows.append(PairedChange(scope=name, cells=cells, change=change))
            continue
        rows.append(
            PairedChange(
                scope=name, cells=cells, change=change, p=p, adjusted_p=min(1.0, p * len(names))
            )
        )
    whole = PairedChange(
        scope=EVERYTHING,
        cells=tuple(sum(row.cells[k] for row in rows) for k in range(4)),  # type: ignore[arg-type]
        change=about(-0.009, 0.0068, n=300 * len(names)),
        p=0.011,
    )
    return Comparison(
        against=against,
        then_monday=monday(at),
        then_build=build(at),
        changes=() if at == 24 else _changes(24)[1],
        strata=tuple(rows),
        overall=whole,
    )


def _evidence(names: Sequence[str], n_weeks: int) -> list[Evidence]:
    found = []
    for place, name in enumerate([EVERYTHING, *names]):
        level = 0.0
        for i in range(n_weeks):
            starts = i == 0 or series(i) != series(i - 1)
            level = 0.0 if starts else max(0.0, level + ((place * 7 + i * 3) % 5 - 2.2) * 0.3)
            if name == ALARMED and i > ALARMED_SINCE:
                level = (i - ALARMED_SINCE) * 4.4
            if name == NAMES[5] and 11 <= i < 15:
                level = 8.4 + i * 0.05
            silent = starts or i in NO_RUN
            found.append(
                Evidence(
                    scope=name,
                    monday=monday(i),
                    log_evidence=None if silent else level,
                    log_threshold=7.69,
                )
            )
    return found


def _alarms() -> tuple[Alarm, ...]:
    return (
        Alarm(
            scope=NAMES[5],
            monday=monday(11),
            since=monday(10),
            build=build(10),
            loss=about(-0.105, 0.031, n=280),
            log_evidence=8.9,
            open=False,
            until=monday(14),
            regained=monday(15),
        ),
        Alarm(
            scope=ALARMED,
            monday=monday(ALARMED_AT),
            since=monday(ALARMED_SINCE),
            build=build(ALARMED_SINCE),
            loss=about(-0.061, 0.029),
            log_evidence=13.2,
            open=True,
            lost_per_week=about(366, 174),
            until=monday(25),
        ),
    )


FRAGMENTS = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    "<svg/onload=window.hacked=1>",
    '"><a href="javascript:window.hacked=1" onclick=window.hacked=1>x</a>',
    "<!-- <!--",
    "]]>",
    "</textarea></title></style>",
    "<iframe src=https://evil.invalid></iframe>",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt;&#x202e;",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.invalid\x07link\x1b]8;;\x07",
    "\u202eevil\u2066",
    "\x00\x07\x08\x7f\x9b",
    "\ud800",
    "\u2028\u0085",
    "| cell | cell |\n|---|---|",
    "[link](https://evil.invalid) ![picture](https://evil.invalid/a.png)",
    "[ref]: https://evil.invalid",
    "```\n# heading\n---\n> quote\n1. one",
    "**bold** _it_ ~~gone~~ `code` $x$",
    "@all #1 www.evil.invalid https://evil.invalid a@b.de",
    "\r\n\r\n/close\n",
    "\\",
)


def hostile_texts(n: int) -> list[str]:
    """Texts that try to be more than text, each another one."""
    random = Random(13)
    return [
        f"{i} "
        + random.choice((" ", "\n", "")).join(random.sample(FRAGMENTS, random.randint(1, 4)))
        for i in range(n)
    ]


def hostile_weekly(texts: Sequence[str]) -> Weekly:
    """Everything that a person or a model may have written is one of these texts."""
    take = cycle(texts)
    weekly = make_weekly(n_strata=2, n_weeks=10)
    names = {name: next(take) for name in NAMES[:2]}
    few = TooFew(reason=next(take), n=1)
    weeks = tuple(
        replace(
            week,
            name=next(take),
            build=week.build and next(take),
            missing=week.missing and next(take),
            changes=tuple(replace(c, before=next(take), after=next(take)) for c in week.changes),
            strata=tuple(
                replace(
                    item,
                    name=names.get(item.name, item.name),
                    missing=next(take) if week.monday == monday(9) else None,
                )
                for item in week.strata
            ),
        )
        for week in weekly.weeks
    )
    alarm = replace(_alarms()[1], scope=names[ALARMED], build=next(take), loss=few)
    comparison = _comparison("last week", 8, NAMES[:2])
    rows = tuple(replace(row, scope=names[row.scope], change=few) for row in comparison.strata)
    return replace(
        weekly,
        student=next(take),
        teacher=next(take),
        suite=next(take),
        headline=next(take),
        weeks=weeks,
        strata=tuple(replace(stratum, name=names[stratum.name]) for stratum in weekly.strata),
        comparisons=(replace(comparison, against=next(take), then_build=next(take), strata=rows),),
        evidence=tuple(
            replace(item, scope=names.get(item.scope, item.scope)) for item in weekly.evidence
        ),
        alarms=(alarm,),
        changed=tuple(
            query_change(
                i,
                names[NAMES[i % 2]],
                query_id=f"{i} {text}",
                prompt=text,
                now=text,
            )
            for i, text in enumerate(texts)
        ),
        flaky=tuple(
            FlakyQuery(query_id=next(take), stratum=next(take), n_flips=3, marks="101?<")
            for _ in range(3)
        ),
        null=next(take),
        costs=(next(take),),
        notes=(next(take), next(take)),
        n_changed={},
    )
