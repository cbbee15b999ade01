"""``vpo history``: what earlier runs did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
from click.core import ParameterSource

from vpo.cli import completion
from vpo.cli.options import at_least_one, format_option
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import OutcomeRecord, Run
from vpo.db.store import Store
from vpo.errors import UsageError
from vpo.report import JSON_SCHEMA_VERSION
from vpo.report.diff import change_text
from vpo.text import display_path, printable


@click.group("history", invoke_without_command=True)
@click.option(
    "--limit",
    type=int,
    callback=at_least_one,
    metavar="N",
    default=20,
    show_default=True,
    help="How many runs are listed.",
)
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, limit: int, style: str) -> None:
    """List the runs, newest first.

    With "show RUN": list what one of them did with each file.
    """
    if ctx.invoked_subcommand is not None:
        if ctx.get_parameter_source("limit") is not ParameterSource.DEFAULT:
            raise UsageError("--limit is for the list of runs, not for what one of them did")
        ctx.obj = style
        return
    with _store() as pool:
        runs = Store(pool).runs(limit)
    if style == "json":
        _print({"runs": [_plain(run) for run in runs]})
        return
    for run in runs:
        click.echo(_run_line(run))
    if not runs:
        click.echo("no runs on record")


@command.command("show")
@click.argument("run_id", metavar="RUN", shell_complete=completion.runs)
@format_option("text", "json", default=None)
@click.pass_obj
def show(before: str, run_id: str, style: str | None) -> None:
    """List what a run did; RUN is its id, the beginning of it, or "last"."""
    with _store() as pool:
        store = Store(pool)
        run = store.run(run_id)
        outcomes = store.outcomes(run.id)
    if (style or before) == "json":
        _print({"run": _plain(run), "files": [_plain(outcome) for outcome in outcomes]})
        return
    click.echo(_run_line(run))
    for outcome in outcomes:
        for line in _outcome_lines(outcome):
            click.echo(line)


def _store() -> DaemonConnectionPool:
    return DaemonConnectionPool(build({}).data_dir / "vpo.db", reading=True)


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps({"schema_version": JSON_SCHEMA_VERSION, **document}, indent=2))


def _run_line(run: Run) -> str:
    when = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    summary = run.summary or {}
    names = ("changed", "unchanged", "skipped", "failed", "not_started")
    counts = ", ".join(
        f"{summary[name]} {name.replace('_', ' ')}" for name in names if summary.get(name)
    )
    policies = ", ".join(run.policies)
    return printable(f"{run.id[:8]}  {when}  {run.state:11}  {counts or 'nothing'}  ({policies})")


def _outcome_lines(outcome: OutcomeRecord) -> Iterator[str]:
    status = outcome.status or outcome.state
    changes = (outcome.plan or {}).get("changes", ())
    failed = outcome.status == "failed"
    if failed and outcome.strategy == "none":
        changes = ()  # they were planned, and nothing came of them
    how = "" if outcome.strategy in (None, "none") else f"  ({outcome.strategy})"
    how += "  (undone)" * (outcome.undone_at is not None)
    partly = "  (partly changed)" if failed and changes else ""
    yield f"  {status:11}  {display_path(outcome.path)}{partly or how}"
    for change in changes:
        track = "" if change["track"] is None or change["kind"] == "remove" else _track(change)
        text = change_text(change["kind"], change["from"], change["to"])
        yield f"      {printable(track + text)}"
    if outcome.error_message:
        yield f"      {printable(outcome.error_message)}"


def _track(change: dict[str, Any]) -> str:
    return f"track {change['track']} "


def _plain(record: Run | OutcomeRecord) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in record._asdict().items()
    }
