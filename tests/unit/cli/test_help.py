"""The help of all commands, and the options that all of them have."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from vpo.cli.main import cli

WITHOUT_FORMAT = {"vpo serve", "vpo policy schema", "vpo completion"}
"""Print a JSON Schema and code for a shell, which have no other form."""
TABLES = {
    *("vpo config show", "vpo doctor", "vpo history", "vpo history show", "vpo library"),
    *("vpo library check", "vpo library duplicates", "vpo library failed"),
    "vpo library health",
}
EVENTS = {"vpo process", "vpo watch"}


def commands(
    group: click.Group = cli, names: tuple[str, ...] = ("vpo",)
) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield " ".join((*names, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))


TREE = dict(commands())
GROUPS = {"vpo": cli, **{n: c for n, c in TREE.items() if isinstance(c, click.Group)}}
RUNNABLE = {
    name: command
    for name, command in TREE.items()
    if not isinstance(command, click.Group) or command.invoke_without_command
}


@pytest.mark.parametrize("name", sorted(RUNNABLE.keys() - WITHOUT_FORMAT))
def test_every_command_prints_text_and_json(name: str) -> None:
    (option,) = (item for item in RUNNABLE[name].params if "--format" in item.opts)
    assert isinstance(option.type, click.Choice)
    further = {"csv"} if name in TABLES else {"jsonl"} if name in EVENTS else set()
    assert set(option.type.choices) == {"text", "json", *further}
    assert option.default == "text"


@pytest.mark.parametrize("name", GROUPS)
def test_summaries_of_commands_fit_on_one_line(name: str) -> None:
    args = [*name.split()[1:], "--help"]
    text = CliRunner().invoke(cli, args, terminal_width=80, env={"COLUMNS": "80"}).output
    rows = text.partition("Commands:\n")[2].split("\n\n")[0].splitlines()
    assert [row.split()[0] for row in rows] == GROUPS[name].list_commands(click.Context(cli))
    assert not [row for row in rows if row.endswith("...") or len(row) > 80]
