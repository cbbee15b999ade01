"""The ``vpo`` command, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click

from vpo import __version__
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, VpoError

COMMANDS = {
    "process": "vpo.cli.process",
    "inspect": "vpo.cli.inspect",
    "policy": "vpo.cli.policy",
    "history": "vpo.cli.history",
    "undo": "vpo.cli.undo",
    "config": "vpo.cli.config",
    "db": "vpo.cli.db",
}

EXIT_CODES = """\b
Exit codes:
  0    done, or nothing to do
  1    a file failed, or the batch was stopped
  2    wrong usage, policy or configuration
  3    a program that is needed is not installed
  130  interrupted"""


class LazyGroup(click.Group):
    """Imports a subcommand's module only when it is used, which keeps the start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command: click.Command = module.command
        return command


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="vpo", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep a video library the way you want it.

    Write down in a policy which languages, tracks, flags and containers your files should have;
    vpo makes every file match, several at a time, and replaces none before the result is proven.
    """


def main() -> NoReturn:
    """Run the command and exit with its code."""
    try:
        code = cli.main(prog_name="vpo", standalone_mode=False)
    except click.exceptions.Abort:
        _say("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except VpoError as error:
        _say(f"error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output is gone; a second error about it would help nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _say(text: str) -> None:
    from vpo.report import printable

    for line in text.splitlines():
        click.echo(f"vpo: {printable(line)}", err=True)
