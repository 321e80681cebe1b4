"""One run of tailqa on the texts that lm-eval sent, in this process. Called by speed.py."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import peak_above, resident_mib

from tailqa.core.answer import Answered
from tailqa.core.ports import Request, Silent
from tailqa.core.query import Generation
from tailqa.engine import ResponseStore, answer, open_engine


def requests_of(asked: dict[str, Any], samples: list[int], temperature: float) -> list[Request]:
    requests = []
    for prompt, sample in asked.items():
        first = sample["asked"][0]
        texts = isinstance(first, dict)
        drawing = Generation(temperature=temperature)
        if texts:
            drawing = Generation(
                max_tokens=first["max_gen_toks"],
                stop=tuple(first["until"]),
                temperature=temperature,
            )
        requests += [
            Request(
                query_id=prompt,
                prompt=prompt,
                generation=drawing,
                choices=() if texts else tuple(sample["asked"]),
                sample=number,
                seed=number,
            )
            for number in samples
        ]
    return requests


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    asked = json.loads(options.asked.read_text())["answers"]
    requests = requests_of(asked, options.samples, options.temperature)
    engine = open_engine(options.model, device="cpu", dtype=options.dtype)
    loaded = resident_mib()
    started = time.perf_counter()
    with ResponseStore((options.caches or folder) / "ours.db") as store:
        answers = answer(engine, store, requests, progress=Silent(), task="ours")
    seconds = time.perf_counter() - started
    failed = [given for given in answers if not isinstance(given, Answered)]
    if failed:
        sys.exit(f"{len(failed)} queries failed, first: {failed[0]}")
    firsts = {given.query_id: given.attempts[0] for given in answers}
    given = {prompt: list(one.choice_logprobs or [one.text]) for prompt, one in firsts.items()}
    return {
        "seconds": seconds,
        "peak_mib": peak_above(loaded),
        "answers": {prompt: {"given": values} for prompt, values in given.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--asked", type=Path, required=True)
    parser.add_argument("--samples", type=json.loads, default=[0])
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--caches", type=Path)
    parser.add_argument("--result", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.result.write_text(json.dumps(run(options, Path(folder))))


if __name__ == "__main__":
    main()
