"""The ``vpo`` command, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from typing import NoReturn

import click

from vpo import __version__
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, VpoError

COMMANDS = {
    "init": ("vpo.cli.init", "Write a configuration and two policies to begin with."),
    "process": ("vpo.cli.process", "Make videos match policies."),
    "watch": ("vpo.cli.watch", "Follow folders, and process what comes into them."),
    "pause": ("vpo.cli.pause", "Let all runs stand still."),
    "resume": ("vpo.cli.resume", "Let paused runs go on."),
    "scan": ("vpo.cli.scan", "Put on record what videos there are."),
    "library": ("vpo.cli.library", "Say what is in the library: codecs, violations, duplicates."),
    "inspect": ("vpo.cli.inspect", "Show the tracks, attachments and chapters of videos."),
    "policy": ("vpo.cli.policy", "Check, explain and migrate policies, print their schema."),
    "history": ("vpo.cli.history", "List what earlier runs did."),
    "report": ("vpo.cli.report", "Write a page about a run, with pictures."),
    "undo": ("vpo.cli.undo", "Put back originals that were kept."),
    "doctor": ("vpo.cli.doctor", "Say what of this machine can be used, and what is missing."),
    "config": ("vpo.cli.config", "Show the settings in force."),
    "db": ("vpo.cli.db", "Check, back up or rebuild the library database."),
}
"""For each command its module, and its line in the list of them, for which no module is loaded."""

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
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from vpo.text import suggestion

            ctx.fail(f"no command is called {args[0]!r}{suggestion(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


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

    \b
    Look at what would happen, let it happen, look back:
      vpo process -n -R -p english.yaml Videos
      vpo process -R -p english.yaml Videos
      vpo history
    """


def main() -> NoReturn:
    """Run the command and exit with its code."""
    _prepare_streams()
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
        _give_up_output()
        sys.exit(EXIT_FAILED)
    except OSError as error:
        _say(f"error: {_cause(error)}")
        sys.exit(EXIT_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _prepare_streams() -> None:
    """Make sure of the three standard streams, and that any name can be written to them."""
    closed = [fd for fd in range(3) if not _is_open(fd)]
    for _ in closed:
        # The next file that is opened, such as the database, would be what others write to.
        os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        _say("error: standard output is closed")
        sys.exit(EXIT_FAILED)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _cause(error: OSError) -> str:
    """What went wrong, for people. An error without a name is that of a stream, or of the current
    folder."""
    reason = error.strerror or str(error)
    if error.filename:
        return f"{os.fsdecode(error.filename)}: {reason}"
    if isinstance(error, FileNotFoundError):
        return "the current folder does not exist any more"
    _give_up_output()
    return f"the output cannot be written: {reason}"


def _give_up_output() -> None:
    """Let what is still buffered vanish: Python would try to write it at the end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str) -> None:
    from vpo.text import printable

    with contextlib.suppress(OSError):  # standard error cannot be written either
        for line in text.splitlines():
            click.echo(f"vpo: {printable(line)}", err=True)
