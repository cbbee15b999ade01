"""``vpo library``: statistics of the library, and non-compliant, duplicate and failed files.

All of it is from the database.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from vpo.cli import library_check, library_health
from vpo.cli.library_question import NOTHING_INDEXED, question_options, questioned
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Done, Failed
from vpo.db.store import Store
from vpo.library.duplicates import Duplicates, find_duplicates
from vpo.library.statistics import FACTS, Totals, overview
from vpo.report.table import table_lines, write_csv
from vpo.report.text import Console
from vpo.text import counted, display_path, format_size, format_time, printable, saved_text


@click.group("library", invoke_without_command=True)
@question_options
@click.pass_context
def command(ctx: click.Context, output_format: str, under: tuple[str, ...]) -> None:
    """Show files, time and size by container, codec, resolution, dynamic range, language.

    All of it is from the database, filled by "vpo scan" and "vpo process"; no file is opened.
    """
    if ctx.invoked_subcommand is not None:
        return
    with questioned(under) as question:
        total, facts = overview(media for media, _ in question.media())
        done = question.library.done(question.under)
    if output_format == "json":
        values = {
            name: [{"value": value, **totals._asdict()} for value, totals in counts.items()]
            for name, counts in facts.items()
        }
        print_json({"total": total._asdict(), **values, "done": [_done_json(d) for d in done]})
    elif output_format == "csv":
        rows = [
            (name, value, *totals)
            for name, counts in facts.items()
            for value, totals in counts.items()
        ]
        write_csv(sys.stdout, ("fact", "value", "files", "seconds", "bytes"), rows)
    elif not total.files:
        click.echo(NOTHING_INDEXED)
    else:
        _print_overview(total, facts)
        if done:
            click.echo(_done_text(done))


def _print_overview(total: Totals, facts: dict[str, dict[str, Totals]]) -> None:
    console = Console(sys.stdout)
    _, time, size = _totals_text(total)
    console.line(f"{counted(total.files, 'file')}, {time}, {size}")
    rows: list[tuple[str, ...]] = []
    for name, counts in facts.items():
        for number, (value, totals) in enumerate(counts.items()):
            rows.append((FACTS[name] if not number else "", value, *_totals_text(totals)))
    head, *table = table_lines(("", "", "Files", "Time", "Size"), rows, right=3)
    console.line(head, "dim")
    for row in table:
        console.line(row)


def _done_json(item: Done) -> dict[str, Any]:
    return {**item._asdict(), "since": item.since.isoformat()}


def _done_text(done: list[Done]) -> str:
    """Return what all runs have done, in one line."""
    since = min(item.since for item in done).astimezone()
    kinds = ", ".join(f"{item.files:,} {item.strategy}" for item in done)
    seconds = format_time(sum(item.seconds for item in done))
    saved = saved_text(sum(item.saved for item in done))
    changes = counted(sum(item.files for item in done), "change")
    return f"since {since:%Y-%m-%d}: {changes} ({kinds}) in {seconds}, {saved}"


def _totals_text(totals: Totals) -> tuple[str, str, str]:
    return f"{totals.files:,}", format_time(totals.seconds), format_size(totals.bytes)


@command.command("duplicates")
@question_options
def _duplicates(output_format: str, under: tuple[str, ...]) -> None:
    """List probable duplicates, those that waste most space first.

    "tracks": same size, duration and tracks; the content is not compared. "title": the names have
    the same film and year, or the same episode.
    """
    with questioned(under) as question:
        found = find_duplicates(question.media())
    if output_format == "json":
        groups = [{**item._asdict(), "files": [f._asdict() for f in item.files]} for item in found]
        print_json({"duplicates": groups})
    elif output_format == "csv":
        rows = [
            (number, item.kind, item.name, *file)
            for number, item in enumerate(found, 1)
            for file in item.files
        ]
        columns = ("group", "kind", "name", "path", "size", "seconds", "video", "inode")
        write_csv(sys.stdout, columns, rows)
    else:
        _print_duplicates(found)


def _print_duplicates(found: list[Duplicates]) -> None:
    console = Console(sys.stdout)
    for item in found:
        alike = "same tracks" if item.kind == "tracks" else "same title"
        console.line(f"{printable(item.name)}  ({alike}; {format_size(item.wasted)} redundant)")
        for file in item.files:
            path = display_path(file.path)
            console.line(f"  {format_size(file.size):>8}  {file.video:12}  {path}")
    groups = counted(len(found), "group")
    console.line(f"{groups} of probable duplicates" if found else "no duplicates found")


@command.command("failed")
@click.option(
    "--acknowledge",
    is_flag=True,
    help="Take these failures as known: until a file or the policy changes, they neither make the"
    " exit code 1 nor send messages.",
)
@question_options
def _failed(acknowledge: bool, output_format: str, under: tuple[str, ...]) -> None:
    """List files that failed last time or cannot be read."""
    with questioned(under) as question:
        found = list(question.library.failed(question.under))
    if acknowledge:
        with DaemonConnectionPool(build({}).database_path) as pool:
            number = Store(pool).acknowledge(item.path for item in found)
        _print_acknowledged(number, len(found), output_format)
        return
    if output_format == "json":
        print_json({"failed": [{**item._asdict(), "at": item.at.isoformat()} for item in found]})
    elif output_format == "csv":
        rows = [(*item[:3], item.at.isoformat(), item.acknowledged) for item in found]
        write_csv(sys.stdout, Failed._fields, rows)
    else:
        _print_failed(found)


def _print_failed(found: list[Failed]) -> None:
    console = Console(sys.stdout)
    for item in found:
        when = item.at.astimezone().strftime("%Y-%m-%d %H:%M")
        known = "  (acknowledged)" if item.acknowledged else ""
        style = "dim" if known else "failed"
        console.line(f"{when}  {display_path(item.path)}{known}: {printable(item.message)}", style)
    number = sum(item.acknowledged for item in found)
    part = f", {number} of them acknowledged" if number else ""
    console.line(f"{counted(len(found), 'file')} failed{part}" if found else "no file failed")


def _print_acknowledged(number: int, failed: int, output_format: str) -> None:
    if output_format == "json":
        print_json({"acknowledged": number, "failed": failed})
        return
    click.echo(f"{counted(number, 'failure')} acknowledged")
    if number < failed:
        click.echo(
            f"{counted(failed - number, 'file')} not: what failed may pass, and the next run tries "
            "again"
        )


command.add_command(library_check.command)
command.add_command(library_health.command)
