"""``vpo library``: statistics of the library, and non-compliant, duplicate and failed files.

All of it is from the database.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from vpo.cli import library_health
from vpo.cli.libraries import targets
from vpo.cli.options import F, library_option, policy_option, table_format_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.library import Done, Library
from vpo.db.records import Stat
from vpo.db.store import Store
from vpo.errors import EXIT_FAILED, EXIT_OK, UsageError
from vpo.library.compliance import Checked, check_files
from vpo.library.duplicates import Duplicates, find_duplicates
from vpo.library.statistics import FACTS, Totals, overview
from vpo.media.model import MediaFile
from vpo.plan.model import Plan, changes_to_json
from vpo.plugins.metadata import Metadata
from vpo.policy.policy_files import PolicyFiles
from vpo.report.diff import plan_lines
from vpo.report.progress import terminal_progress
from vpo.report.table import table_lines, write_csv
from vpo.report.text import Console
from vpo.run.compliance import CacheKeys, current_records
from vpo.run.progress import RunProgress
from vpo.text import counted, display_path, format_size, format_time, printable, saved_text

_PROGRESS_INTERVAL = 500
"""Files after which the progress line is redrawn."""
_EMPTY = "no indexed files; index a folder with: vpo scan -R FOLDER"


class _Question(NamedTuple):
    """The database, and the files and folders to which a question is limited."""

    library: Library
    store: Store
    under: list[str]

    def media(self) -> Iterator[tuple[MediaFile, Stat]]:
        """Yield the indexed files, with a progress line on a terminal."""
        line = terminal_progress(sys.stderr, "Reading the library")
        total = self.library.count(self.under) if line.enabled else 0
        for number, item in enumerate(self.library.media(self.under)):
            redraw = number and not number % _PROGRESS_INTERVAL
            if redraw:
                line.show(RunProgress(number, total, 1))
            yield item
            if redraw:
                line.clear()
        line.clear()


@contextlib.contextmanager
def _question(under: tuple[str, ...]) -> Iterator[_Question]:
    """Open the database; an empty ``under`` is everything."""
    paths = [os.path.realpath(path) for path in under] or [os.sep]
    with DaemonConnectionPool(build({}).database_path, reading=True) as pool:
        library = Library(pool)
        for path, real in zip(under, paths, strict=False):
            if not library.knows(real):
                raise UsageError(
                    f"no file in the database is {display_path(path)} or below it; "
                    "correct the path, or index it first: vpo scan -R"
                )
        yield _Question(library, Store(pool), paths)


def _question_options(function: F) -> F:
    under = click.option(
        "--under",
        multiple=True,
        type=click.Path(path_type=str),
        metavar="PATH",
        help="Only this file or folder; repeat it for several.",
    )
    return table_format_option(under(function))


@click.group("library", invoke_without_command=True)
@_question_options
@click.pass_context
def command(ctx: click.Context, output_format: str, under: tuple[str, ...]) -> None:
    """Show files, time and size by container, codec, resolution, dynamic range, language.

    All of it is from the database, filled by "vpo scan" and "vpo process"; no file is opened.
    """
    if ctx.invoked_subcommand is not None:
        return
    with _question(under) as question:
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
        click.echo(_EMPTY)
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


@command.command("check")
@policy_option
@library_option
@click.option("-v", "--verbose", is_flag=True, help="Show each change with its reason.")
@_question_options
def _check(
    policies: tuple[str, ...],
    libraries: tuple[str, ...],
    verbose: bool,
    output_format: str,
    under: tuple[str, ...],
) -> int:
    """List files that do not comply, and all warnings.

    Without a policy, the libraries of the configuration are checked, each with its own. The exit
    code is 1 if any file does not comply.

    Uses the database only, and is no success if no file is indexed. For policies that use metadata
    or look at frames, "vpo process -n" is more accurate.
    """
    printer: _TextPrinter = _PRINTERS[output_format](verbose)
    for choice, paths in _choices(policies, libraries, under):
        with _question(paths) as question:
            keys = CacheKeys(choice.fingerprint, Metadata(), time.time_ns())
            known = question.store.compliant(choice.fingerprint)
            warned = question.store.warned(choice.fingerprint)
            if keys.ages:
                rows = [each for each in current_records(question.store, keys) if each[1].complies]
                known = {path: row.stat for path, row in rows}
                warned = {path: row.warnings for path, row in rows}
            ignored = {item.path for item in question.store.ignored()}
            media = (item for item in question.media() if item[0].path not in ignored)
            for found in check_files(choice, media, known, warned, keys.now_ns):
                printer.take(found)
    printer.end()
    return EXIT_FAILED if printer.noncompliant or not printer.total else EXIT_OK


def _choices(
    policies: tuple[str, ...], libraries: tuple[str, ...], under: tuple[str, ...]
) -> list[tuple[PolicyFiles, tuple[str, ...]]]:
    """Return each policy with the paths that are checked with it; without paths, all."""
    if policies and not libraries:
        return [(PolicyFiles(policies), under)]
    found = []
    for target in targets(build({}), (), libraries, policies):
        roots = [os.path.realpath(path) for path in target.paths]
        inside = tuple(path for path in under if _is_inside(os.path.realpath(path), roots))
        if inside or not under:
            found.append((PolicyFiles(target.policies), inside or target.paths))
    if not found:
        raise UsageError("--under names nothing in these libraries; correct the path")
    return found


def _is_inside(path: str, roots: list[str]) -> bool:
    return any(os.path.commonpath((path, root)) == root for root in roots)


class _TextPrinter:
    """Prints non-compliant files and warnings as text, as they are found."""

    def __init__(self, verbose: bool) -> None:
        self.total = self.noncompliant = self.warned = 0
        self._verbose = verbose
        self._console = Console(sys.stdout)

    def take(self, found: Checked) -> None:
        """Count a file, and show it if it does not comply or has warnings."""
        self.total += 1
        self.warned += bool(found.warnings)
        if found.plan is not None:
            self.noncompliant += 1
            self.show(found, found.plan)
        elif found.warnings:
            self.show_warnings(found)

    def show(self, found: Checked, plan: Plan) -> None:
        changes = counted(len(plan.changes), "change")
        error = f": {printable(str(plan.error))}" if plan.error else ""
        path = display_path(found.media.path)
        self._console.line(
            f"{path}  ({plan.strategy}, {changes}){error}", "failed" if error else "planned"
        )
        for line, style in plan_lines(plan) if self._verbose else ():
            self._console.line(line, style)
        self._warn(found.warnings)

    def show_warnings(self, found: Checked) -> None:
        """Print the warnings about a compliant file."""
        self._console.line(f"{display_path(found.media.path)}  (compliant)")
        self._warn(found.warnings)

    def _warn(self, warnings: tuple[str, ...]) -> None:
        for text in warnings:
            self._console.line(f"    warning: {printable(text)}", "skipped")

    def end(self) -> None:
        if not self.total:
            self._console.line(_EMPTY)
            return
        compliant = self.total - self.noncompliant
        files = counted(self.total, "file")
        self._console.line(
            f"{files}: {compliant:,} compliant, {self.noncompliant:,} non-compliant"
            + (f"; {counted(self.warned, 'file')} with warnings" if self.warned else "")
        )


class _CsvPrinter(_TextPrinter):
    """Prints one change a line; for a file that cannot be planned, its error."""

    def __init__(self, verbose: bool) -> None:
        super().__init__(verbose)
        write_csv(sys.stdout, ("path", "track", "change", "from", "to", "reason"), ())

    def show(self, found: Checked, plan: Plan) -> None:
        path = found.media.path
        rows = [
            (path, item["track"], item["kind"], item["from"], item["to"], item["reason"])
            for item in changes_to_json(plan.changes)
        ]
        if plan.error:
            rows.append((path, None, "error", None, None, str(plan.error)))
        write_csv(sys.stdout, (), rows)
        self.show_warnings(found)

    def show_warnings(self, found: Checked) -> None:
        rows = [(found.media.path, None, "warning", None, None, text) for text in found.warnings]
        write_csv(sys.stdout, (), rows)

    def end(self) -> None:
        pass


class _JsonPrinter(_TextPrinter):
    """Prints one JSON document at the end."""

    def __init__(self, verbose: bool) -> None:
        super().__init__(verbose)
        self._files: list[dict[str, Any]] = []
        self._warned: list[dict[str, Any]] = []

    def show(self, found: Checked, plan: Plan) -> None:
        self._files.append(
            {
                "path": found.media.path,
                "strategy": plan.strategy,
                "changes": changes_to_json(plan.changes),
                "error": str(plan.error) if plan.error else None,
                "warnings": list(found.warnings),
            }
        )

    def show_warnings(self, found: Checked) -> None:
        self._warned.append({"path": found.media.path, "warnings": list(found.warnings)})

    def end(self) -> None:
        summary = {
            "total": self.total,
            "noncompliant": self.noncompliant,
            "warned": self.warned,
        }
        print_json({"summary": summary, "files": self._files, "compliant": self._warned})


_PRINTERS = {"text": _TextPrinter, "csv": _CsvPrinter, "json": _JsonPrinter}


command.add_command(library_health.command)


@command.command("duplicates")
@_question_options
def _duplicates(output_format: str, under: tuple[str, ...]) -> None:
    """List probable duplicates, those that waste most space first.

    "tracks": same size, duration and tracks; the content is not compared. "title": the names have
    the same film and year, or the same episode.
    """
    with _question(under) as question:
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
@_question_options
def _failed(acknowledge: bool, output_format: str, under: tuple[str, ...]) -> None:
    """List files that failed last time or cannot be read."""
    with _question(under) as question:
        found = list(question.library.failed(question.under))
    if acknowledge:
        with DaemonConnectionPool(build({}).database_path) as pool:
            number = Store(pool).acknowledge(item.path for item in found)
        _print_acknowledged(number, len(found), output_format)
        return
    if output_format == "json":
        print_json({"failed": [{**item._asdict(), "at": item.at.isoformat()} for item in found]})
    elif output_format == "csv":
        rows = [(item.path, item.error_type, item.message, item.at.isoformat()) for item in found]
        write_csv(sys.stdout, ("path", "error_type", "message", "at"), rows)
    else:
        console = Console(sys.stdout)
        for item in found:
            when = item.at.astimezone().strftime("%Y-%m-%d %H:%M")
            console.line(f"{when}  {display_path(item.path)}: {printable(item.message)}", "failed")
        console.line(counted(len(found), "file") + " failed" if found else "no file failed")


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
