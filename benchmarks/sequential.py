"""How many pairs an early stop takes, beside statgate's and a plain mixture of bets.

    python benchmarks/sequential.py [--streams 400] [--without-statgate]

Seeded streams of pairs with a given share of flips; every side reads the same ones. The verdict
is due at the margin: a correct pass at a gap of 0, a correct fail at twice the margin, none at the
margin itself. statgate (0.1.1) runs as its replay does, with its defaults, the same margin and
alpha, and `max_cases` raised to the length of the stream. It looks after every 25 pairs, tailqa
after every one ("blocks": after every 25, too). A stream that ends undecided counts as endless.
The plain mixture spreads the money evenly over 25 evenly spaced bets. Prints Markdown tables.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import numpy as np

from tailqa.stats import GapEProcess

Pairs = tuple[np.ndarray, np.ndarray]
Stops = tuple[str, float]
"""The verdict and the number of pairs it took (inf while undecided)."""

ALPHA, BLOCK, N_BOUNDARY = 0.05, 25, 5000
CASES = ((0.10, 0.05, 1500), (0.10, 0.03, 4000), (0.25, 0.05, 4000))
WIDE = (
    *((0.02, 0.01, 4000), (0.02, 0.02, 1500), (0.02, 0.05, 400), (0.05, 0.02, 2500)),
    *((0.10, 0.10, 300), (0.20, 0.03, 4000), (0.20, 0.10, 500), (0.40, 0.05, 3000)),
    (0.40, 0.10, 1000),
)
"""(flips, margin, length of the stream, more than twice the median)."""
AT_THE_MARGIN = (
    *((0.05, 0.05), (0.10, 0.05), (0.25, 0.05), (0.40, 0.05)),
    *((0.10, 0.03), (0.03, 0.03)),
)


def streams(flips: float, gap: float, n: int, times: int) -> Iterator[Pairs]:
    """Teacher and student, right or wrong; of the pairs without a flip seven in ten are right."""
    rng = np.random.default_rng([round(1000 * flips), round(1000 * (1 + gap)), n])
    for _ in range(times):
        draw, alike = rng.random(n), rng.random(n) < 0.7
        teacher_only, student_only = draw < (flips - gap) / 2, draw >= 1 - (flips + gap) / 2
        yield (alike | teacher_only) & ~student_only, (alike | student_only) & ~teacher_only


def ours(margin: float, teacher: np.ndarray, student: np.ndarray) -> Stops:
    process = GapEProcess(margin, alpha=ALPHA)
    while process.n < len(teacher) and process.verdict == "undecided":
        rows = slice(process.n, process.n + 500)
        process.extend(teacher[rows], student[rows])
    return process.verdict, process.decided_at or math.inf


def plain(margin: float, teacher: np.ndarray, student: np.ndarray) -> Stops:
    values = student.astype(float) - teacher + margin
    shares, stops = (np.arange(25) + 0.5) / 25, {}
    for verdict, sign, loss in (("pass", 1, 1 - margin), ("fail", -1, 1 + margin)):
        wealth = np.exp(np.cumsum(np.log1p(shares / loss * sign * values[:, None]), axis=0))
        crossed = np.flatnonzero(wealth.mean(axis=1) >= 1 / ALPHA)
        stops[verdict] = crossed[0] + 1 if len(crossed) else math.inf
    first = min(stops, key=lambda verdict: stops[verdict])
    return (first if stops[first] < math.inf else "undecided"), stops[first]


def statgate(margin: float, teacher: np.ndarray, student: np.ndarray) -> Stops:
    from statgate import EvalRecord, GateSettings, SequentialSettings
    from statgate.sequential_runner import run_replay

    sides = (
        [EvalRecord(case_id=f"{row:06d}", passed=right, score=right) for row, right in rows]
        for rows in (enumerate(teacher.tolist()), enumerate(student.tolist()))
    )
    gate = GateSettings(alpha=ALPHA, margin=margin)
    outcome = run_replay(*sides, gate, SequentialSettings(max_cases=len(teacher)))
    verdict = {"SHIP": "pass", "BLOCK": "fail"}.get(outcome.verdict.name, "undecided")
    return verdict, outcome.pairs_used if verdict != "undecided" else math.inf


def measured(side: Callable[..., Stops], margin: float, pairs: Iterator[Pairs]) -> list[Stops]:
    return [side(margin, teacher, student) for teacher, student in pairs]


def pairs_to(stops: list[Stops], verdict: str, block: int = 1) -> float:
    """Median pairs to the correct verdict; any other takes for ever."""
    taken = (n if found == verdict else math.inf for found, n in stops)
    return median(block * math.ceil(n / block) if n < math.inf else n for n in taken)


def share(stops: list[Stops], verdict: str) -> str:
    return f"{sum(found == verdict for found, _ in stops) / len(stops):.4f}"


def efficiency(sides: dict[str, Callable[..., Stops]], times: int) -> None:
    print(f"\n| flips | margin | verdict | {' | '.join(sides)} | tailqa in blocks |", end="")
    print(" ratio | ratio in blocks |\n" + "|---:" * (6 + len(sides)) + "|")
    for flips, margin, n in CASES:
        for verdict, gap in (("pass", 0.0), ("fail", -2 * margin)):
            stops = {
                name: measured(side, margin, streams(flips, gap, n, times))
                for name, side in sides.items()
            }
            taken = {name: pairs_to(found, verdict) for name, found in stops.items()}
            blocks = pairs_to(stops["tailqa"], verdict, BLOCK)
            peer = taken.get("statgate", math.nan)
            cells = [flips, margin, verdict, *(f"{value:,.0f}" for value in taken.values())]
            cells += [f"{blocks:,.0f}", f"{taken['tailqa'] / peer:.2f}", f"{blocks / peer:.2f}"]
            print("|", " | ".join(map(str, cells)), "|", flush=True)


def wide(times: int) -> None:
    print("\n| flips | margin | gap in margins | plain | tailqa | ratio |\n" + "|---:" * 6 + "|")
    for flips, margin, n in WIDE:
        for verdict, gaps in (("pass", (0.0, 1.0)), ("fail", (-2.0, -3.0))):
            for gap in (gap for gap in gaps if abs(gap) * margin <= flips + 1e-12):
                old, new = (
                    pairs_to(
                        measured(side, margin, streams(flips, gap * margin, n, times)), verdict
                    )
                    for side in (plain, ours)
                )
                print(f"| {flips} | {margin} | {gap:+.0f} | {old:,.0f} | {new:,.0f} |", end="")
                print(f" {new / old:.2f} |", flush=True)


def errors(sides: dict[str, Callable[..., Stops]], times: int) -> None:
    names = " | ".join(f"{name}: false pass | false fail" for name in sides)
    print(f"\n| flips | margin | {names} |\n" + "|---:" * (2 + 2 * len(sides)) + "|")
    for flips, margin in AT_THE_MARGIN:
        cells: list[object] = [flips, margin]
        for side in sides.values():
            stops = measured(side, margin, streams(flips, -margin, N_BOUNDARY, times))
            cells += [share(stops, "pass"), share(stops, "fail")]
        print("|", " | ".join(map(str, cells)), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=400)
    parser.add_argument("--without-statgate", action="store_true")
    options = parser.parse_args()
    sides = {"tailqa": ours, "plain mixture": plain}
    if not options.without_statgate:
        sides["statgate"] = statgate
    started = time.perf_counter()
    for part in (partial(efficiency, sides), wide, partial(errors, sides)):
        part(options.streams)
    print(f"\n{options.streams} streams each, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
