"""``vpo watch``: follow folders, and process what comes into them."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import click

from vpo.cli.main import EXIT_CODES
from vpo.cli.options import (
    format_option,
    phases_option,
    policy_option,
    verbosity_options,
    workers_option,
)
from vpo.cli.signals import heeded
from vpo.cli.workers import chosen_workers
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK, ToolMissingError, UsageError
from vpo.media.units import duration
from vpo.policy.policy_files import PolicyFiles
from vpo.report import report
from vpo.run.coordinator import Coordinator
from vpo.run.request import Request
from vpo.run.watch import WatchOptions, events, watch


def _time(ctx: click.Context, param: click.Parameter, value: str) -> float:
    try:
        return duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command("watch", epilog=EXIT_CODES)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=str))
@policy_option
@workers_option
@phases_option
@click.option(
    "--settle",
    default="30s",
    show_default=True,
    callback=_time,
    metavar="TIME",
    help="How long a file must not have changed before it is worked on.",
)
@click.option(
    "--every",
    default="1h",
    show_default=True,
    callback=_time,
    metavar="TIME",
    help="How often all folders are looked through, for what nobody reported.",
)
@format_option("text", "jsonl")
@verbosity_options
def command(**options: Any) -> int:
    """Follow FOLDERS and all below them, and make the videos in them match the policies.

    What is there at the start is worked on first, then whatever comes or changes, once it has
    settled. It ends with Ctrl-C or SIGTERM; what was done is known when it starts again.
    """
    if options["quiet"] and options["verbose"]:
        raise UsageError("--quiet and --verbose exclude each other")
    if importlib.util.find_spec("watchfiles") is None:
        raise ToolMissingError(
            "watchfiles is missing: install vpo with its extra 'watch' (README: Install)"
        )
    settings = build({"processing.workers": options["workers"]})
    for warning in settings.warnings:
        click.echo(f"vpo: warning: {warning}", err=True)
    observer = report(options["style"], -1 if options["quiet"] else options["verbose"])
    request = Request(
        paths=tuple(_folder(name) for name in options["folders"]),
        policies=PolicyFiles(options["policies"], options["phases"]),
        recursive=True,
    )
    with DaemonConnectionPool(settings.data_dir / "vpo.db") as pool, heeded() as interrupt:
        store = Store(pool)
        coordinator = Coordinator(settings, store, observer, interrupt, chosen_workers(None))
        summaries = watch(
            request,
            coordinator,
            store,
            lambda folders: events(folders, lambda: interrupt.stop),
            WatchOptions(options["settle"], options["every"]),
        )
        for _ in summaries:
            pass
    # To be told to end is how it ends; anything else is a failure that stops the batch.
    return EXIT_OK if interrupt.signalled else EXIT_FAILED


def _folder(name: str) -> str:
    """A folder need not be there: its file system may not be mounted yet."""
    path = os.path.realpath(name)
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"{name} is not a folder; vpo process works on single files")
    return path
