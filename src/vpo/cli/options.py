"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vpo.cli import completion
from vpo.errors import UsageError

if TYPE_CHECKING:
    from vpo.run.observer import Observer

F = TypeVar("F", bound=Callable[..., Any])


def _format_option(*formats: str) -> Callable[[F], F]:
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default="text",
        show_default=True,
        help="Format of the output; docs/json.md describes the JSON.",
    )


format_option = _format_option("text", "json")
table_format_option = _format_option("text", "json", "csv")
event_format_option = _format_option("text", "json", "jsonl")


def at_least(
    minimum: int, ctx: click.Context, param: click.Parameter, value: int | None
) -> int | None:
    """Check a number; click's own range would put ``[x>=1]`` into the help."""
    if value is not None and value < minimum:
        raise click.BadParameter(f"{value} is less than {minimum}", ctx, param)
    return value


def _find_policies(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    value: tuple[str, ...],
) -> tuple[str, ...]:
    from vpo.config.builder import config_file  # imported late, as it is not needed for the help
    from vpo.policy.policy_files import find_policy

    folder = config_file().parent / "policies" if value else None
    return tuple(find_policy(text, str(folder)) for text in value)


policy_option = click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    callback=_find_policies,
    type=click.Path(path_type=str),
    shell_complete=completion.known_policies,
    metavar="FILE",
    help="Policy to apply: a file, or a name in the configuration folder's policies/; repeat it to"
    " apply several, in order, as one plan.",
)


def _check_patterns(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    from vpo.exclude import checked_pattern

    try:
        return tuple(map(checked_pattern, value))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


exclude_option = click.option(
    "--exclude",
    multiple=True,
    callback=_check_patterns,
    metavar="PATTERN",
    help="Leave out files and folders by this pattern of gitignore; repeat it for several.",
)
library_option = click.option(
    "--library",
    "libraries",
    multiple=True,
    shell_complete=completion.known_libraries,
    metavar="NAME",
    help="Only this library of the configuration; repeat it for several.",
)
recursive_option = click.option("-R", "--recursive", is_flag=True, help="Search subfolders, too.")


def _workers_option(verb: str) -> Callable[[F], F]:
    return click.option(
        "-w",
        "--workers",
        type=int,
        callback=partial(at_least, 1),
        metavar="N",
        help=f"Files to {verb} at the same time; by default 2, at most half of the cores.",
    )


workers_option = _workers_option("process")
scan_workers_option = _workers_option("read")
phases_option = click.option(
    "--phases",
    metavar="A,B",
    shell_complete=completion.phases,
    help="Apply only these phases of the policies.",
)


def report_options(function: F) -> F:
    """Add ``-v`` (counted), ``-q`` and ``--progress``, which ``chosen_observer`` takes."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="Show failures only.")
    verbose = click.option("-v", "--verbose", count=True, help="Show every file and its changes.")
    progress = click.option(
        "--progress",
        type=click.Choice(["plain", "fancy", "none"]),
        help="How to show the progress of text: lines for a log, a display for a terminal, or not"
        " at all; by default what fits standard error.",
    )
    return progress(verbose(quiet(function)))


def chosen_observer(options: Mapping[str, Any], watching: bool = False) -> Observer:
    """Return the observer that the options ask for; raise ``UsageError`` if they contradict."""
    from vpo.report import create_observer

    if options["quiet"] and options["verbose"]:
        raise UsageError("--quiet and --verbose cannot be used together")
    if options["progress"] and options["output_format"] != "text":
        raise UsageError("--progress is for --format text; jsonl has events of the progress")
    verbosity = -1 if options["quiet"] else options["verbose"]
    return create_observer(options["output_format"], verbosity, options["progress"], watching)
