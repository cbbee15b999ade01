"""``vpo status``: what runs, how far it is, and what waits."""

from __future__ import annotations

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.cli.queue import counts_text
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.queue import FileQueue
from vpo.db.store import Store
from vpo.report.status_json import libraries_json, status_json
from vpo.run.schedule import Schedule
from vpo.run.status import RunStatus, running_runs
from vpo.text import counted, display_path, format_time, printable


@click.command("status")
@format_option
def command(output_format: str) -> None:
    """Show what runs and how far it is, what waits, and the libraries."""
    settings = build({})
    with DaemonConnectionPool(settings.database_path, reading=True) as pool:
        libraries = list(libraries_json(settings, pool))
        if output_format == "json":
            print_json({**status_json(settings, pool), "libraries": libraries})
            return
        runs = running_runs(Store(pool), settings.data_dir)
        queue = FileQueue(pool).counts()
    for item in runs:
        _print_run(item)
    if not runs:
        click.echo("nothing runs")
    if paused := Schedule(settings.data_dir).pause_state():
        click.echo(paused.reason)
    if any(queue.values()):
        click.echo(counts_text(queue))
    for library in libraries:
        watched = ", watched" if library["watch"] else ""
        failed = f", {library['failed']:,} failed" if library["failed"] else ""
        click.echo(
            f"library {printable(library['name'])}: {counted(library['files'], 'indexed file')}"
            f"{failed}; policy {printable(library['policy'])}{watched}"
        )


def _print_run(item: RunStatus) -> None:
    run, progress = item
    what = run.options.get("library") or ", ".join(run.policies)
    started = f"{run.started_at.astimezone():%Y-%m-%d %H:%M}"
    click.echo(f"run {run.id[:8]} ({printable(what)}), since {started}")
    part = "" if progress.part is None else f" ({progress.part:.0%})"
    left = "" if progress.left is None else f"; {format_time(progress.left)} left"
    reason = f"; {printable(progress.waiting)}" if progress.waiting else ""
    click.echo(
        f"  {progress.done:,} of {counted(progress.total, 'file')} done{part}, "
        f"{item.waiting:,} waiting{left}{reason}"
    )
    for file in progress.running:
        done = file.prepared if file.part is None else file.part
        part = f" {done:.0%}" if done is not None else ""
        rest = "" if file.left is None else f", {format_time(file.left)} left"
        click.echo(f"  {display_path(file.path)}: {file.stage}{part}{rest}")
