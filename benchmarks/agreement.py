"""Item by item: does tailqa send the prompts and get the answers that lm-eval's `hf` backend gets?

    pip install "lm-eval[hf]" .
    python benchmarks/agreement.py FOLDER --task commonsense --rows DEV.jsonl --shots TRAIN.jsonl
    python benchmarks/agreement.py FOLDER --task gsm8k --rows TEST.jsonl --shots TRAIN.jsonl

Both run in float32 on the same model folder, on the first --limit rows, with the first
--num-fewshot rows of --shots as shots. lm-eval uses its own task definition; only the place of the
rows and the draw of the shots (first_n) are changed. Prints one JSON object. `--samples FILE`
keeps lm-eval's samples, or takes them from FILE when it exists.
"""

import argparse
import importlib.resources
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TASKS = {
    "commonsense": ("commonsense_qa/default.yaml", "commonsense", "validation"),
    "gsm8k": ("gsm8k/gsm8k.yaml", "gsm8k-steps", "test"),
}


def read(path: Path, n: int | None = None) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()[:n]]
    return [hub_shape(row) for row in rows]


def hub_shape(row: dict[str, Any]) -> dict[str, Any]:
    """The original CommonsenseQA release nests question and choices; the hub's rows are flat."""
    if not isinstance(row.get("question"), dict):
        return row
    inner = row["question"]
    choices = {key: [choice[key] for choice in inner["choices"]] for key in ("label", "text")}
    return {
        "id": row["id"],
        "question": inner["stem"],
        "question_concept": inner["question_concept"],
        "choices": choices,
        "answerKey": row["answerKey"],
    }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def peer(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """lm-eval's samples: context, continuation or until, and what came back."""
    import lm_eval
    import yaml

    definition, _, split = TASKS[arguments.task]
    text = (importlib.resources.files("lm_eval") / "tasks" / definition).read_text("utf-8")
    task = yaml.safe_load(text)
    task.pop("dataset_name", None)
    task.pop("tag", None)
    files = {
        split: str(write(folder / "rows.jsonl", read(arguments.rows, arguments.limit))),
        "train": str(write(folder / "shots.jsonl", read(arguments.shots))),
    }
    task |= {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "fewshot_split": "train",
        "fewshot_config": {"sampler": "first_n"},
    }
    started = time.perf_counter()
    results = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": arguments.model, "dtype": "float32"},
        tasks=[task],
        num_fewshot=arguments.num_fewshot,
        batch_size=arguments.batch_size,
        device="cpu",
        log_samples=True,
        bootstrap_iters=0,
    )
    (samples,) = results["samples"].values()
    kept = [
        {"arguments": sample["arguments"], "resps": sample["resps"]}
        for sample in {json.dumps(s["doc"], default=str): s for s in samples}.values()
    ]
    return {"seconds": time.perf_counter() - started, "samples": kept}


def ours(arguments: argparse.Namespace, folder: Path) -> tuple[float, dict[str, Any]]:
    """Attempts of tailqa by the text that was sent."""
    from tailqa.core.answer import Answered
    from tailqa.core.ports import Request, Silent
    from tailqa.engine import ResponseStore, answer, open_engine
    from tailqa.workflows.suites import load_suite

    _, name, split = TASKS[arguments.task]
    rows = write(folder / "ours.jsonl", read(arguments.rows, arguments.limit))
    shots = write(folder / "our-shots.jsonl", read(arguments.shots))
    suite = load_suite(
        name, sources={"": rows, split: rows, "train": shots}, num_fewshot=arguments.num_fewshot
    )
    requests = [
        Request(
            query_id=query.id,
            prompt=query.prompt,
            generation=suite.generation,
            choices=query.choices,
        )
        for query in suite.queries
    ]
    started = time.perf_counter()
    engine = open_engine(
        arguments.model, device="cpu", dtype="float32", batch_size=arguments.batch_size
    )
    with ResponseStore(folder / "responses.db") as store:
        answers = answer(engine, store, requests, progress=Silent(), task="ours")
    seconds = time.perf_counter() - started
    failed = [given for given in answers if not isinstance(given, Answered)]
    if failed:
        sys.exit(f"{len(failed)} queries failed, first: {failed[0]}")
    return seconds, {given.attempts[0].prompt: given.attempts[0] for given in answers}


def compare(samples: list[dict[str, Any]], attempts: dict[str, Any]) -> dict[str, Any]:
    found = {"n": len(samples), "same_prompt": 0, "same_answer": 0}
    differences = []
    for sample in samples:
        attempt = attempts.get(sample["arguments"][0][0])
        if attempt is None:
            continue
        found["same_prompt"] += 1
        if attempt.choice_logprobs is None:
            found["same_answer"] += sample["resps"][0][0] == attempt.text
            continue
        theirs = [float(resp[0][0]) for resp in sample["resps"]]
        mine = list(attempt.choice_logprobs)
        found["same_answer"] += theirs.index(max(theirs)) == mine.index(max(mine))
        differences += [abs(a - b) for a, b in zip(theirs, mine, strict=True)]
    if differences:
        found["largest_logprob_difference"] = max(differences)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--task", choices=sorted(TASKS), required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--shots", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--num-fewshot", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--peer-only", action="store_true", help="stop after lm-eval's samples")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.samples and arguments.samples.exists():
            theirs = json.loads(arguments.samples.read_text("utf-8"))
        else:
            theirs = peer(arguments, folder)
            if arguments.samples:
                arguments.samples.write_text(json.dumps(theirs), "utf-8")
        if arguments.peer_only:
            return
        seconds, attempts = ours(arguments, folder)
        found = compare(theirs["samples"][: arguments.limit], attempts)
    found |= {"lm_eval_s": round(theirs["seconds"], 1), "tailqa_s": round(seconds, 1)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
