"""Replay of the embedded pair on thousands of its own unseen queries: prediction and observation.

    python benchmarks/replay.py [--queries 8000] [--requests 2000] [--out /tmp/replay]

The embedded suite has 800 queries, of which half predict; what they do not share with the other
half is then a large part of every difference. Here as many as one asks for are drawn by the suite's
own generator (computations that neither model was trained on), in the proportions of the traffic,
answered five times each at temperature 0.8, and replayed through the five stages of the shipped
pipeline rag with four clients in closed loop, the student alone and with escalation. Prints the
table of `tailqa replay`. A quarter of an hour on two cores that do nothing else.
"""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import yaml

from tailqa.demo import suite_file
from tailqa.demo.arithmetic import Generator
from tailqa.report.replay_table import render_replay
from tailqa.workflows.asking import Options
from tailqa.workflows.compare import run_compare
from tailqa.workflows.replay import run_replay
from tailqa.workflows.replay_run import ReplayOptions

SEED = 20_261_125


def suite_of(n: int, folder: Path) -> Path:
    """The embedded suite with `n` other queries by traffic, each on its own."""
    suite = yaml.safe_load(suite_file().read_text())
    generator = Generator(seed=SEED, zipf=True, held_out=True)
    rows = [
        {"id": f"{stratum['name']}-{index:05d}", **asdict(problem)}
        for stratum in suite["strata"]
        for index, problem in enumerate(
            generator.distinct(round(n * stratum["weight"]), stratum["name"]), 1
        )
    ]
    data = folder / "traffic.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite |= {"name": "arithmetic-traffic", "source": {"file": data.name}}
    del suite["cluster"]
    path = folder / "traffic.yaml"
    path.write_text(yaml.safe_dump(suite, sort_keys=False))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=8_000)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "tailqa-replay")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    suite = suite_of(args.queries, args.out)
    run = run_compare(
        "demo:teacher",
        "demo:student",
        str(suite),
        Options(samples=5, temperature=0.8, speed=0, pipeline="none", out=args.out),
    )
    replay = run_replay(
        run.folder,
        "rag",
        (None, None),
        ReplayOptions(
            suite=str(suite),
            sets={"arrivals": f"{{kind: closed, clients: {args.clients}}}"},
            options=("student", "escalated"),
            requests=args.requests,
            rounds=20,
            speed=30,
        ),
    )
    print(render_replay(replay.replayed, width=110))


if __name__ == "__main__":
    main()
