"""`tailqa bench`."""

from pathlib import Path

import click

from tailqa.cli import options
from tailqa.cli.progress import progress
from tailqa.core.errors import TailqaError


def sizes(text: str) -> tuple[int, ...]:
    """Numbers of at least 1, set apart by commas.

    >>> sizes("1, 4,16")
    (1, 4, 16)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= 1 for part in parts):
        raise click.BadParameter(f"{text!r} is not a list of numbers of at least 1, as in 1,4,16")
    return tuple(int(part) for part in parts)


@click.command()
@click.argument("teacher", required=False)
@click.argument("student", required=False)
@options.option(
    "--batch-sizes",
    type=sizes,
    metavar="N,N,…",
    help="[default: 1,4,16 on a CPU, 1,8,64 on a GPU]",
)
@options.option(
    "--prompt-lengths",
    type=sizes,
    metavar="N,N,…",
    help="Tokens per prompt.  [default: 32,256 on a CPU, 128,1024 on a GPU]",
)
@options.option(
    "--new-tokens", type=click.IntRange(min=2), default=32, help="Tokens generated per prompt."
)
@options.option(
    "--repeats",
    type=click.IntRange(min=6),
    default=6,
    help="Times per cell; a median takes 6 for a 95 % interval.",
)
@options.option(
    "--suite", help="Also count what padding would add to the prompts of this suite or suite file."
)
@options.sources
@options.num_fewshot
@options.loading
@options.option("--seed", type=int, default=0, metavar="N", help="Seed of the random prompts.")
@options.out
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@options.option("--quiet", is_flag=True, help="No progress and no table; the files are written.")
def bench(
    teacher: str | None,
    student: str | None,
    sources: tuple[tuple[str, Path], ...],
    form: str,
    *,
    batch_sizes: tuple[int, ...] | None,
    prompt_lengths: tuple[int, ...] | None,
    quiet: bool,
    **settings: object,
) -> None:
    """Measure the speed of TEACHER and STUDENT in alternation, over batch sizes × prompt lengths.

    Says where the student is slower, at which batch size that turns, and how near both come to
    what the machine can give. Without models the embedded pair runs.
    """
    if (teacher is None) != (student is None):
        raise click.UsageError("give both TEACHER and STUDENT, or neither for the embedded pair")
    if sources and not settings["suite"]:
        raise click.UsageError("--source is about the rows of a --suite; name it as well")
    from tailqa.report.bench_result import render_bench_json
    from tailqa.report.bench_table import render_bench
    from tailqa.workflows.bench import BenchOptions, run_bench

    chosen = BenchOptions(
        batch_sizes=batch_sizes or (),
        prompt_lengths=prompt_lengths or (),
        sources=options.as_mapping(sources),
        **settings,  # type: ignore[arg-type]
    )
    try:
        with progress(quiet=quiet or form == "json") as bars:
            run = run_bench(
                teacher or "demo:teacher", student or "demo:student", chosen, progress=bars
            )
    except KeyboardInterrupt:
        raise TailqaError(
            "interrupted; nothing is kept, as times of two sittings do not compare"
        ) from None
    if form == "json":
        click.echo(render_bench_json(run.bench))
    elif not quiet:
        click.echo(render_bench(run.bench))
        click.echo(f"\nPage: {run.folder / 'bench.html'}")
