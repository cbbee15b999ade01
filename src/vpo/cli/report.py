"""``vpo report``: write an HTML report of a run."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import click

from vpo.cli import completion
from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PublishError, UsageError
from vpo.text import display_path

_HEAD_SIZE = 2000
"""Characters at the start of a page that identify it."""


@click.command("report")
@click.argument("run_id", metavar="RUN", shell_complete=completion.runs)
@click.option(
    "--html",
    "target",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; only an earlier report is overwritten.",
)
@format_option
def command(run_id: str, target: Path, output_format: str) -> None:
    """Write an HTML report of a run: savings, changes, failures, and workers over time.

    RUN is an id of "vpo history", a prefix of one, or "last". The page is one file without external
    resources.
    """
    from vpo.report.page import page

    with DaemonConnectionPool(build({}).database_path, reading=True) as pool:
        store = Store(pool)
        run = store.run(run_id)
        text = page(run, store.outcomes(run.id))
    try:
        _refuse_other_file(target)
        _write(target, text)
    except OSError as error:
        raise PublishError(
            f"{target} cannot be written: {error.strerror}; free some space or choose another path"
        ) from None
    path = str(target.absolute())
    if output_format == "json":
        print_json({"path": path, "run_id": run.id})
    else:
        click.echo(f"wrote the report of run {run.id[:8]} to {display_path(path)}")


def _refuse_other_file(target: Path) -> None:
    from vpo.report.page import GENERATOR

    if not os.path.lexists(target):
        return
    with target.open("rb") as file:
        head = file.read(_HEAD_SIZE).decode("utf-8", "replace")
    if GENERATOR not in head:
        raise UsageError(f"{target} exists and is not a report of vpo; choose another name")


def _write(target: Path, text: str) -> None:
    """Write the whole file or nothing."""
    part = target.with_name(f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}.part")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
