"""``vpo history``: what earlier runs did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import Outcome, Run
from vpo.db.store import Store
from vpo.report import printable, shown

_STYLE = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is printed; the JSON is described in docs/json.md.",
)


@click.group("history", invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@_STYLE
@click.pass_context
def command(ctx: click.Context, limit: int, style: str) -> None:
    """List the runs, newest first; ``vpo history show RUN`` lists what one did."""
    if ctx.invoked_subcommand is not None:
        return
    with _store() as store:
        runs = Store(store).runs(limit)
    if style == "json":
        click.echo(
            json.dumps({"schema_version": 1, "runs": [_plain(run) for run in runs]}, indent=2)
        )
        return
    for run in runs:
        click.echo(_run_line(run))
    if not runs:
        click.echo("no runs on record")


@command.command("show")
@click.argument("run_id", metavar="RUN")
@_STYLE
def show(run_id: str, style: str) -> None:
    """List what a run did; RUN is its id or the beginning of it."""
    with _store() as pool:
        store = Store(pool)
        run = store.run(run_id)
        outcomes = store.outcomes(run.id)
    if style == "json":
        files = [_plain(outcome) for outcome in outcomes]
        click.echo(json.dumps({"schema_version": 1, "run": _plain(run), "files": files}, indent=2))
        return
    click.echo(_run_line(run))
    for outcome in outcomes:
        for line in _outcome_lines(outcome):
            click.echo(line)


def _store() -> DaemonConnectionPool:
    return DaemonConnectionPool(build({}).data_dir / "vpo.db")


def _run_line(run: Run) -> str:
    when = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    summary = run.summary or {}
    names = ("changed", "unchanged", "skipped", "failed", "not_started")
    counts = ", ".join(
        f"{summary[name]} {name.replace('_', ' ')}" for name in names if summary.get(name)
    )
    policies = ", ".join(run.policies)
    return printable(f"{run.id[:8]}  {when}  {run.state:11}  {counts or 'nothing'}  ({policies})")


def _outcome_lines(outcome: Outcome) -> Iterator[str]:
    status = outcome.status or outcome.state
    yield f"  {status:9}  {outcome.strategy or '':9}  {shown(outcome.path)}"
    for change in (outcome.plan or {}).get("changes", ()):
        track = "" if change["track"] is None else f" of track {change['track']}"
        text = f"{change['kind']}{track}: {change['from']} -> {change['to']}"
        yield "      " + printable(text)
    if outcome.error_message:
        yield f"      {printable(outcome.error_message)}"


def _plain(record: Run | Outcome) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in record._asdict().items()
    }
