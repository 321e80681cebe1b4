"""Speed and memory against lm-eval's `hf` backend on the same prompts, in alternating processes.

    pip install "lm-eval[hf]" .
    python benchmarks/speed.py FOLDER --work choices --rows DEV.jsonl --shots TRAIN.jsonl
    python benchmarks/speed.py FOLDER --work drawn-shots --rows DEV.jsonl --shots TRAIN.jsonl
    python benchmarks/speed.py FOLDER --work generation --rows TEST.jsonl --shots TRAIN.jsonl
    python benchmarks/speed.py FOLDER --work again --rows DEV.jsonl --shots TRAIN.jsonl
    python benchmarks/speed.py FOLDER --work samples --rows TEST.jsonl --shots TRAIN.jsonl

tailqa gets the very texts that lm-eval's own task sends. `again` is `choices` once more from the
caches of both. `samples` is tailqa alone: five samples per prompt at temperature 0.8 in one run,
against five runs. Prints one JSON object per run and a last one with the medians: `answers_per_s`
counts from the loaded model to the last answer (steady state), `process_s` is the whole process,
`peak_mib` what it took above the loaded weights.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import SAMPLES, WORK

HERE = Path(__file__).parent


class Bench:
    """The runs of one comparison; files of all runs lie in `folder`."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.asked = folder / "asked.json"
        self.result = folder / "result.json"
        self.caches = folder / "caches"
        self.caches.mkdir()

    def peer(self, model: str, *more: str) -> dict[str, Any]:
        options = self.options
        values = ["--work", options.work, "--rows", options.rows, "--shots", options.shots]
        values += ["--limit", options.limit, "--batch-size", options.peer_batch_size]
        return self._run("peer_run.py", model, *map(str, values), *more)

    def ours(self, *more: str) -> dict[str, Any]:
        return self._run("our_run.py", self.options.model, "--asked", str(self.asked), *more)

    def _run(self, script: str, model: str, *more: str) -> dict[str, Any]:
        command = [sys.executable, str(HERE / script), model, "--dtype", self.options.dtype, *more]
        started = time.perf_counter()
        subprocess.run(
            [*command, "--result", str(self.result)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=None if self.options.verbose else subprocess.DEVNULL,
        )
        process_s = time.perf_counter() - started
        return {**json.loads(self.result.read_text()), "process_s": process_s}

    def turn(self) -> dict[str, dict[str, Any]]:
        """Both sides once, the prompts of ours being those that lm-eval sent."""
        model, caches = self.options.model, ("--caches", str(self.caches))
        if self.options.work == "again":
            if not self.asked.exists():
                self.peer(model, *caches)
                self.result.rename(self.asked)
                self.ours(*caches)
            return {"peer": self.peer(model, *caches), "ours": self.ours(*caches)}
        if self.options.work == "samples":
            self.peer("dummy")
            self.result.rename(self.asked)
            drawn = ("--temperature", "0.8", "--samples")
            apart = [self.ours(*drawn, json.dumps([n])) for n in range(SAMPLES)]
            together = self.ours(*drawn, json.dumps(list(range(SAMPLES))))
            return {"peer": summed(apart), "ours": together}
        peer = self.peer(model)
        self.result.rename(self.asked)
        return {"peer": peer, "ours": self.ours()}


def summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    totals = {key: sum(run[key] for run in runs) for key in ("seconds", "process_s")}
    return {**runs[0], **totals, "peak_mib": max(run["peak_mib"] for run in runs)}


def agreement(peer: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    same, largest = 0, 0.0
    for prompt, sample in peer.items():
        theirs, mine = sample["given"], ours[prompt]["given"]
        if isinstance(mine[0], str):
            same += theirs[0] == mine[0]
            continue
        theirs = [float(value) for value in theirs]
        same += theirs.index(max(theirs)) == mine.index(max(mine))
        largest = max(largest, *(abs(a - b) for a, b in zip(theirs, mine, strict=True)))
    return {"n": len(peer), "same_answer": same, "largest_logprob_difference": largest}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--work", choices=WORK, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--shots", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--peer-batch-size", default="1")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        turns = []
        for _ in range(options.runs):
            turns.append(bench.turn())
            for side, run in turns[-1].items():
                run["answers_per_s"] = len(run["answers"]) / run["seconds"]
                print(json.dumps({"side": side, **shown(run)}), flush=True)
    medians = {
        key: {side: statistics.median(turn[side][key] for turn in turns) for side in turns[0]}
        for key in ("answers_per_s", "process_s", "peak_mib")
    }
    found = agreement(turns[-1]["peer"]["answers"], turns[-1]["ours"]["answers"])
    ratio = medians["answers_per_s"]["ours"] / medians["answers_per_s"]["peer"]
    head = {"work": options.work, "dtype": options.dtype, "ratio": ratio}
    print(json.dumps(head | medians | found))


def shown(run: dict[str, Any]) -> dict[str, Any]:
    return {"n": len(run["answers"])} | {
        key: round(run[key], 3) for key in ("answers_per_s", "seconds", "process_s", "peak_mib")
    }


if __name__ == "__main__":
    main()
