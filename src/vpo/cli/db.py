"""``vpo db``: check, back up and rebuild the library database."""

from __future__ import annotations

import os

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_error, print_json
from vpo.config.builder import build
from vpo.db import maintenance
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK
from vpo.run.restore import record_found_originals
from vpo.text import counted, format_size, printable


@click.group("db")
def command() -> None:
    """Check, back up and rebuild the library database.

    It holds the history of runs, and what vpo can find out again from the files.
    """


@command.command("check")
@format_option
def _check(output_format: str) -> int:
    """Check the integrity of the database."""
    path = build({}).database_path
    problems = maintenance.check_database(path)
    if output_format == "json":
        print_json({"path": str(path), "problems": problems})
    elif not problems:
        click.echo(f"{path}: ok")
    for problem in problems:
        print_error(f"{path}: {problem}")
    if problems:
        print_error("`vpo db rebuild` saves what can be read and creates a new database")
    return EXIT_FAILED if problems else EXIT_OK


@command.command("backup")
@click.argument("target", type=click.Path(path_type=str))
@format_option
def _backup(target: str, output_format: str) -> None:
    """Write a copy of the database to TARGET, even while vpo runs."""
    path = os.path.abspath(target)
    size = maintenance.back_up_database(build({}).database_path, path)
    if output_format == "json":
        print_json({"path": path, "size": size})
    else:
        click.echo(f"{printable(target)}: {format_size(size)}")


@command.command("rebuild")
@format_option
def _rebuild(output_format: str) -> None:
    """Move the database away and create a new one from it.

    The new one has everything that can be read from the old one. The next run probes files that
    are no longer in the database, and finds the originals kept next to them.
    """
    settings = build({})
    rebuilt = maintenance.rebuild_database(settings.database_path)
    with DaemonConnectionPool(settings.database_path) as pool:
        store = Store(pool)
        notes = record_found_originals(store, store.folders(), settings.config.originals)
    old = str(rebuilt.moved_to) if rebuilt.moved_to else None
    if output_format == "json":
        print_json({"old": old, "saved": dict(rebuilt.saved), "notes": notes})
        return
    if old:
        click.echo(f"the old database is now {old}")
    for table, rows in rebuilt.saved.items():
        click.echo(f"{table}: {counted(rows, 'row')} saved")
    for note in notes:
        click.echo(note)
