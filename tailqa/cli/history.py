"""`tailqa history add|list|show|rename|prune`."""

from pathlib import Path

import click

from tailqa.cli import history_options, options


@click.group()
def history() -> None:
    """Keep runs over the weeks in a database, and look at them.

    The database is outputs/history.db, another file, or a PostgreSQL server that a team shares:
    --db, or TAILQA_DB. `tailqa weekly` reads it.
    """


@history.command(short_help="Add finished runs to the history.")
@click.argument("runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@history_options.db
@options.option(
    "--student",
    metavar="NAME",
    help="The name under which the builds are followed.  [default: the model's, without its "
    "revision]",
)
@options.option(
    "--backfill",
    is_flag=True,
    help="Also take a run that is older than the newest one of its student and suite.",
)
def add(runs: tuple[Path, ...], db: str, student: str | None, *, backfill: bool) -> None:
    """Add finished runs (run folders), the oldest first; adding one twice changes nothing.

    What other commands made, as in outputs/*/, is skipped.
    """
    from tailqa.report.escape import visible
    from tailqa.workflows.history import add_runs, sort_folders

    found = sort_folders(runs)
    for folder, command in found.others.items():
        click.echo(f"{visible(str(folder))}: skipped, made by tailqa {command} and no run")
    for added in add_runs(found.runs, db, student=student, backfill=backfill):
        click.echo(history_options.added_line(added))


@history.command("list", short_help="List the runs by date.")
@history_options.db
@history_options.student
@history_options.suite
@options.option(
    "--since",
    metavar="TIME",
    help="From when on: 12w (so many weeks), 90d, or a day as in 2026-09-01.",
)
@history_options.day("--until", text="Runs of this day and earlier.")
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def list_(
    db: str,
    form: str,
    *,
    student: str | None,
    suite: str | None,
    since: str | None,
    until: str | None,
) -> None:
    """List the runs by date, the newest last."""
    from tailqa.report.history_table import render_runs, render_runs_json
    from tailqa.workflows.history import kept_runs

    found = kept_runs(
        db, student=student, suite=suite, since=since, until=until, figures=form == "json"
    )
    if form == "json":
        click.echo(render_runs_json(found))
    elif found:
        click.echo(render_runs(found))
    else:
        click.echo("No runs.")


@history.command(short_help="Show what is kept of a run.")
@click.argument("run")
@history_options.db
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def show(run: str, db: str, form: str) -> None:
    """Show what is kept of RUN: its folder's name, or four characters or more of its digest."""
    from tailqa.report.history_table import render_kept_run, render_kept_run_json
    from tailqa.workflows.history import kept_run

    found = kept_run(db, run)
    click.echo(render_kept_run_json(found) if form == "json" else render_kept_run(found))


@history.command(short_help="Follow a student's runs under another name.")
@click.argument("old")
@click.argument("new")
@history_options.db
def rename(old: str, new: str, db: str) -> None:
    """Follow all runs of the student OLD under the name NEW, which may have runs already."""
    from tailqa.report.escape import visible
    from tailqa.workflows.history import rename as renamed

    n = renamed(db, old, new)
    runs = "run" if n == 1 else "runs"
    click.echo(f"{n:,} {runs} of {visible(old)} followed as {visible(new)} from now on.")


@history.command(short_help="Remove old runs with their prompts and answers.")
@history_options.day("--before", text="Remove the runs before this day.", required=True)
@history_options.db
@options.option(
    "--keep",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Newest runs of each student on each suite that stay, however old they are.",
)
@options.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@options.option("--yes", is_flag=True, help="Remove the runs even where none is left.")
def prune(before: str, db: str, keep: int, *, dry_run: bool, yes: bool) -> None:
    """Remove old runs with their prompts and answers; the run folders stay."""
    from tailqa.report.history_table import render_runs
    from tailqa.workflows.history import prune as pruned

    done = pruned(db, before, keep=keep, dry_run=dry_run, every=yes)
    if done.runs:
        click.echo(render_runs(done.runs) + "\n")
    said = "To remove:" if dry_run else "Removed"
    runs = "run" if len(done.runs) == 1 else "runs"
    click.echo(f"{said} {len(done.runs):,} {runs}; {done.kept:,} left.")
