"""``vpo status``: what runs, how far it is, and what waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_json
from vpo.cli.queue import counts_text
from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.queue import FileQueue
from vpo.db.store import Store
from vpo.run.schedule import Schedule
from vpo.run.status import RunStatus, running_runs
from vpo.text import counted, display_path, format_time, printable


@click.command("status")
@format_option
def command(output_format: str) -> None:
    """Show what runs and how far it is, what waits, and the libraries."""
    settings = build({})
    paused = Schedule(settings.data_dir).pause_state()
    with DaemonConnectionPool(settings.database_path, reading=True) as pool:
        runs = running_runs(Store(pool), settings.data_dir)
        libraries = list(_libraries(settings, Library(pool)))
        queue = FileQueue(pool).counts()
    document = {
        "paused": paused.reason if paused else None,
        "runs": [_run_json(item) for item in runs],
        "queue": queue,
        "libraries": libraries,
    }
    if output_format == "json":
        print_json(document)
        return
    for item in runs:
        _print_run(item)
    if not runs:
        click.echo("nothing runs")
    if paused:
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


def _libraries(settings: Settings, indexed: Library) -> Iterator[dict[str, Any]]:
    for library in settings.config.libraries:
        folders = list(library.folders)
        yield {
            "name": library.name,
            "folders": folders,
            "policy": library.policy,
            "watch": library.watch,
            "files": indexed.count(folders),
            "failed": sum(1 for _ in indexed.failed(folders)),
        }


def _run_json(item: RunStatus) -> dict[str, Any]:
    run, progress = item
    return {
        "run_id": run.id,
        "library": run.options.get("library"),
        "policies": run.policies,
        "started_at": run.started_at.isoformat(),
        "pid": run.pid,
        "done": progress.done,
        "total": progress.total,
        "waiting_files": item.waiting,
        "part": progress.part,
        "eta_seconds": None if progress.left is None else round(progress.left, 1),
        "waiting": progress.waiting,
        "running": [
            {"path": file.path, "phase": file.stage, "part": file.part, "eta_seconds": file.left}
            for file in progress.running
        ],
    }


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
