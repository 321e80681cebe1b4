"""Generation on a GPU against `model.generate` in static batches and against the roofline.

    python benchmarks/gpu.py --shape 8b
    python benchmarks/gpu.py --shape 1b
    python benchmarks/gpu.py --shape tiny --device cpu --prompts 12 --new-tokens 16 --static-rows 4

Llama shapes with random weights in bfloat16; prompts of 200 to 800 random tokens; nothing ends a
text early. Both sides run on the same prompts, one uncounted time and then in turns, each of them
first in every other turn; of the numbers of static rows the fastest counts. Decoding is the time
with all new tokens less the time with one. Its roofline is the time to read the weights once per
step and the keys and values of all rows in it, at the measured bandwidth. Prints one JSON object.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import transformers

from tailqa.core.ports import Encoded, Request
from tailqa.core.query import Generation
from tailqa.core.report import ModelInfo
from tailqa.demo import model_folder
from tailqa.engine.local import LocalEngine
from tailqa.engine.roofline import measure_roof

SHAPES = {
    "8b": (4096, 14_336, 32, 32, 8),
    "1b": (2048, 8192, 16, 32, 8),
    "tiny": (256, 512, 4, 4, 2),
}
"""Hidden size, intermediate size, layers, heads, key heads."""


def make_model(shape: str, device: str) -> Any:
    hidden, intermediate, layers, heads, key_heads = SHAPES[shape]
    config = transformers.LlamaConfig(
        vocab_size=128_256 if shape != "tiny" else 1024,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=8192,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.generation_config.eos_token_id = None
    return model.eval()


def make_engine(model: Any, device: str) -> LocalEngine:
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder("teacher"))
    tokenizer.eos_token = None  # nothing ends a text early
    info = ModelInfo(
        name="random",
        revision=None,
        weights_digest="",
        tokenizer_digest="",
        template_digest=None,
        architecture="LlamaForCausalLM",
        n_parameters=sum(weights.numel() for weights in model.parameters()),
        dtype="bfloat16",
        device=device,
        engine=f"transformers {transformers.__version__}",
    )
    return LocalEngine(model, tokenizer, info)


def static(model: Any, prompts: list[list[int]], rows: int, new_tokens: int) -> float:
    """Seconds of `model.generate` over sorted, left-padded batches of `rows`."""
    ordered = sorted(prompts, key=len)
    started = time.perf_counter()
    for start in range(0, len(ordered), rows):
        part = ordered[start : start + rows]
        longest = max(map(len, part))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in part], device=model.device)
        mask = torch.tensor(
            [[0] * (longest - len(row)) + [1] * len(row) for row in part], device=model.device
        )
        with torch.inference_mode():
            model.generate(
                ids, attention_mask=mask, max_new_tokens=new_tokens, do_sample=False, pad_token_id=0
            )
    wait(model)
    return time.perf_counter() - started


def ours(engine: LocalEngine, prompts: list[list[int]], new_tokens: int) -> float:
    request = Request(query_id="", prompt="", generation=Generation(max_tokens=new_tokens))
    encoded = [Encoded(request=request, text="", token_ids=tuple(row)) for row in prompts]
    started = time.perf_counter()
    made = [
        attempt
        for batch in engine.batches(encoded)
        for attempt in engine.run([encoded[index] for index in batch])
    ]
    seconds = time.perf_counter() - started
    short = [one for one in made if getattr(one, "completion_tokens", 0) != new_tokens]
    if short:
        sys.exit(f"{len(short)} texts are not complete, first: {short[0]}")
    return seconds


def wait(model: Any) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--prompts", type=int, default=512)
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--static-rows", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    draw = random.Random(0)
    lengths = [draw.randint(200, 800) for _ in range(options.prompts)]
    prompts = [[draw.randrange(10, 1000) for _ in range(length)] for length in lengths]
    model = make_model(options.shape, options.device)
    engine = make_engine(model, options.device)
    own = model.config._attn_implementation

    def run_static(rows: int) -> float:
        model.set_attn_implementation("sdpa")
        try:
            return static(model, prompts, rows, options.new_tokens)
        finally:
            model.set_attn_implementation(own)

    runs: dict[str, Callable[[], float]] = {
        "ours": lambda: ours(engine, prompts, options.new_tokens),
        "ours, one token": lambda: ours(engine, prompts, 1),
    } | {f"static {rows}": partial(run_static, rows) for rows in options.static_rows}
    warm_up = {name: run() for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(options.turns):
        for name, run in list(runs.items())[:: 1 if turn % 2 else -1]:
            seconds[name].append(run())
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    best = min(list(medians)[2:], key=medians.__getitem__)
    decode_s = medians["ours"] - medians["ours, one token"]
    roof = measure_roof(options.device, "bfloat16")
    roofline_s = least_seconds(engine, prompts, options.new_tokens, roof)
    tokens = options.prompts * options.new_tokens
    print(
        json.dumps(
            {
                "shape": options.shape,
                "warm_up_s": warm_up,
                "seconds": seconds,
                "tokens_per_s": {"ours": tokens / medians["ours"], best: tokens / medians[best]},
                "ratio": medians[best] / medians["ours"],
                "decode_s": decode_s,
                "decode_roofline_s": roofline_s,
                "decode_roofline_share": roofline_s / decode_s,
            }
        )
    )


def least_seconds(engine: LocalEngine, prompts: list[list[int]], new: int, roof: Any) -> float:
    """Decoding all rows in one batch, every byte read once per step at the measured bandwidth."""
    states = engine._runner.sharing.bytes_per_token * sum(len(row) + new / 2 for row in prompts)
    weights = engine.footprint.step_weight_bytes or 0
    # The first new token is the prefill's.
    return float((new - 1) * (weights + states) / roof.bandwidth_bytes_per_s)


if __name__ == "__main__":
    main()
