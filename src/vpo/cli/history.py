"""``vpo history``: list past runs and what they did."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from vpo.cli import completion
from vpo.cli.options import at_least, table_format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import OutcomeRow, Run
from vpo.db.store import Store
from vpo.errors import UsageError
from vpo.report.history import COUNTS, changes_made, record_json, run_counts, run_subject
from vpo.report.table import write_csv
from vpo.report.text import MIN_SAVED
from vpo.text import display_path, printable, saved_text

_RUN_COLUMNS = (
    *("id", "started_at", "finished_at", "state", "workers", *COUNTS),
    *("saved", "policies", "library", "paths"),
)
_FILE_COLUMNS = (
    *("path", "state", "status", "strategy", "error_type", "error_message"),
    *("started_at", "seconds", "size_before", "size_after", "undone_at"),
)


@click.group("history", invoke_without_command=True)
@click.option(
    "--limit",
    type=int,
    callback=partial(at_least, 1),
    metavar="N",
    default=20,
    show_default=True,
    help="Number of runs to list.",
)
@table_format_option
@click.pass_context
def command(ctx: click.Context, limit: int, output_format: str) -> None:
    """List past runs, newest first.

    With "show RUN": list what a run did to each file.
    """
    if ctx.invoked_subcommand is not None:
        if ctx.get_parameter_source("limit") is not ParameterSource.DEFAULT:
            raise UsageError("--limit applies to the list of runs, not to `vpo history show`")
        ctx.obj = output_format
        return
    with _database() as pool:
        runs = Store(pool).runs(limit)
    if output_format == "json":
        print_json({"runs": [record_json(run) for run in runs]})
    elif output_format == "csv":
        write_csv(
            sys.stdout, _RUN_COLUMNS, ([_run_facts(r)[c] for c in _RUN_COLUMNS] for r in runs)
        )
    else:
        for run in runs:
            click.echo(_run_line(run))
        if not runs:
            click.echo("no runs recorded")


@command.command("show")
@click.argument("run_id", metavar="RUN", shell_complete=completion.runs)
@table_format_option
@click.pass_context
def _show(ctx: click.Context, run_id: str, output_format: str) -> None:
    """List what a run did; RUN is its id, a prefix of it, or "last"."""
    if ctx.get_parameter_source("output_format") is ParameterSource.DEFAULT:
        output_format = ctx.obj  # given before "show"
    with _database() as pool:
        store = Store(pool)
        run = store.run(run_id)
        outcomes = store.outcomes(run.id)
    if output_format == "json":
        print_json(
            {"run": record_json(run), "files": [record_json(outcome) for outcome in outcomes]}
        )
    elif output_format == "csv":
        facts = map(record_json, outcomes)
        write_csv(sys.stdout, _FILE_COLUMNS, ([item[c] for c in _FILE_COLUMNS] for item in facts))
    else:
        click.echo(_run_line(run))
        for outcome in outcomes:
            for line in _outcome_lines(outcome):
                click.echo(line)


def _database() -> DaemonConnectionPool:
    return DaemonConnectionPool(build({}).database_path, reading=True)


def _run_facts(run: Run) -> dict[str, Any]:
    """Return a run with its counts, for CSV."""
    counts = {name: (run.summary or {}).get(name) for name in (*COUNTS, "saved")}
    return {
        **record_json(run),
        **counts,
        "policies": ", ".join(run.policies),
        "library": run.options.get("library"),
        "paths": os.pathsep.join(run.options.get("paths", ())),
    }


def _run_line(run: Run) -> str:
    when = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    summary = run.summary or {}
    saved = summary.get("saved", 0)
    difference = f"; {saved_text(saved)}" if abs(saved) >= MIN_SAVED else ""
    what = f"{run_counts(run) or 'nothing'}{difference}"
    return printable(f"{run.id[:8]}  {when}  {run.state:11}  {what}  ({run_subject(run)})")


def _outcome_lines(outcome: OutcomeRow) -> Iterator[str]:
    status = outcome.status or outcome.state
    changes = list(changes_made(outcome))
    notes = "" if outcome.strategy in (None, "none") else f"  ({outcome.strategy})"
    if outcome.status == "failed" and changes:
        notes = "  (partly changed)"
    elif outcome.undone_at is not None:
        notes += "  (undone)"
    yield f"  {status:11}  {display_path(outcome.path)}{notes}"
    for text in changes:
        yield f"      {printable(text)}"
    if outcome.error_message:
        yield f"      {printable(outcome.error_message)}"
