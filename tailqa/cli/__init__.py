"""The command line: options → one workflow call → output → exit code."""

import atexit
import gc
import os
import re
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from tailqa.core.errors import TailqaError

BROKEN = 3
NEW_OBJECTS = 100_000
"""After so many the garbage collector looks through them; Python's own 700 are for long lives."""

COMMANDS = {
    "bench": ("tailqa.cli.bench", "Measure the speed of teacher and student on its own."),
    "compare": ("tailqa.cli.compare", "Run teacher and student on a suite and compare them."),
    "cost": ("tailqa.cli.cost", "What the models of a run cost in a pipeline, retries and all."),
    "gate": ("tailqa.cli.gate", "Judge a finished run by a policy: exit 0, 1 or 2."),
    "history": ("tailqa.cli.history", "Keep runs over the weeks in a database."),
    "import": ("tailqa.cli.import_", "Make a run from answers that were recorded elsewhere."),
    "replay": (
        "tailqa.cli.replay",
        "Really run a pipeline with a run's models, against the prediction.",
    ),
    "report": ("tailqa.cli.report", "Render a finished run again from its files."),
    "route": ("tailqa.cli.route", "Which queries should go to the teacher, and what that costs."),
    "suite": (
        "tailqa.cli.suite",
        "Check a suite file, show what is in it, or size it for a policy.",
    ),
    "weekly": ("tailqa.cli.weekly", "Did the student get worse, since when, and why: by the week."),
}


class LazyGroup(click.Group):
    """Loads the module of a command when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command itself, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command = getattr(module, module.__name__.rpartition(".")[2])
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tailqa", message="tailqa %(version)s")
def tailqa() -> None:
    """Can this student model replace this teacher in production?

    Judged on the long tail of the traffic, where distillation fails. `tailqa compare` without
    arguments compares the embedded pair of models on the embedded suite.

    Exit codes: 0 pass or finished, 1 the gate failed, 2 inconclusive, 3 something broke.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits with its code; a user's mistake never shows a traceback."""
    # Imports make objects by the million that stay; looking through them anew takes long.
    gc.set_threshold(NEW_OBJECTS)
    # Nor need they be looked through once more when all of them go.
    atexit.register(gc.freeze)
    with _stopped_in_order():
        code = _run(arguments)
    sys.exit(code)


class _Stopped(KeyboardInterrupt):
    """A kind of its own: Python ends with SIGINT's code once a plain KeyboardInterrupt has passed
    an `exec`, as imports have them, although it was caught later.
    """


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """SIGTERM, by which schedulers and containers stop a job, does what Ctrl-C does."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere no handler can be set
        found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        # What is ignored, as under nohup, stays so; None is a handler that is not Python's.
        before = {
            n: handler for n, handler in found.items() if handler not in (signal.SIG_IGN, None)
        }
    try:
        for number in before:
            signal.signal(number, _stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise _Stopped


def _run(arguments: list[str] | None) -> int:
    try:
        code = tailqa.main(arguments, prog_name="tailqa", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return BROKEN
    except TailqaError as error:
        click.echo(f"Error: {error}", err=True)
        return BROKEN
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "Interrupted. What was answered is kept; this finishes the rest:\n"
            f"  {_command(sys.argv[1:] if arguments is None else arguments)}",
            err=True,
        )
        return BROKEN
    except Exception:  # a bug of ours must not look like exit 1
        click.echo(traceback.format_exc(), err=True)
        click.echo(
            "This is a bug in tailqa, not in your input. Please report the lines above.", err=True
        )
        return BROKEN
    return code if isinstance(code, int) else 0


def _command(arguments: list[str]) -> str:
    """What was typed, with the flags that were set as variables; passwords in URLs are hidden."""
    as_module = Path(sys.argv[0]).name == "__main__.py"
    program = [sys.executable, "-m", "tailqa"] if as_module else ["tailqa"]
    flags = sorted(pair for pair in os.environ.items() if pair[0].startswith("TAILQA_"))
    variables = [f"{name}={shlex.quote(value)}" for name, value in flags]
    return _without_passwords(" ".join([*variables, shlex.join([*program, *arguments])]))


def _without_passwords(text: str) -> str:
    """`text` with the passwords of URLs hidden, whatever signs they hold.

    >>> _without_passwords("--db postgresql://ann:p@s/s@host/db --mlflow http://host:5000")
    '--db postgresql://ann:***@host/db --mlflow http://host:5000'
    >>> _without_passwords("postgresql://host/db?user=ann&password=secret")
    'postgresql://host/db?user=ann&password=***'
    """
    text = re.sub(r"(://[^\s/:@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(password=)[^\s&]*", r"\1***", text)
