"""The commands of docs/models.md are commands of tailqa."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tailqa.cli import tailqa
from tailqa.engine.arguments import QUANTIZATIONS, parse_args

DOCS = Path(__file__).parents[2] / "docs" / "models.md"
COMMANDS = re.findall(r"^tailqa .*", DOCS.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_can_be_given(command):
    name, *arguments = shlex.split(command)[1:]
    command = tailqa.get_command(click.Context(tailqa), name)
    context = command.make_context(name, arguments)
    for side in ("teacher_args", "student_args"):
        parse_args(context.params[side])


def test_the_page_names_every_quantisation():
    text = DOCS.read_text("utf-8")
    assert [name for name in QUANTIZATIONS if f"`{name}`" not in text] == []
