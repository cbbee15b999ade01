"""``vpo db``: look after the library database."""

from __future__ import annotations

import os

import click

from vpo.config.builder import build
from vpo.db import upkeep
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK
from vpo.media.units import format_size
from vpo.run.recovery import record_found_originals
from vpo.text import counted, printable


@click.group("db")
def command() -> None:
    """Check, back up and rebuild the library database.

    It holds only what vpo can find out again, and the history of its runs.
    """


@command.command("check")
def check() -> int:
    """Say whether the database is sound."""
    path = build({}).data_dir / "vpo.db"
    problems = upkeep.check(path)
    for problem in problems:
        click.echo(f"vpo: {path}: {printable(problem)}", err=True)
    if problems:
        click.echo("vpo: `vpo db rebuild` saves what can be read and makes a new one", err=True)
        return EXIT_FAILED
    click.echo(f"{path}: ok")
    return EXIT_OK


@command.command("backup")
@click.argument("target", type=click.Path(path_type=str))
def backup(target: str) -> None:
    """Write a copy of the database to TARGET, also while vpo runs."""
    size = upkeep.backup(build({}).data_dir / "vpo.db", os.path.abspath(target))
    click.echo(f"{printable(target)}: {format_size(size)}")


@command.command("rebuild")
def rebuild() -> None:
    """Put the database aside and make a new one with everything that can still be read.

    Files that are no longer on record are looked at again by the next run, which also finds the
    originals that are kept beside them.
    """
    settings = build({})
    path = settings.data_dir / "vpo.db"
    report = upkeep.rebuild(path)
    if report.aside:
        click.echo(f"the old database is now {report.aside}")
    for table, rows in report.saved.items():
        click.echo(f"{table}: {counted(rows, 'row')} saved")
    with DaemonConnectionPool(path) as pool:
        store = Store(pool)
        for text in record_found_originals(store, store.folders(), settings.config.originals):
            click.echo(text)
