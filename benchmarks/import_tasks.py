"""The embedded suite as tasks of other harnesses; called by imports.py."""

import json
import zlib
from pathlib import Path
from typing import Any

import yaml

SUITE = Path(__file__).resolve().parent.parent / "tailqa" / "demo" / "suite" / "arithmetic.jsonl"


def write_rows(path: Path, per_stratum: int) -> None:
    """The first rows of each stratum, each with four numbers to choose from."""
    taken: dict[str, int] = {}
    with path.open("w") as file:
        for line in SUITE.read_text().splitlines():
            row = json.loads(line)
            taken[row["stratum"]] = taken.get(row["stratum"], 0) + 1
            if taken[row["stratum"]] > per_stratum:
                continue
            answer, turn = int(row["answer"]), zlib.crc32(row["id"].encode()) % 4
            numbers = [answer, answer + 1, answer + 10, answer - 2]
            choices = [str(number) for number in numbers[turn:] + numbers[:turn]]
            kept = {key: row[key] for key in ("id", "question", "answer", "stratum", "cluster")}
            more = {"n_steps": row["n_steps"], "choices": choices, "gold": (4 - turn) % 4}
            file.write(json.dumps(kept | more) + "\n")


def lm_eval_tasks(work: Path) -> Path:
    """A folder with a task that generates (two filters) and one that chooses."""
    shared: dict[str, Any] = {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(work / "rows.jsonl")}},
        "test_split": "test",
        "doc_to_text": "Q: {{question}}\nA:",
        "num_fewshot": 0,
        "metadata": {"version": 1.0},
    }
    number = {"function": "regex", "regex_pattern": "(-?[0-9]+)", "group_select": -1}
    first = {"function": "take_first"}
    arithmetic = shared | {
        "task": "arithmetic",
        "output_type": "generate_until",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["\n"], "do_sample": False, "max_gen_toks": 96},
        "filter_list": [
            {"name": "strict", "filter": [first]},
            {"name": "last-number", "filter": [number, first]},
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    choice = shared | {
        "task": "arithmetic_choice",
        "output_type": "multiple_choice",
        "doc_to_target": "{{gold}}",
        "doc_to_choice": "{{choices}}",
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True}
            for name in ("acc", "acc_norm")
        ],
    }
    folder = work / "lm-eval-tasks"
    folder.mkdir(parents=True, exist_ok=True)
    for task in (arithmetic, choice):
        (folder / f"{task['task']}.yaml").write_text(yaml.safe_dump(task, sort_keys=False))
    return folder


def inspect_tasks(work: Path) -> tuple[Any, Any]:
    """All rows once with two scorers; some of them in two epochs, where one sample breaks."""
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.scorer import includes, pattern
    from inspect_ai.solver import Generate, TaskState, generate, solver

    samples = [
        Sample(
            id=row["id"],
            input=f"Q: {row['question']}\nA:",
            target=row["answer"],
            metadata={name: row[name] for name in ("stratum", "cluster", "n_steps")},
        )
        for row in map(json.loads, (work / "rows.jsonl").read_text().splitlines())
    ]

    @solver
    def breaking(broken: str) -> Any:
        async def solve(state: TaskState, _: Generate) -> TaskState:
            if state.sample_id == broken and state.epoch == 2:
                raise RuntimeError("the tool did not answer")
            return state

        return solve

    numbers = pattern(r"(-?[0-9]+)\s*$")
    few = samples[:: max(len(samples) // 8, 1)]
    once = Task(
        name="arithmetic",
        version=1,
        dataset=MemoryDataset(samples, name="rows"),
        solver=generate(),
        scorer=[numbers, includes()],
    )
    twice = Task(
        name="arithmetic_sampled",
        version=1,
        dataset=MemoryDataset(few, name="rows"),
        solver=[breaking(str(few[1].id)), generate()],
        scorer=numbers,
        epochs=2,
        fail_on_error=False,
    )
    return once, twice
