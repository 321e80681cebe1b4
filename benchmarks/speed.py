"""Speed and memory against lm-eval's `hf` backend on the same prompts, in alternating processes.

    pip install "lm-eval[hf]" .
    python benchmarks/speed.py FOLDER --work choices --rows DEV.jsonl --shots TRAIN.jsonl
    python benchmarks/speed.py FOLDER --work drawn-shots --rows DEV.jsonl --shots TRAIN.jsonl
    python benchmarks/speed.py FOLDER --work generation --rows TEST.jsonl --shots TRAIN.jsonl

lm-eval runs its own task definition; only the place of the rows, the draw of the shots and the
number of new tokens are set. tailqa gets the very texts that lm-eval sent. Every run is a process
of its own with the same number of threads. Prints one JSON object per run and a last one with the
medians: `answers_per_s` counts from the loaded model to the last answer (steady state),
`process_s` is the whole process, `peak_mib` what it took above the loaded weights.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from agreement import read, write

WORK = {
    "choices": ("commonsense_qa/default.yaml", "validation", 5),
    "drawn-shots": ("commonsense_qa/default.yaml", "validation", 5),
    "generation": ("gsm8k/gsm8k.yaml", "test", 4),
}
NEW_TOKENS = 128


def peer_task(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """lm-eval's own task on local rows."""
    import importlib.resources

    import yaml

    definition, split, _ = WORK[options.work]
    text = (importlib.resources.files("lm_eval") / "tasks" / definition).read_text("utf-8")
    task: dict[str, Any] = yaml.safe_load(text)
    task.pop("dataset_name", None)
    task.pop("tag", None)
    files = {
        split: str(write(folder / "rows.jsonl", read(options.rows, options.limit))),
        "train": str(write(folder / "shots.jsonl", read(options.shots))),
    }
    sampler = "default" if options.work == "drawn-shots" else "first_n"
    task |= {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "fewshot_split": "train",
        "fewshot_config": {"sampler": sampler},
    }
    if options.work == "generation":
        task["generation_kwargs"]["max_gen_toks"] = NEW_TOKENS
    return task


def run_peer(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    import lm_eval
    from lm_eval.models.huggingface import HFLM

    spent: list[float] = []

    class Timed(HFLM):  # type: ignore[misc]
        def loglikelihood(self, *args: Any, **more: Any) -> Any:
            return timed(super().loglikelihood, *args, **more)

        def generate_until(self, *args: Any, **more: Any) -> Any:
            return timed(super().generate_until, *args, **more)

    def timed(function: Any, *args: Any, **more: Any) -> Any:
        started = time.perf_counter()
        result = function(*args, **more)
        spent.append(time.perf_counter() - started)
        return result

    model = Timed(
        pretrained=options.model,
        dtype=options.dtype,
        device="cpu",
        batch_size=options.peer_batch_size,
    )
    loaded_mib = resident_mib()
    results = lm_eval.simple_evaluate(
        model=model,
        tasks=[peer_task(options, folder)],
        num_fewshot=WORK[options.work][2],
        log_samples=True,
        bootstrap_iters=0,
    )
    (samples,) = results["samples"].values()
    unique = {json.dumps(sample["doc"], default=str): sample for sample in samples}.values()
    answers = {
        sample["arguments"][0][0]: {
            "arguments": [argument[1] for argument in sample["arguments"]],
            "given": [
                resp[0][0] if options.work != "generation" else resp[0] for resp in sample["resps"]
            ],
        }
        for sample in unique
    }
    return {"seconds": sum(spent), "loaded_mib": loaded_mib, "answers": answers}


def run_ours(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tailqa.core.answer import Answered
    from tailqa.core.ports import Request, Silent
    from tailqa.core.query import Generation
    from tailqa.engine import ResponseStore, answer, open_engine

    asked: dict[str, Any] = json.loads(options.answers.read_text())
    requests = []
    for prompt, sample in asked.items():
        until = sample["arguments"][0]
        requests.append(
            Request(
                query_id=prompt,
                prompt=prompt,
                generation=Generation(max_tokens=until["max_gen_toks"], stop=tuple(until["until"]))
                if isinstance(until, dict)
                else Generation(),
                choices=() if isinstance(until, dict) else tuple(sample["arguments"]),
            )
        )
    engine = open_engine(options.model, device="cpu", dtype=options.dtype)
    loaded_mib = resident_mib()
    started = time.perf_counter()
    with ResponseStore(folder / "responses.db") as store:
        answers = answer(engine, store, requests, progress=Silent(), task="ours")
    seconds = time.perf_counter() - started
    failed = [given for given in answers if not isinstance(given, Answered)]
    if failed:
        sys.exit(f"{len(failed)} queries failed, first: {failed[0]}")
    attempts = {given.query_id: given.attempts[0] for given in answers}
    return {
        "seconds": seconds,
        "loaded_mib": loaded_mib,
        "answers": {
            prompt: {"given": list(attempt.choice_logprobs or [attempt.text])}
            for prompt, attempt in attempts.items()
        },
    }


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def child(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = run_peer if options.child == "peer" else run_ours
        result = run(options, Path(folder))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["peak_mib"] = peak_mib - result["loaded_mib"]
    options.result.write_text(json.dumps(result))


def spawn(options: argparse.Namespace, side: str, folder: Path) -> dict[str, Any]:
    result = folder / f"{side}.json"
    command = [sys.executable, __file__, *sys.argv[1:], "--child", side, "--result", str(result)]
    started = time.perf_counter()
    subprocess.run(
        [*command, "--answers", str(folder / "peer.json.answers")],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if not options.verbose else None,
    )
    process_s = time.perf_counter() - started
    values: dict[str, Any] = json.loads(result.read_text())
    answers = values.pop("answers")
    if side == "peer":
        (folder / "peer.json.answers").write_text(json.dumps(answers))
    run = {
        "side": side,
        "n": len(answers),
        "answers_per_s": len(answers) / values["seconds"],
        "process_s": process_s,
        "peak_mib": values["peak_mib"],
    }
    print(json.dumps(run), flush=True)
    return {**run, "answers": answers}


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
    for hidden in ("--child", "--result", "--answers"):
        parser.add_argument(
            hidden, help=argparse.SUPPRESS, type=str if hidden == "--child" else Path
        )
    options = parser.parse_args()
    if options.child:
        child(options)
        return
    runs: dict[str, list[dict[str, Any]]] = {"peer": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.runs):
            for side, done in runs.items():
                done.append(spawn(options, side, Path(folder)))
    medians = {
        key: {side: statistics.median(run[key] for run in done) for side, done in runs.items()}
        for key in ("answers_per_s", "process_s", "peak_mib")
    }
    ratio = medians["answers_per_s"]["ours"] / medians["answers_per_s"]["peer"]
    same = agreement(runs["peer"][-1]["answers"], runs["ours"][-1]["answers"])
    print(
        json.dumps(
            {"work": options.work, "dtype": options.dtype, "ratio": ratio, **medians, **same}
        )
    )


if __name__ == "__main__":
    main()
