"""The simulation of a line against simpy: the same requests, in turns, in one process.

    python benchmarks/simulation.py [speed] [erlang] [agreement] [--requests 1000000]
        [--peer-requests 50000] [--rounds 3] [--replications 16]

Three parts, all unless named. Speed on a plain line of five stages: requests per second of ours
on two threads (two halves), of ours on one, and of simpy. M/M/c: the mean wait of ours against
Erlang C, with its standard error over replications. Agreement with simpy on three lines with
retries and escalation: mean and p99 of the seconds end to end, with the standard error of the
difference.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import simpy

sys.path.insert(0, str(Path(__file__).parents[1]))

from tailqa.cost.queueing import mmc_wait
from tailqa.cost.simulation import simulate, simulate_many
from tests.cost.line_cases import WITH_RETRIES, load, plain
from tests.cost.simpy_line import Line

PARTS = ["speed", "erlang", "agreement"]
STAGES = 5
RATE = 0.7


def plain_in_simpy(n: int) -> float:
    """The plain line with as little around simpy as it can have; the mean seconds end to end."""
    env, rng = simpy.Environment(), random.Random(0)
    stages = [simpy.Resource(env, 1) for _ in range(STAGES)]
    latencies = []

    def request():
        arrival_s = env.now
        for stage in stages:
            with stage.request() as turn:
                yield turn
                yield env.timeout(rng.expovariate(1.0))
        latencies.append(env.now - arrival_s)

    def send():
        for _ in range(n):
            yield env.timeout(rng.expovariate(RATE))
            env.process(request())

    env.process(send())
    env.run()
    return sum(latencies) / n


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def speed(n: int, n_peer: int, rounds: int) -> None:
    system, rng = plain(), np.random.default_rng(0)
    whole, halves = load(n, RATE), [load(n // 2, RATE, seed) for seed in (1, 2)]
    first_s = timed(lambda: simulate(system, load(10, RATE), rng=rng))[0]
    print(f"first call, with compiling unless it is kept: {first_s:.1f} s")
    ways = {
        "ours, two halves on two threads": (
            n,
            lambda: list(simulate_many([(system, half) for half in halves], rng=rng, workers=2)),
        ),
        "ours, one thread": (n, lambda: simulate(system, whole, rng=rng)),
        "simpy": (n_peer, lambda: plain_in_simpy(n_peer)),
    }
    taken = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (_, work) in ways.items():
            taken[name].append(timed(work))
    peer = min(s for _, s in taken["simpy"]) / n_peer
    for name, (count, _) in ways.items():
        clock, processor = (min(values) for values in zip(*taken[name], strict=True))
        print(
            f"{name}: {count:,} requests in {clock:.2f} s ({processor:.2f} s of the processor), "
            f"{count / clock:,.0f}/s, {peer * count / processor:.0f} times simpy per processor s"
        )


def erlang(n: int, replications: int) -> None:
    for servers in (1, 2, 4):
        for utilisation in (0.5, 0.8, 0.9):
            rate = servers * utilisation
            rng, waits = np.random.default_rng(1), np.empty(replications)
            for seed in range(replications):
                found = simulate(plain(1, servers), load(n, rate, seed), rng=rng)
                waits[seed] = found.waited_s[0] / found.visits[0]
            error = waits.std(ddof=1) / replications**0.5
            exact = mmc_wait(servers, rate, 1.0)
            print(
                f"M/M/{servers} at {utilisation}: {waits.mean():.4f} s, Erlang C {exact:.4f} s, "
                f"off by {waits.mean() / exact - 1:+.2%} ± {error / exact:.2%}"
            )


def agreement(n: int, rounds: int) -> None:
    for name, (make, rate) in WITH_RETRIES.items():
        system, rows = make(), []
        for seed in range(rounds):
            asked = load(n, rate, 100 + seed)
            other = Line(system, asked, seed).run().latency_s
            jobs = [(system, asked)] * 8
            found = simulate_many(jobs, rng=np.random.default_rng(seed))
            ours = [one.finish_s - one.arrival_s for one in found]
            p99 = np.mean([np.quantile(latency, 0.99) for latency in ours])
            rows.append((np.mean(ours) / other.mean() - 1, p99 / np.quantile(other, 0.99) - 1))
        mean, error = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / rounds**0.5
        print(
            f"{name}: mean {mean[0]:+.2%} ± {error[0]:.2%}, p99 {mean[1]:+.2%} ± {error[1]:.2%}, "
            f"{rounds} times {n:,} requests of simpy"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    # Of no parts at all argparse would say that they are not among the choices.
    parser.add_argument("parts", nargs="*", default="all", choices=[*PARTS, "all"])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--peer-requests", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replications", type=int, default=16)
    options = parser.parse_args()
    parts = PARTS if "all" in options.parts else options.parts
    if "speed" in parts:
        speed(options.requests, options.peer_requests, options.rounds)
    if "erlang" in parts:
        erlang(options.requests, options.replications)
    if "agreement" in parts:
        agreement(options.peer_requests, options.rounds)


if __name__ == "__main__":
    main()
