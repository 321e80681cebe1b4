"""Runs of other harnesses on the embedded pair, and the same pairs counted by hand.

    python benchmarks/imports.py rows WORK --per-stratum 40
    python benchmarks/imports.py lm-eval WORK      # each in an environment with that harness
    python benchmarks/imports.py inspect WORK
    python benchmarks/imports.py lighteval WORK
    python benchmarks/imports.py count WORK        # where tailqa is installed

`count` reads the raw files without tailqa's readers and holds the imported cells against that.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
HERE = Path(__file__).resolve().parent
PAIR = HERE.parent / "tailqa" / "demo" / "pair"
SIDES = ("teacher", "student")


def rows(work: Path, per_stratum: int) -> None:
    from import_tasks import write_rows

    write_rows(work / "rows.jsonl", per_stratum)


def lm_eval(work: Path) -> None:
    """Both tasks, generating and choosing, as anyone would run them: its command line."""
    from import_tasks import lm_eval_tasks

    tasks = lm_eval_tasks(work)
    for side in SIDES:
        arguments = ["--model", "hf", "--model_args", f"pretrained={side},dtype=float32"]
        arguments += ["--tasks", "arithmetic,arithmetic_choice", "--include_path", str(tasks)]
        arguments += ["--device", "cpu", "--batch_size", "16", "--log_samples"]
        arguments += ["--output_path", str(work / "lm-eval" / side)]
        subprocess.run([sys.executable, "-m", "lm_eval", "run", *arguments], check=True, cwd=PAIR)


def inspect(work: Path) -> None:
    """All rows in one epoch, greedily, as .eval; some in two epochs, sampled, as .json."""
    from import_tasks import inspect_tasks
    from inspect_ai import eval as run
    from inspect_ai.model import GenerateConfig, get_model

    os.chdir(PAIR)  # so that the logs hold no absolute path
    once, twice = inspect_tasks(work)
    for side in SIDES:
        for task, sampled, log_format in ((once, False, "eval"), (twice, True, "json")):
            model = get_model(
                f"hf/{side}",
                model_path=side,
                device="cpu",
                do_sample=sampled,
                chat_template="{{ messages[-1]['content'] }}",
                config=GenerateConfig(max_connections=16, max_tokens=96, stop_seqs=["\n"]),
            )
            if sampled:
                model.config.temperature, model.config.seed = 0.8, 1
            folder = str(work / "inspect" / side)
            run(task, model=model, display="none", log_dir=folder, log_format=log_format)
        inspect_scores(work / "inspect" / side)


def inspect_scores(folder: Path) -> None:
    """What inspect's own reader finds in its log, for the count by hand."""
    from inspect_ai.log import read_eval_log

    (path,) = folder.glob("*.eval")
    found = [
        {"id": sample.id, "stratum": sample.metadata["stratum"]}
        | {name: score.value for name, score in (sample.scores or {}).items()}
        for sample in read_eval_log(str(path)).samples or ()
    ]
    (folder / "scores.json").write_text(json.dumps(found))


def lighteval(work: Path) -> None:
    """Both tasks through its command line, with the details of every answer.

    lighteval 0.13 needs huggingface_hub < 1, and so transformers < 5, which calls the tokenizers
    of the pair by another name. It loads all its tasks first, one of which wants a download that
    an empty lighteval/tasks/tasks/tinyBenchmarks.pkl stands in for.
    """
    pair = work / "lighteval-pair"
    shutil.copytree(PAIR, pair, dirs_exist_ok=True)
    for config in pair.glob("*/tokenizer_config.json"):
        text = config.read_text().replace("TokenizersBackend", "PreTrainedTokenizerFast")
        config.write_text(text)
    table = work / "lighteval-rows" / "train.jsonl"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text((work / "rows.jsonl").read_text())
    environment = os.environ | {"TAILQA_ROWS": str(table.parent)}
    for side in SIDES:
        arguments = [f"model_name={side},dtype=float32,batch_size=16,device=cpu"]
        arguments += ["worded_arithmetic|0,worded_arithmetic_choice|0", "--save-details"]
        arguments += ["--custom-tasks", str(HERE / "import_lighteval.py")]
        arguments += ["--output-dir", str(work / "lighteval" / side)]
        command = [sys.executable, "-m", "lighteval", "accelerate", *arguments]
        subprocess.run(command, check=True, cwd=pair, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("rows", "lm-eval", "inspect", "lighteval", "count"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--per-stratum", type=int, default=40)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if options.what == "rows":
        rows(work, options.per_stratum)
    elif options.what == "count":
        from import_count import count

        count(work)
    else:
        {"lm-eval": lm_eval, "inspect": inspect, "lighteval": lighteval}[options.what](work)


if __name__ == "__main__":
    main()
