"""``vpo report``: a run as a page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from vpo.cli import completion
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import PublishError, UsageError
from vpo.text import display_path

_HEAD = 2000
"""Characters of a page in which it says what it is."""


@click.command("report")
@click.argument("run_id", metavar="RUN", shell_complete=completion.runs)
@click.option(
    "--html",
    "target",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the page is written; an earlier report is replaced, and no other file.",
)
def command(run_id: str, target: Path) -> None:
    """Write a page about a run: savings, changes, failures, and who worked when.

    RUN is an id of "vpo history", the beginning of one, or "last". The page is one file that
    needs nothing else.
    """
    from vpo.report.page import page

    with DaemonConnectionPool(build({}).data_dir / "vpo.db", reading=True) as pool:
        store = Store(pool)
        run = store.run(run_id)
        text = page(run, store.outcomes(run.id))
    try:
        _refuse_foreign(target)
        _write(target, text)
    except OSError as error:
        raise PublishError(
            f"{target} cannot be written: {error.strerror}; make room, or choose another place"
        ) from None
    click.echo(f"{display_path(str(target.absolute()))} has run {run.id[:8]}")


def _refuse_foreign(target: Path) -> None:
    from vpo.report.page import GENERATOR

    if not os.path.lexists(target):
        return
    with target.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", "replace")
    if GENERATOR not in head:
        raise UsageError(f"{target} is there and is no report of vpo; choose another name")


def _write(target: Path, text: str) -> None:
    """All of it, or nothing: a page that was cut off would look like one."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
