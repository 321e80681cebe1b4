"""One run of lm-eval's own task on local rows, in this process.

Called by speed.py. What it sent and got goes to a file. The model `dummy` only builds the prompts.
"""

import argparse
import importlib.resources
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from agreement import read, write
from measuring import NEW_TOKENS, WORK, peak_above, resident_mib


def task_of(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The definition of lm-eval; only the rows, the draw of shots and the new tokens are set."""
    definition, split, _ = WORK[options.work]
    text = (importlib.resources.files("lm_eval") / "tasks" / definition).read_text("utf-8")
    task: dict[str, Any] = yaml.safe_load(text)
    task.pop("dataset_name", None)
    task.pop("tag", None)
    # Its request cache knows a task by the place of its rows.
    here = options.caches or folder
    rows, shots = here / "rows.jsonl", here / "shots.jsonl"
    files = {
        split: str(write(rows, read(options.rows, options.limit))),
        "train": str(write(shots, read(options.shots))),
    }
    task |= {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "fewshot_split": "train",
        "fewshot_config": {"sampler": "default" if options.work == "drawn-shots" else "first_n"},
    }
    if "generation_kwargs" in task:
        task["generation_kwargs"]["max_gen_toks"] = NEW_TOKENS
    return task


def timing(spent: list[float]) -> Callable[[Any], Any]:
    """A wrapper that adds up what a function takes."""

    def wrap(function: Any) -> Any:
        def run(*args: Any, **more: Any) -> Any:
            started = time.perf_counter()
            result = function(*args, **more)
            spent.append(time.perf_counter() - started)
            return result

        return run

    return wrap


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    import lm_eval
    from lm_eval.api.model import CachingLM
    from lm_eval.models.huggingface import HFLM

    spent: list[float] = []
    timed = timing(spent)
    more: dict[str, Any] = {}
    if options.caches:
        # What the cache answers does not reach the model: the time is that of the cache.
        look_up = CachingLM.__getattr__
        CachingLM.__getattr__ = lambda self, name: (
            timed(look_up(self, name)) if name == "loglikelihood" else look_up(self, name)
        )
        more = {"use_cache": str(options.caches / "responses"), "cache_requests": True}
    model: Any = "dummy"
    if options.model != "dummy":
        model = HFLM(
            pretrained=options.model,
            dtype=options.dtype,
            device="cpu",
            batch_size=options.batch_size,
        )
        if not options.caches:
            model.loglikelihood = timed(model.loglikelihood)
            model.generate_until = timed(model.generate_until)
    loaded = resident_mib()
    results = lm_eval.simple_evaluate(
        model=model,
        tasks=[task_of(options, folder)],
        num_fewshot=WORK[options.work][2],
        log_samples=True,
        bootstrap_iters=0,
        **more,
    )
    peak = peak_above(loaded)
    (samples,) = results["samples"].values()
    unique = {json.dumps(sample["doc"], default=str): sample for sample in samples}.values()
    return {"seconds": sum(spent), "peak_mib": peak, "answers": dict(map(kept, unique))}


def kept(sample: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Prompt → the choices or the settings, and the log-probabilities or the text."""
    scored = len(sample["resps"]) > 1
    given = [resp[0][0] if scored else resp[0] for resp in sample["resps"]]
    asked = [argument[1] for argument in sample["arguments"]]
    return sample["arguments"][0][0], {"asked": asked, "given": given}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--work", choices=WORK, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--shots", type=Path, required=True)
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--batch-size", default="1")
    parser.add_argument("--caches", type=Path)
    parser.add_argument("--result", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.result.write_text(json.dumps(run(options, Path(folder))))


if __name__ == "__main__":
    main()
