"""How far do weights that are rounded ever more coarsely carry a model from itself?

    pip install .
    python benchmarks/fidelity.py FOLDER --suite popqa --source ROWS.jsonl --text TEXT

The teacher is the model in FOLDER, a student the same model with the matrices of its layers rounded
as GGUF's Q8_0, Q5_0 and Q4_0 do (blocks of 32, nearest value; embeddings are left alone).
`--student FILE` adds a model as it is, such as a .gguf. Prints Markdown rows.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tailqa.core.report import FidelityResult
from tailqa.report import format as shown
from tailqa.workflows.asking import Options
from tailqa.workflows.compare import run_compare

KINDS = ("Q8_0", "Q5_0", "Q4_0")


def rounded(folder: Path, kind: str, target: Path) -> Path:
    """A copy of the model with the matrices of its layers rounded to `kind`, kept as float32."""
    import torch
    from gguf import GGMLQuantizationType, quants
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors*"))
    weights = {}
    for file in folder.glob("*.safetensors"):
        weights |= load_file(file)
    packing = GGMLQuantizationType[kind]
    for name, matrix in weights.items():
        if ".layers." in name and matrix.ndim == 2:
            packed = quants.quantize(matrix.float().numpy(), packing)
            weights[name] = torch.from_numpy(quants.dequantize(packed, packing)).clone()
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def rows(name: str, results: tuple[FidelityResult, ...]) -> Iterator[str]:
    for result in results:
        if result.scope == "stratum":
            continue
        cells = [
            name,
            "the teacher's answers" if result.scope == "all" else "text",
            shown.count(result.n_positions),
            shown.bracketed(result.kl, shown.NATS),
            shown.bracketed(result.kl_p99, shown.NATS),
            shown.bracketed(result.same_top1, shown.PERCENT),
            shown.bracketed(result.acceptance, shown.PERCENT),
        ]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--student", action="append", default=[])
    parser.add_argument("--out", type=Path, default=Path("outputs"))
    arguments = parser.parse_args()
    options = Options(
        sources={"": arguments.source} if arguments.source else {},
        limit=arguments.limit,
        speed=0,
        fidelity=True,
        fidelity_texts=arguments.text,
        out=arguments.out,
    )
    print(
        "| student | over | tokens | KL mean, nats | KL p99 | same top-1, % | draft accepted, % |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        made = (str(rounded(arguments.folder, kind, Path(name) / kind)) for kind in KINDS)
        for student in (*arguments.student, *made):
            run = run_compare(str(arguments.folder), student, arguments.suite, options)
            for line in rows(Path(student).name, run.report.fidelity):
                print(line, flush=True)


if __name__ == "__main__":
    main()
