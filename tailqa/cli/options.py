"""Options that several commands share; every flag can also be set as TAILQA_<FLAG>."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from tailqa.core.errors import TailqaError


def option(*names: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`click.option` with its environment variable: `--batch-size` is TAILQA_BATCH_SIZE."""
    flag = next(name for name in names if name.startswith("--")).split("/")[0]
    settings.setdefault("envvar", "TAILQA_" + flag.removeprefix("--").replace("-", "_").upper())
    settings.setdefault("show_default", settings.get("default") is not None)
    return click.option(*names, **settings)


def batch_size(text: str) -> int | None:
    """`auto` (None) or a number of at least 1.

    >>> batch_size("auto"), batch_size("16")
    (None, 16)
    """
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither 'auto' nor a number of at least 1")
    return int(text)


def source(text: str) -> tuple[str, Path]:
    """`FILE` or `SPLIT=FILE` as (split, path), with an empty split for a bare file.

    >>> source("train=shots.csv")[0], source("rows.csv")[0]
    ('train', '')
    """
    split, equals, path = text.partition("=")
    return (split, Path(path)) if equals else ("", Path(split))


class Share(click.FloatRange):
    """A share of 1. Who gives percents is told how shares are written.

    >>> Share(0, 1).convert("0.95", None, None)
    0.95
    """

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; raises BadParameter for one above 1."""
        number = click.FLOAT.convert(value, param, ctx)
        if number > 1:
            meant = number / 100 if 2 <= number < 100 else 0.95
            self.fail(f"{value} is more than 1; give a share, as in {meant:g}", param, ctx)
        return float(super().convert(value, param, ctx))


seed = option("--seed", type=int, default=0, metavar="N", help="Seed of every draw.")
sources = option(
    "--source",
    "sources",
    type=source,
    metavar="[SPLIT=]FILE",
    multiple=True,
    help="Read the suite's rows (or one split of them) from this file instead.",
)
num_fewshot = option(
    "--num-fewshot",
    type=click.IntRange(min=0),
    metavar="N",
    help="Shots per prompt, instead of the suite's.",
)
out = option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("outputs"),
    metavar="FOLDER",
    help="Folder for the runs.",
)


policy = option(
    "--policy",
    metavar="FILE|NAME",
    help="What the student must show: a policy file, or the name of a shipped one.",
)


pipeline = option(
    "--pipeline",
    metavar="FILE|NAME",
    help="What is around the model, and what happens to answers that are not accepted: a pipeline "
    "file, the name of a shipped one, or none.  [default: chat]",
)


def assignment(text: str) -> tuple[str, str]:
    """`KEY=VALUE` as a pair.

    >>> assignment("arrivals.rate=12")
    ('arrivals.rate', '12')
    """
    key, equals, value = text.partition("=")
    if not (equals and key and value):
        raise click.BadParameter(f"{text!r} is not KEY=VALUE, as in policy.max_attempts=1")
    return key, value


sets = option(
    "--set",
    "sets",
    type=assignment,
    metavar="KEY=VALUE",
    multiple=True,
    help="Another value for a key of the pipeline; may be repeated.",
)


def exit_code(outcomes: Collection[str]) -> int:
    """Of verdicts together: 1 where one is fail, else 2 where one is inconclusive, else 0.

    >>> exit_code(["pass"]), exit_code(["inconclusive", "fail"]), exit_code(["inconclusive"])
    (0, 1, 2)
    """
    return next((code for code, said in _CODES if said in outcomes), 0)


_CODES = ((1, "fail"), (2, "inconclusive"))
_PLACING = (
    option(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="Where both models run: auto, cpu, cuda or cuda:N.",
    ),
    option(
        "--teacher-device", metavar="DEVICE", help="Where the teacher runs, instead of --device."
    ),
    option(
        "--student-device", metavar="DEVICE", help="Where the student runs, instead of --device."
    ),
    option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        help="Numbers of the weights; auto is the checkpoint's own, on a CPU float32, unless "
        "bfloat16 is faster there.",
    ),
    option(
        "--teacher-args",
        default="",
        show_default=False,
        metavar="KEY=VALUE,…",
        help="How the teacher alone is loaded: dtype, revision, quantization, peft, dequantize, "
        "device_map, attn_implementation.",
    ),
    option(
        "--student-args",
        default="",
        show_default=False,
        metavar="KEY=VALUE,…",
        help="How the student alone is loaded, with the same keys.",
    ),
)


def loading(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how teacher and student are loaded."""
    for added in reversed(_PLACING):
        command = added(command)
    return command


def as_mapping(pairs: tuple[tuple[str, Path], ...]) -> dict[str, Path]:
    """The sources by split.

    Raises TailqaError when one split is named twice.

    >>> as_mapping((("", Path("a.csv")), ("train", Path("b.csv"))))["train"].name
    'b.csv'
    """
    if len({split for split, _ in pairs}) < len(pairs):
        raise TailqaError("--source names one split twice; give each split one file")
    return dict(pairs)
