"""``vpo undo``: put kept originals back."""

from __future__ import annotations

import os

import click

from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import KeptOriginal
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK, FileError, UsageError
from vpo.recovery import put_back
from vpo.report import printable, shown


@click.command("undo")
@click.argument("target", metavar="RUN|FILE", type=click.Path(path_type=str))
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be put back.")
def command(target: str, dry_run: bool) -> int:
    """Put back exactly what was there before a run, or before a file was last changed.

    Needs originals that were kept: [originals] keep = "trash". A file that has changed since is
    left as it is now.
    """
    settings = build({})
    with DaemonConnectionPool(settings.data_dir / "vpo.db") as pool:
        store = Store(pool)
        failed = False
        for item in _wanted(store, settings, target):
            if dry_run:
                click.echo(f"would put back {shown(item.path)}")
                continue
            try:
                put_back(store, item)
            except FileError as error:
                failed = True
                click.echo(f"vpo: {shown(item.path)}: {printable(str(error))}", err=True)
            else:
                click.echo(f"put back {shown(item.path)}")
    return EXIT_FAILED if failed else EXIT_OK


def _wanted(store: Store, settings: Settings, target: str) -> list[KeptOriginal]:
    if os.path.lexists(target) or os.sep in target:
        found = store.kept(path=os.path.realpath(target))[:1]
    else:
        found = store.kept(run_id=store.run(target).id)
    if not found:
        hint = "" if settings.config.originals.keep == "trash" else '; [originals] keep is "none"'
        raise UsageError(f"no original is kept of {printable(target)}{hint}")
    return found
