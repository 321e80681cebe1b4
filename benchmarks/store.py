"""How fast finished answers come back from the response store, and what a long suite takes.

    python benchmarks/store.py --queries 14000
    python benchmarks/store.py --queries 100000

A scripted engine answers once, then everything is asked again in a new process. The prompts have
2,000 characters each, as five shots and a question have. Prints one JSON object.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tailqa.core.ports import Request, Silent
from tailqa.core.query import Generation
from tailqa.engine import ResponseStore, ScriptedEngine, answer

SHOTS = "Question: how many days does a week have?\nAnswer: a week has seven days.\n\n" * 26


def ask(store: Path, n: int) -> dict[str, float]:
    requests = [
        Request(
            query_id=f"q{number}",
            prompt=f"{SHOTS}Question: what is {number} plus one?\nAnswer:",
            generation=Generation(max_tokens=64),
        )
        for number in range(n)
    ]
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    engine = ScriptedEngine(lambda request: f"It is one more than {request.query_id}.")
    started = time.perf_counter()
    with ResponseStore(store) as responses:
        answers = answer(engine, responses, requests, progress=Silent(), task="ours")
    seconds = time.perf_counter() - started
    if len(answers) != n:
        sys.exit(f"{len(answers)} answers to {n} queries")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - held
    return {"seconds": round(seconds, 2), "run": engine.n_attempts, "peak_mib": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=14_000)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    if options.store:
        print(json.dumps(ask(options.store, options.queries)))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--queries", str(options.queries), "--store"]
        turns = [
            json.loads(subprocess.check_output([*command, f"{folder}/responses.db"]))
            for _ in range(2)
        ]
        stored = (Path(folder) / "responses.db").stat().st_size / 2**20
    first, again = turns
    print(json.dumps({"queries": options.queries, "first": first, "again": again, "mib": stored}))


if __name__ == "__main__":
    main()
