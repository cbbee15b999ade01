"""``vpo undo``: put kept originals back."""

from __future__ import annotations

import os

import click

from vpo.cli import completion
from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import KeptOriginal
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK, FileError, UsageError
from vpo.run.recovery import record_found_originals, restore_original, restore_problem
from vpo.text import printable, shown


@click.command("undo")
@click.argument(
    "target",
    metavar="RUN|FILE",
    type=click.Path(path_type=str),
    shell_complete=completion.runs_or_files,
)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be put back, and do nothing.")
def command(target: str, dry_run: bool) -> int:
    """Put back exactly what was there before a run, or before a file was last changed.

    Needs originals that were kept: [originals] keep = "trash". A file that has changed since is
    left as it is now.
    """
    settings = build({})
    with DaemonConnectionPool(settings.data_dir / "vpo.db") as pool:
        store = Store(pool)
        refused = False
        for item in _wanted(store, settings, target):
            problem = restore_problem(item) if dry_run else _put_back(store, item)
            if problem is None:
                click.echo(f"{'would put' if dry_run else 'put'} back {shown(item.path)}")
            else:
                refused = True
                click.echo(f"vpo: {shown(item.path)}: {printable(problem)}", err=True)
    return EXIT_FAILED if refused else EXIT_OK


def _put_back(store: Store, item: KeptOriginal) -> str | None:
    """What stands against it; ``None`` if it was done."""
    try:
        restore_original(store, item)
    except FileError as error:
        return str(error)
    return None


def _wanted(store: Store, settings: Settings, target: str) -> list[KeptOriginal]:
    if os.path.lexists(target) or os.sep in target:
        path = os.path.realpath(target)
        record_found_originals(store, [os.path.dirname(path)], settings.config.originals)
        found = store.kept(path=path)[:1]
    else:
        found = store.kept(run_id=store.run(target).id)
    if not found:
        hint = "" if settings.config.originals.keep == "trash" else '; [originals] keep is "none"'
        raise UsageError(f"no original is kept of {printable(target)}{hint}")
    return found
