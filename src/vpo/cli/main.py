"""The ``vpo`` command; turns errors into messages and exit codes."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from typing import NoReturn

import click

from vpo import __version__
from vpo.cli.output import print_error
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, VpoError

COMMANDS = {
    "init": ("vpo.cli.init", "Write a configuration and two policies to start from."),
    "process": ("vpo.cli.process", "Change videos so that they comply with policies."),
    "watch": ("vpo.cli.watch", "Watch folders and process new and changed videos."),
    "serve": ("vpo.cli.serve", "Show the library in a browser."),
    "status": ("vpo.cli.status", "Show what runs, how far it is, and what waits."),
    "queue": ("vpo.cli.queue", "Show and change the files that wait for vpo serve."),
    "pause": ("vpo.cli.pause", "Pause all runs."),
    "resume": ("vpo.cli.resume", "Resume paused runs."),
    "scan": ("vpo.cli.scan", "Index the videos in a folder."),
    "library": (
        "vpo.cli.library",
        "Show statistics, non-compliant files, duplicates and failures.",
    ),
    "inspect": ("vpo.cli.inspect", "Show the tracks, attachments and chapters of videos."),
    "policy": ("vpo.cli.policy", "Check, explain and migrate policies; print their schema."),
    "history": ("vpo.cli.history", "List past runs and what they did."),
    "report": ("vpo.cli.report", "Write an HTML report of a run."),
    "ignore": ("vpo.cli.ignore", "Leave files alone from now on."),
    "undo": ("vpo.cli.undo", "Restore kept originals."),
    "completion": ("vpo.cli.shells", "Print the code that has a shell complete vpo."),
    "doctor": ("vpo.cli.doctor", "Check tools, encoders and the database."),
    "config": ("vpo.cli.config", "Show the configuration."),
    "db": ("vpo.cli.db", "Check, back up and rebuild the library database."),
}
"""The module and the summary of each command, so that the list of commands imports none."""

EXIT_CODES = """\b
Exit codes:
  0    done, or nothing to do
  1    a file failed, or the run was stopped
  2    invalid usage, policy or configuration
  3    a required tool is not installed
  130  interrupted"""


class LazyGroup(click.Group):
    """A group that imports a command's module only when it is used, for a fast start."""

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

            ctx.fail(f"unknown command {args[0]!r}{suggestion(args[0], COMMANDS)}")
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

    A policy says which languages, tracks, flags and containers your files should have. vpo makes
    every file comply, several at a time, and verifies each result before it replaces the original.

    \b
    Preview the changes, make them, and list what was done:
      vpo process -n -R -p english.yaml Videos
      vpo process -R -p english.yaml Videos
      vpo history
    """


def main() -> NoReturn:
    """Run the command and exit with its code."""
    _prepare_streams()
    # The imports make many objects that live on; searching them again and again takes 50 ms.
    gc.set_threshold(50_000, 20, 20)
    try:
        code = cli.main(prog_name="vpo", standalone_mode=False)
    except click.exceptions.Abort:
        print_error("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except VpoError as error:
        print_error(*f"error: {error}".splitlines())
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _drop_output()
        sys.exit(EXIT_FAILED)
    except OSError as error:
        print_error(*f"error: {_cause(error)}".splitlines())
        sys.exit(EXIT_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _prepare_streams() -> None:
    """Open closed standard streams on /dev/null; have output escape what cannot be encoded."""
    closed = [fd for fd in range(3) if not _is_open(fd)]
    for _ in closed:
        # Or else the next opened file, such as the database, would receive the output.
        os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        print_error("error: standard output is closed")
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
    """Return the message of an error; one without a file is of a stream or the current folder."""
    reason = error.strerror or str(error)
    if error.filename:
        return f"{os.fsdecode(error.filename)}: {reason}"
    if isinstance(error, FileNotFoundError):
        return "the current folder no longer exists"
    _drop_output()
    return f"the output cannot be written: {reason}"


def _drop_output() -> None:
    """Drop buffered output, which Python would try to write at exit, with another error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
