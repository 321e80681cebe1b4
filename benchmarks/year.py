"""A year of weekly runs, really made: 52 weeks, 26 builds of the embedded student, one page.

    pip install .
    python benchmarks/year.py --out /tmp/year [--last-monday 2026-11-23] [--example]

A build lives two weeks. Most builds are harmless, three are damaged on purpose in known weeks
(builds.py), and in known weeks the harness changes: another dtype, a new version of the suite, and
once a new tokenizer together with a new build. One week has no run, one too few queries, one too
many failures. Every run goes into a history, of which the weekly page is written. Last comes a
table: what the page says of each week, and beside it the truth, measured on fresh queries.

With greedy decoding a build answers the same question in the same way every week: between the two
weeks of a build nothing flips, and the second one costs no answer at all.

What is there already is kept, so an interrupted year goes on where it was. `--example` also puts
the page into docs/examples. With `--speed 0 --fresh 200` it took 11 minutes on two cores.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import yaml
from builds import BUILDS, SEED, Build, Truth, fresh_queries, make, truth, with_context

from tailqa.core.weekly import Weekly
from tailqa.demo import suite_file
from tailqa.demo.arithmetic import STRATA, Generator
from tailqa.report import format as shown
from tailqa.workflows.asking import Options
from tailqa.workflows.compare import run_compare
from tailqa.workflows.history import add_runs
from tailqa.workflows.weekly import write_weekly
from tailqa.workflows.weekly_choice import WeeklyOptions

N_WEEKS = 52
STUDENT = "embedded-student"
TRAFFIC = 100_000
EXAMPLE = Path(__file__).parents[1] / "docs" / "examples"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One week as it was meant: what ran, and what of the harness was new."""

    number: int
    monday: date
    build: Build
    dtype: str
    suite_version: int
    limit: int | None = None
    context_tokens: int | None = None
    left_out: bool = False

    @property
    def day(self) -> str:
        return self.monday.isoformat()


# New builds come in odd weeks; what changes in an even one changed alone.
NEW_DTYPE = 16
NO_RUN = 18
TOO_FEW = 31
NEW_SUITE = 32
WRONG_CONFIG = 34


def plan(last_monday: date) -> Iterator[Planned]:
    """The year, week 1 first; a build lives two weeks."""
    for number in range(1, N_WEEKS + 1):
        yield Planned(
            number=number,
            monday=last_monday - timedelta(weeks=N_WEEKS - number),
            build=BUILDS[(number - 1) // 2],
            dtype="bfloat16" if number < NEW_DTYPE else "float32",
            suite_version=1 if number < NEW_SUITE else 2,
            limit=5 if number == TOO_FEW else None,
            context_tokens=128 if number == WRONG_CONFIG else None,
            left_out=number == NO_RUN,
        )


def second_version(folder: Path, n_per_stratum: int) -> Path:
    """The embedded suite with other queries, drawn as the first were."""
    path = folder / "arithmetic-2.yaml"
    generator = Generator(seed=SEED, zipf=True, held_out=True)
    rows = [
        {"id": f"{name}-{index:04d}-v2", **asdict(problem)}
        for name in STRATA
        for index, problem in enumerate(generator.distinct(n_per_stratum, name), 1)
    ]
    data = folder / "arithmetic-2.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = yaml.safe_load(suite_file().read_text())
    suite |= {"version": 2, "source": {"file": data.name}}
    path.write_text(yaml.safe_dump(suite, sort_keys=False))
    return path


def run_of(week: Planned, arguments: argparse.Namespace, suites: dict[int, str]) -> Path | None:
    """The run folder of a week; made once, None for the week without one."""
    if week.left_out:
        return None
    runs, builds = arguments.out / "runs", arguments.out / "builds"
    finished = [path.parent for path in runs.glob(f"{week.day}_*/result.json")]
    if finished:
        return finished[0]
    made = make(week.build, builds)
    if week.context_tokens:
        made = with_context(made, builds, week.context_tokens)
    return run_compare(
        "demo:teacher",
        str(made),
        suites[week.suite_version],
        Options(
            dtype=week.dtype,
            limit=week.limit or arguments.limit,
            speed=arguments.speed,
            pipeline=arguments.pipeline,
            # The templates and terms of the suite are all that its traffic has.
            ignore_clusters=True,
            created=week.day,
            out=runs,
        ),
    ).folder


def monday(text: str) -> date:
    found = date.fromisoformat(text)
    if found.weekday():
        raise argparse.ArgumentTypeError(f"{text} is a {found:%A}, not a Monday")
    return found


def options() -> argparse.ArgumentParser:
    today = date.today()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "tailqa-year")
    parser.add_argument(
        "--last-monday", type=monday, default=today - timedelta(days=today.weekday())
    )
    parser.add_argument("--weeks", type=int, default=N_WEEKS, help="run only the first of them")
    parser.add_argument("--limit", type=int, help="queries per stratum, instead of all 200")
    parser.add_argument("--speed", type=int, default=8, help="queries per stratum timed")
    parser.add_argument("--pipeline", help="as of tailqa compare; none costs nothing")
    parser.add_argument("--fresh", type=int, default=500, help="queries per stratum of the truth")
    parser.add_argument(
        "--example", action="store_true", help="the page goes to docs/examples, too"
    )
    return parser


def page(weeks: Sequence[Planned], folders: Sequence[Path], out: Path) -> tuple[Weekly, Path]:
    """All runs into a history, and the weekly page of the whole year."""
    add_runs(folders, out / "history.db", student=STUDENT)
    written = write_weekly(
        str(out / "history.db"),
        WeeklyOptions(today=weeks[-1].monday, student=STUDENT, since=weeks[0].day, traffic=TRAFFIC),
        out / "page",
    )
    return written.weekly, written.paths[0].parent


def said_of(weekly: Weekly, weeks: Sequence[Planned]) -> Iterator[str]:
    """The alarms, one a row: which week they were found in, and which week they name."""
    number = {week.day: week.number for week in weeks}
    built = {week.day: week.build for week in weeks}
    yield "| scope | found in week | put in week | points lost | damage there | until week |"
    yield "|---|--:|--:|--:|---|--:|"
    for alarm in sorted(weekly.alarms, key=lambda alarm: alarm.monday):
        cells = (
            alarm.scope,
            str(number[alarm.monday]),
            str(number[alarm.since]),
            shown.bracketed(alarm.loss, shown.POINTS),
            built[alarm.since].damaged or "none",
            "open" if alarm.open else str(number[alarm.until]) if alarm.until else shown.NONE,
        )
        yield f"| {' | '.join(cells)} |"


def truth_of(truths: Sequence[Truth]) -> Iterator[str]:
    """Every build against the first, on fresh queries; and how many of its answers flipped."""
    yield f"| weeks | build | {' | '.join(STRATA)} | flips, % |"
    yield f"|---|---|{'--:|' * (len(STRATA) + 1)}"
    for build, found in zip(BUILDS, truths, strict=False):
        changes = [
            shown.bracketed(found.change(truths[0], name), shown.POINTS)
            if found is not truths[0]
            else f"{100 * found.accuracy(name):.1f} % right"
            for name in STRATA
        ]
        flips = sum(found.flips(truths[0], name) for name in STRATA) / len(STRATA)
        weeks = f"{2 * build.number - 1}–{2 * build.number}"
        yield f"| {weeks} | {build.done} | {' | '.join(changes)} | {100 * flips:.1f} |"


def breaks_of(weekly: Weekly, weeks: Sequence[Planned]) -> Iterator[str]:
    """The weeks in which a series begins, and those that are missing."""
    number = {week.day: week.number for week in weeks}
    for week in weekly.weeks:
        if week.cause in {"harness", "both"}:
            facets = ", ".join(change.facet for change in week.changes)
            yield f"week {number[week.monday]}: {week.cause} ({facets})"
        reasons = {item.missing for item in week.strata if item.missing} | {week.missing} - {None}
        if reasons:
            yield f"week {number[week.monday]}: missing ({'; '.join(map(str, sorted(reasons)))})"


def main() -> None:
    arguments = options().parse_args()
    for name in ("runs", "builds"):
        (arguments.out / name).mkdir(parents=True, exist_ok=True)
    suites = {1: "demo", 2: str(second_version(arguments.out, 300))}
    weeks = list(plan(arguments.last_monday))[: arguments.weeks]
    begin = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - begin:5.0f} s  {what}", flush=True)

    folders = []
    for week in weeks:
        folder = run_of(week, arguments, suites)
        folders += [folder] if folder else []
        say(f"week {week.number}: {folder.name if folder else 'no run'}")
    weekly, written = page(weeks, folders, arguments.out)
    say(f"page: {written}")
    print("\n".join(["", weekly.headline, "", *said_of(weekly, weeks), ""]))
    print("\n".join([*breaks_of(weekly, weeks), ""]), flush=True)
    queries = fresh_queries(arguments.fresh)
    made = [make(build, arguments.out / "builds") for build in BUILDS[: weeks[-1].build.number]]
    truths = [truth(folder, queries) for folder in made]
    say("the truth, on fresh queries:")
    print("\n".join(["", *truth_of(truths)]))
    if arguments.example:
        for name in ("html", "md"):
            shutil.copy(written / f"weekly.{name}", EXAMPLE / f"weekly-year.{name}")


if __name__ == "__main__":
    main()
