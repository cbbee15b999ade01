"""``vpo library``: what is in the library, from the database alone."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from vpo.cli.options import format_option, policy_option
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Library
from vpo.db.records import Stat
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK
from vpo.library.statistics import FACTS, Count, Duplicates, Violation, check, duplicates, overview
from vpo.media.model import MediaFile
from vpo.media.units import format_size
from vpo.plan.model import changes_to_json
from vpo.policy.policy_files import PolicyFiles
from vpo.report import SCHEMA_VERSION
from vpo.report.diff import plan_lines
from vpo.report.table import lines, write_csv
from vpo.report.text import Console, ProgressLine
from vpo.run.progress import RunProgress
from vpo.text import counted, printable, shown

_OFTEN = 500
"""Files after which the line that says how far it is is drawn again."""
F = TypeVar("F", bound=Callable[..., Any])
_EMPTY = "nothing is on record there; fill the library with: vpo scan -R FOLDER"


def _question(function: F) -> F:
    under = click.option(
        "--under",
        multiple=True,
        type=click.Path(path_type=str),
        metavar="PATH",
        help="Only this file, or what is in this folder; repeat it for several.",
    )
    return format_option("table", "json", "csv", default="table")(under(function))


@click.group("library", invoke_without_command=True)
@_question
@click.pass_context
def command(ctx: click.Context, style: str, under: tuple[str, ...]) -> None:
    """Count files, hours and bytes by container, codec, resolution, range and language.

    All of it is from the database, as "vpo scan" and "vpo process" have filled it; no file is
    opened.
    """
    if ctx.invoked_subcommand is not None:
        return
    with _library(under) as (library, places):
        total, facts = overview(media for media, _ in _media(library, places))
    if style == "json":
        values = {
            name: [{"value": value, **count._asdict()} for value, count in counts.items()]
            for name, counts in facts.items()
        }
        _print_json({"total": total._asdict(), **values})
    elif style == "csv":
        rows = [
            (name, value, *count)
            for name, counts in facts.items()
            for value, count in counts.items()
        ]
        write_csv(sys.stdout, ("fact", "value", "files", "seconds", "bytes"), rows)
    elif not total.files:
        click.echo(_EMPTY)
    else:
        _print_overview(total, facts)


def _print_overview(total: Count, facts: dict[str, dict[str, Count]]) -> None:
    console = Console(sys.stdout)
    files, hours, size = _counted(total)
    console.line(f"{files} file{'s' * (total.files != 1)}, {hours}, {size}")
    rows: list[tuple[str, ...]] = []
    for name, counts in facts.items():
        for number, (value, count) in enumerate(counts.items()):
            rows.append((FACTS[name] if not number else "", value, *_counted(count)))
    head, *table = lines(("", "", "Files", "Time", "Size"), rows, right=3)
    console.line(head, "dim")
    for row in table:
        console.line(row)


def _counted(count: Count) -> tuple[str, str, str]:
    hours = count.seconds / 3600
    time = f"{hours:,.1f} h" if hours >= 1 else f"{count.seconds / 60:.0f} min"
    return f"{count.files:,}", time, format_size(count.bytes)


@command.command("check")
@policy_option
@click.option("-v", "--verbose", is_flag=True, help="Show each change with its reason.")
@_question
def check_command(
    policies: tuple[str, ...], verbose: bool, style: str, under: tuple[str, ...]
) -> int:
    """List the files that are not as the policy wants them; exit code 1 if there are any.

    What files are is taken from the database. Where the policy asks Radarr, Sonarr or another
    source, or what pictures say, "vpo process -n" knows more.
    """
    choice = PolicyFiles(policies)
    printer: _Checked = _CHECKED[style](verbose)
    with _library(under) as (library, places):
        known = library.store.known(choice.fingerprint)
        for violation in check(choice, _media(library, places), known):
            printer.total += 1
            if violation is not None:
                printer.violations += 1
                printer.show(violation)
    printer.end()
    return EXIT_FAILED if printer.violations else EXIT_OK


class _Checked:
    """Prints violations as they are found, for people."""

    def __init__(self, verbose: bool) -> None:
        self.total = self.violations = 0
        self._verbose = verbose
        self._console = Console(sys.stdout)

    def show(self, violation: Violation) -> None:
        plan = violation.plan
        changes = counted(len(plan.changes), "change")
        why = f": {printable(str(plan.error))}" if plan.error else ""
        path = shown(violation.media.path)
        self._console.line(
            f"{path}  ({plan.strategy}, {changes}){why}", "failed" if why else "planned"
        )
        for line, look in plan_lines(plan) if self._verbose else ():
            self._console.line(line, look)

    def end(self) -> None:
        matching = self.total - self.violations
        if not self.total:
            self._console.line(_EMPTY)
        else:
            text = f"{counted(self.total, 'file')}: {matching:,} match, {self.violations:,} do not"
            self._console.line(text)


class _CheckedAsCsv(_Checked):
    """One change a line; a file that the policy cannot be applied to has its error."""

    def __init__(self, verbose: bool) -> None:
        super().__init__(verbose)
        write_csv(sys.stdout, ("path", "track", "change", "from", "to", "reason"), ())

    def show(self, violation: Violation) -> None:
        path, plan = violation.media.path, violation.plan
        rows = [
            (path, item["track"], item["kind"], item["from"], item["to"], item["reason"])
            for item in changes_to_json(plan.changes)
        ]
        if plan.error:
            rows.append((path, None, "error", None, None, str(plan.error)))
        write_csv(sys.stdout, (), rows)

    def end(self) -> None:
        pass


class _CheckedAsJson(_Checked):
    """One document."""

    def __init__(self, verbose: bool) -> None:
        super().__init__(verbose)
        self._files: list[dict[str, Any]] = []

    def show(self, violation: Violation) -> None:
        plan = violation.plan
        self._files.append(
            {
                "path": violation.media.path,
                "strategy": plan.strategy,
                "changes": changes_to_json(plan.changes),
                "error": str(plan.error) if plan.error else None,
            }
        )

    def end(self) -> None:
        summary = {"total": self.total, "violations": self.violations}
        _print_json({"summary": summary, "files": self._files})


_CHECKED = {"table": _Checked, "csv": _CheckedAsCsv, "json": _CheckedAsJson}


@command.command("duplicates")
@_question
def duplicates_command(style: str, under: tuple[str, ...]) -> None:
    """List files that may be the same, those first that take most room.

    "tracks": size, duration and all tracks are alike; the bytes were not compared. "title": the
    names tell of the same film with its year, or of the same episode.
    """
    with _library(under) as (library, places):
        found = duplicates(_media(library, places))
    if style == "json":
        groups = [{**item._asdict(), "files": [f._asdict() for f in item.files]} for item in found]
        _print_json({"duplicates": groups})
    elif style == "csv":
        rows = [
            (number, item.kind, item.name, *file)
            for number, item in enumerate(found, 1)
            for file in item.files
        ]
        write_csv(
            sys.stdout, ("group", "kind", "name", "path", "size", "seconds", "video", "inode"), rows
        )
    else:
        _print_duplicates(found)


def _print_duplicates(found: list[Duplicates]) -> None:
    console = Console(sys.stdout)
    for item in found:
        alike = "the same tracks" if item.kind == "tracks" else "the same title"
        console.line(f"{printable(item.name)}  ({alike}; {format_size(item.room)} more than once)")
        for file in item.files:
            console.line(f"  {format_size(file.size):>8}  {file.video:12}  {shown(file.path)}")
    groups = counted(len(found), "group")
    console.line(f"{groups} of files that may be the same" if found else "no duplicates are known")


@command.command("failed")
@_question
def failed_command(style: str, under: tuple[str, ...]) -> None:
    """List the files that failed the last time that they were worked on, or cannot be read."""
    with _library(under) as (library, places):
        found = list(library.failed(places))
    if style == "json":
        _print_json({"failed": [{**item._asdict(), "at": item.at.isoformat()} for item in found]})
    elif style == "csv":
        rows = [(item.path, item.error_type, item.message, item.at.isoformat()) for item in found]
        write_csv(sys.stdout, ("path", "error_type", "message", "at"), rows)
    else:
        console = Console(sys.stdout)
        for item in found:
            when = item.at.astimezone().strftime("%Y-%m-%d %H:%M")
            console.line(f"{when}  {shown(item.path)}: {printable(item.message)}", "failed")
        console.line(counted(len(found), "file") + " failed" if found else "no file failed")


class _Known(Library):
    """The library, and what runs have found out."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        super().__init__(pool)
        self.store = Store(pool)


@contextlib.contextmanager
def _library(under: tuple[str, ...]) -> Iterator[tuple[_Known, list[str]]]:
    """The library on record, and the places that are asked about: everything without ``under``."""
    places = [os.path.realpath(path) for path in under] or [os.sep]
    with DaemonConnectionPool(build({}).data_dir / "vpo.db", reading=True) as pool:
        yield _Known(pool), places


def _media(library: Library, places: list[str]) -> Iterator[tuple[MediaFile, Stat]]:
    """All that is on record there; a line on a terminal says how far it is."""
    line = ProgressLine(sys.stderr, enabled=True, doing="Reading the library")
    total = library.count(places) if line.enabled else 0
    for number, item in enumerate(library.media(places)):
        if number and not number % _OFTEN:
            line.show(RunProgress(number, total, 1))
        yield item
        if number and not number % _OFTEN:
            line.clear()
    line.clear()


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2))
