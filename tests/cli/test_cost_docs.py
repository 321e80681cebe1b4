"""docs/cost.md: its commands can be given and do what they say, and it names every figure."""

import re
import shlex
from pathlib import Path
from typing import get_args

import click
import pytest

from tailqa.cli import main, tailqa
from tailqa.core.operations import Figure
from tailqa.cost.checks import CHECKED
from tailqa.report.run import write_run
from tests.workflows.costed_runs import benchmark

PAGE = (Path(__file__).parents[2] / "docs" / "cost.md").read_text("utf-8")
COMMANDS = re.findall(r"^tailqa .*", PAGE, re.MULTILINE)
RUN = [
    command
    for command in COMMANDS
    if command.startswith("tailqa cost") and "--bench" not in command and "--sweep" not in command
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_can_be_given(command):
    name, *arguments = shlex.split(command)[1:]
    found = tailqa.get_command(click.Context(tailqa), name)
    assert found.make_context(name, arguments).params


def test_the_commands_on_a_run_do_what_they_say(tmp_path, monkeypatch, capsys):
    import numpy as np

    run = benchmark("synthetic").synthetic_run(
        per_stratum=30, attempts=1, timed=10, rng=np.random.default_rng(2)
    )
    write_run(run, tmp_path / "outputs" / "RUN")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAILQA_RESAMPLES", "40")
    assert len(RUN) == 3
    for command in RUN:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert not ended.value.code, capsys.readouterr().err
    assert (tmp_path / "outputs" / "RUN" / "cost.html").is_file()


def test_every_figure_is_on_the_page():
    assert [name for name in {*get_args(Figure), *CHECKED} if f"`{name}`" not in PAGE] == []
