"""The weekly alarms by simulation: how often they are false, how late a true one is.

    python benchmarks/alarms.py [--series 2000]

Ten strata of 300 queries a week, 70 to 90 % of them lastingly right; the whole is the eleventh
scope. Seeded, compiled by numba, with the constants of tailqa.stats.regression; before it starts,
it must agree with `regression_evidence`. Prints Markdown tables, after 20 minutes of one core.

noise "flips": two weeks of one build differ in 5 % of the queries (as the noise floor is told),
all alike. "flaky": the same 5 %, all of it in one query of ten that answers by the coin. "off":
5 % of answers differ from the query's lasting state, so that 9.5 % flip.
builds "every week": each build turns 5 % of the queries for good, as many up as down, by a
reversible chain, so that accuracy on the traffic stays where it is.
suite "drawn": every week 300 of a pool of 3,600, at random.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product

import numba
import numpy as np

from tailqa.stats.regression import (
    BETS,
    FADING,
    SHARES,
    alarm_log_threshold,
    regression_evidence,
)

N_STRATA, N_ASKED, N_POOL, MEMORY = 10, 300, 3600, 26
STATED_WEEKS, WEEKS, AFTER = 104, 130, 12
ACCURACIES = np.linspace(0.7, 0.9, N_STRATA)
THRESHOLD = alarm_log_threshold(STATED_WEEKS, N_STRATA + 1)
NOISES = {"flips": ((1 - math.sqrt(0.9)) / 2, 1.0), "off": (0.05, 1.0), "flaky": (0.5, 0.1)}
"""The chance that an answer is not the query's lasting one, and the share of queries like that."""
BETS_AT, SHARES_AT = np.array(BETS), np.array(SHARES)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Who asks what: `build_every` weeks a new build (0: never), a loss of `drop` after `quiet`."""

    noise: str = "flips"
    drawn: bool = False
    build_every: int = 0
    drop: float = 0.0
    quiet: int = WEEKS

    @property
    def weeks(self) -> int:
        return self.quiet + AFTER if self.drop else WEEKS


@numba.njit(nogil=True)
def play(marks, accuracy, answers, loss):
    """Fills marks (weeks, pool) with what a stratum answers; −1 where a query is not asked."""
    weeks, pool = marks.shape
    (asked, error, flaky, build_every), (drop_week, drop) = answers, loss
    states, errors = np.random.random(pool) < accuracy, np.full(pool, error)
    errors[np.random.random(pool) >= flaky] = 0.0
    queue = np.arange(pool)
    for week in range(weeks):
        if build_every and week and week % build_every == 0:
            up, down = 0.025 / (1 - accuracy), 0.025 / accuracy
            for i in range(pool):
                draw = np.random.random()
                states[i] = draw >= down if states[i] else draw < up
        if week == drop_week:
            accuracy *= 1 - drop
            for i in range(pool):
                states[i] = states[i] and np.random.random() >= drop
        marks[week] = -1
        for place in range(asked):
            if asked < pool:
                other = np.random.randint(place, pool)
                queue[place], queue[other] = queue[other], queue[place]
            i = queue[place]
            marks[week, i] = states[i] != (np.random.random() < errors[i])


@numba.njit(nogil=True, fastmath=True)
def log_product(values, bet):
    product = 1.0
    for i in range(values.shape[0]):  # numba takes several at a time in this form only
        product *= 1.0 - bet * values[i]
    return math.log(product)


@numba.njit(nogil=True, fastmath=True)
def changes(hits, hits_at, count, before, out):
    """Where all are asked every week: no branch, so that the compiler takes several at a time."""
    for i in range(out.shape[0]):
        out[i] = (hits[i] - hits_at[i]) / count - before[i]


@numba.njit(nogil=True, fastmath=True)
def redrawn(asked, sums, kept, now, then):
    """Where some are asked: their changes as they are now and as they were, 0 where not known."""
    (hits, times), (hits_at, times_at, before, change) = sums, kept
    for k in range(asked.shape[0]):
        i = asked[k]
        found = (hits[i] - hits_at[i]) / (times[i] - times_at[i]) - before[i]
        then[k], now[k] = change[i], found if before[i] >= 0 else 0.0
        change[i] = now[k]


@numba.njit(nogil=True)
def fade(top, bottom, before):
    """The means of the weeks so far, −1 where there is none, which count less from now on."""
    for i in range(len(top)):
        before[i] = top[i] / bottom[i] if bottom[i] > 0 else -1.0
        top[i], bottom[i] = top[i] * FADING, bottom[i] * FADING


@numba.njit(nogil=True)
def weigh(marks, logs):
    """Adds to logs (weeks, memory, bets) the log wealth of week and week of change mod memory.

    A query's factor is put anew in the weeks that ask it, and stays in the others.
    """
    weeks, pool = marks.shape
    memory, n_bets = logs.shape[1:]
    hits, times, top, bottom = np.zeros((4, pool), np.float32)
    hits_at, times_at, before, change = np.zeros((4, memory, pool), np.float32)
    now, then, running = np.zeros(pool), np.zeros(pool), np.zeros((memory, n_bets))
    for week in range(weeks):
        slot = week % memory
        hits_at[slot], times_at[slot], change[slot], running[slot] = hits, times, 0.0, 0.0
        asked = np.flatnonzero(marks[week] >= 0)
        fade(top, bottom, before[slot])
        for i in asked:
            hit = float(marks[week, i])
            hits[i], times[i] = hits[i] + hit, times[i] + 1
            top[i], bottom[i] = top[i] + hit, bottom[i] + 1
        new, old = now[: len(asked)], then[: len(asked)]
        for tau in range(max(1, week + 1 - memory), week + 1):
            at = tau % memory
            if len(asked) == pool:
                changes(hits, hits_at[at], week + 1 - tau, before[at], new)
                running[at] = 0.0
            else:
                kept = hits_at[at], times_at[at], before[at], change[at]
                redrawn(asked, (hits, times), kept, new, old)
            for b in range(n_bets):
                running[at, b] += log_product(new, BETS_AT[b])
                if len(asked) < pool:
                    running[at, b] -= log_product(old, BETS_AT[b])
        logs[week] += running


@numba.njit(nogil=True)
def decide(logs, evidence, since):
    """ln M and the likeliest week of change, of every week, from `weigh`'s logs."""
    weeks, memory, n_bets = logs.shape
    for week in range(weeks):
        most, total = -np.inf, 0.0
        for tau in range(max(1, week + 1 - memory), week + 1):
            wealth = 0.0
            for b in range(n_bets):
                wealth += SHARES_AT[b] * math.exp(logs[week, tau % memory, b])
            total += wealth
            if wealth > most:
                most, since[week] = wealth, tau
        evidence[week] = math.log(total) if total else -np.inf


@numba.njit(nogil=True)
def simulate(seed, marks, answers, loss, found):
    """Fills found, ln M and the likeliest week (scopes, weeks); the first stratum has the loss.

    `marks` (weeks, pool) is room to work in, and holds the last stratum in the end.
    """
    np.random.seed(seed)
    evidence, since = found
    weeks, n_strata = len(marks), len(evidence) - 1
    whole = np.zeros((weeks, MEMORY, len(BETS_AT)))
    for s in range(n_strata):
        logs = np.zeros((weeks, MEMORY, len(BETS_AT)))
        play(marks, ACCURACIES[s], answers, loss if s == 0 else (weeks, 0.0))
        weigh(marks, logs)
        decide(logs, evidence[s], since[s])
        whole += logs
    decide(whole, evidence[n_strata], since[n_strata])


def run(scene: Scene, n_series: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln M and the likeliest week, (series, scopes, weeks), and the marks of the last stratum."""
    pool = N_POOL if scene.drawn else N_ASKED
    # Only the stratum that loses is looked at there, and no other knows of it.
    n_scopes = 1 + (1 if scene.drop else N_STRATA)
    evidence = np.empty((n_series, n_scopes, scene.weeks), np.float32)
    since = np.zeros(evidence.shape, np.int32)
    seeds = np.random.SeedSequence(20261126).generate_state(n_series)
    error, flaky = NOISES[scene.noise]
    answers = (N_ASKED, error, flaky, scene.build_every)
    lost = scene.drop / (ACCURACIES[0] * (1 - 2 * error * flaky))

    def one(index: int) -> np.ndarray:
        marks = np.empty((scene.weeks, pool), np.int8)
        simulate(seeds[index], marks, answers, (scene.quiet, lost), (evidence[index], since[index]))
        return marks

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return evidence, since, list(threads.map(one, range(n_series)))[-1]


def verify() -> None:
    """The compiled detector against the library's, on a series of either suite."""
    for drawn in (False, True):
        evidence, since, marks = run(Scene(drawn=drawn, build_every=4), 2)
        weeks = regression_evidence(marks, memory=MEMORY)[1:]
        ours = [week.log_evidence for week in weeks], [week.since for week in weeks]
        np.testing.assert_allclose(evidence[-1, N_STRATA - 1, 1:], ours[0], atol=1e-3)
        np.testing.assert_array_equal(since[-1, N_STRATA - 1, 1:], ours[1])


def with_error(values: np.ndarray, digits: int) -> str:
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1) / math.sqrt(len(values)):.{digits}f}"


def first_alarms(evidence: np.ndarray) -> np.ndarray:
    """Weeks to the first alarm of the page; the number of weeks where there is none."""
    alarmed = (evidence >= THRESHOLD).any(axis=1)
    return np.where(alarmed.any(axis=1), alarmed.argmax(axis=1), evidence.shape[2])


def false_alarms(scene: Scene, n_series: int) -> str:
    evidence, _, _ = run(scene, n_series)
    weeks = first_alarms(evidence)
    within = np.minimum(weeks, STATED_WEEKS) < STATED_WEEKS
    n_alarms = int((weeks < scene.weeks).sum())
    rate = f"{weeks.sum() / n_alarms:,.0f}" if n_alarms else "–"
    return f"{with_error(weeks, 1)} | {rate} | {with_error(within, 3)}"


def delays(scene: Scene, n_series: int) -> str:
    """Of the stratum that lost, where the page had been quiet; the week of the loss counts as 1."""
    evidence, since, _ = run(scene, n_series)
    quiet = first_alarms(evidence[:, :1]) >= scene.quiet
    alarmed = evidence[quiet, 0, scene.quiet :] >= THRESHOLD
    found = alarmed.any(axis=1)
    delay = np.where(found, alarmed.argmax(axis=1) + 1, AFTER + 1)
    dated = since[quiet, 0, scene.quiet :][found, delay[found] - 1]
    near = np.abs(dated - scene.quiet) <= 1
    middle = np.median(delay)
    shown = f"{middle:g}" if middle <= AFTER else f"> {AFTER}"
    shares = (with_error(values, 3) for values in (delay <= 3, found, near))
    return f"{shown} | {' | '.join(shares)} | {quiet.mean():.3f}"


def named(scene: Scene) -> str:
    builds = {0: "none", 1: "every week"}.get(scene.build_every, f"every {scene.build_every} weeks")
    return f"{'drawn' if scene.drawn else 'fixed'} | {builds} | {scene.noise}"


SETTINGS = [
    Scene(drawn=drawn, build_every=every, noise=noise)
    for drawn, every, noise in product((False, True), (0, 1, 4), NOISES)
    if noise == "flips" or (every == 0 and not drawn)
    if not (drawn and every == 1)
]


def scenes() -> Iterator[Scene]:
    for scene in SETTINGS:
        for drop in (0.05, 0.10):
            for quiet in (12, 26):
                yield replace(scene, drop=drop, quiet=quiet)


def header(words: str, numbers: str) -> None:
    n_words, n_numbers = words.count("|") + 1, numbers.count("|") + 1
    print(f"\n| {words} | {numbers} |\n{'|---' * n_words}{'|---:' * n_numbers}|")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--series", type=int, default=2000)
    options = parser.parse_args()
    started = time.perf_counter()
    verify()
    print(
        f"ln M of an alarm: {THRESHOLD:.3f}; {options.series} series; false alarms: {WEEKS} weeks"
    )
    setting, stated = "suite | builds | noise", f"within {STATED_WEEKS} weeks"
    header(setting, f"weeks until a false alarm, at least | weeks per false alarm | {stated}")
    for scene in SETTINGS:
        print(f"| {named(scene)} | {false_alarms(scene, options.series)} |", flush=True)
    found = f"median weeks | within 3 | within {AFTER} | dated within a week | quiet until then"
    header(setting, f"points lost | quiet weeks before | {found}")
    for scene in scenes():
        about = f"{named(scene)} | {100 * scene.drop:.0f} | {scene.quiet}"
        print(f"| {about} | {delays(scene, options.series)} |", flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
