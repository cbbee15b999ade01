"""``vpo watch``: watch folders and process new and changed videos."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from vpo.cli.libraries import Target, targets
from vpo.cli.options import (
    chosen_observer,
    event_format_option,
    exclude_option,
    library_option,
    phases_option,
    policy_option,
    report_options,
    workers_option,
)
from vpo.cli.output import print_warnings
from vpo.cli.signals import signals_handled
from vpo.cli.workers import chosen_workers
from vpo.config.builder import Settings, build, require_temporary_folder
from vpo.config.libraries import excluding
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK, UsageError
from vpo.media.units import duration
from vpo.policy.policy_files import PolicyFiles
from vpo.run.coordinator import Coordinator
from vpo.run.folder_changes import TICK, FolderChanges, require_events
from vpo.run.request import Request
from vpo.run.watch import Watched, watch

_EXIT_CODES = """\b
Exit codes:
  0    ended by Ctrl-C or SIGTERM
  1    ended by a failure
  2    invalid usage, policy or configuration
  3    a required tool or package is not installed"""


_SETTLE, _POLL = 30.0, 60.0
"""Seconds."""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command("watch", epilog=_EXIT_CODES)
@click.argument("folders", nargs=-1, type=click.Path(path_type=str))
@policy_option
@library_option
@exclude_option
@workers_option
@phases_option
@click.option(
    "--settle",
    callback=_seconds,
    metavar="TIME",
    help="Process a file once it has not changed for this long; by default 30s.",
)
@click.option(
    "--every",
    default="1h",
    show_default=True,
    callback=_seconds,
    metavar="TIME",
    help="Interval between full scans, for changes that were not reported.",
)
@click.option(
    "--poll",
    is_flag=False,
    flag_value=f"{_POLL:.0f}s",
    metavar="[TIME]",
    help="Search the folders for changes at this interval, by default 60s, instead of having the"
    " system report them.",
)
@event_format_option
@report_options
def command(**options: Any) -> int:
    """Watch FOLDERS with their subfolders and process new and changed videos.

    Without FOLDERS, the libraries of the configuration with "watch = true" are watched, or those
    named with --library.

    Processes the existing videos first, then those that are added or changed. Ctrl-C or SIGTERM
    ends it.
    """
    observer = chosen_observer(options, watching=True)
    folders, poll = _folders_and_poll(options)
    if poll is None:
        require_events()
    settings = build({"processing.workers": options["workers"]})
    settings = excluding(settings, options["exclude"])
    print_warnings(settings.warnings)
    require_temporary_folder(settings)
    found = _watched(settings, folders, options)
    with DaemonConnectionPool(settings.database_path) as pool, signals_handled() as interrupt:
        store = Store(pool)
        watched = [
            Watched(
                _request(target, options["phases"]),
                Coordinator(target.settings, store, observer, interrupt, chosen_workers(None)),
                _settle(target, options["settle"]),
            )
            for target in found
        ]
        changes = FolderChanges(
            poll or _POLL, poll is not None, lambda: interrupt.stop, observer.note
        )
        for _ in watch(watched, store, changes, options["every"]):
            pass
    # A signal is the normal end; anything else is a failure that stopped the batch.
    return EXIT_OK if interrupt.signalled else EXIT_FAILED


def _folders_and_poll(options: Mapping[str, Any]) -> tuple[tuple[str, ...], float | None]:
    """Return the folders, and the seconds between two searches; ``None`` if none are wanted.

    What stands behind ``--poll`` may be a folder.
    """
    folders, poll = options["folders"], options["poll"]
    if poll is None:
        return folders, None
    try:
        return folders, max(duration(poll), TICK)
    except ValueError as error:
        if not os.path.isdir(poll):
            raise UsageError(f"--poll: {error}") from None
        return (poll, *folders), _POLL


def _watched(
    settings: Settings, folders: tuple[str, ...], options: Mapping[str, Any]
) -> list[Target]:
    """Return what is watched; raise ``UsageError`` if that is nothing."""
    found = targets(settings, folders, options["libraries"], options["policies"])
    if not folders and not options["libraries"]:
        found = [target for target in found if target.library and target.library.watch]
    if not found:
        raise UsageError(
            f"{settings.config_path}: no library has watch = true; add it to one, or name folders"
        )
    return found


def _request(target: Target, phases: str | None) -> Request:
    return Request(
        paths=tuple(_folder(name) for name in target.paths),
        policies=PolicyFiles(target.policies, phases),
        recursive=True,
        on_error=target.library.on_error if target.library else None,
        library=target.name,
    )


def _settle(target: Target, given: float | None) -> float:
    if given is not None:
        return given
    return target.library.settle if target.library else _SETTLE


def _folder(name: str) -> str:
    """Return the real path of a folder, which may be missing: it may be mounted later."""
    path = os.path.realpath(name)
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"{name} is not a folder; use `vpo process` for single files")
    return path
