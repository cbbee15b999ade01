"""``vpo library health``: decode files completely, and record what is damaged."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from vpo.cli.libraries import refuse_missing_targets, targets
from vpo.cli.options import (
    exclude_option,
    library_option,
    recursive_option,
    scan_workers_option,
    table_format_option,
)
from vpo.cli.output import print_error, print_json, print_warnings
from vpo.cli.signals import signals_handled
from vpo.config.builder import build
from vpo.config.libraries import excluding
from vpo.db.connection import DaemonConnectionPool
from vpo.db.health_records import HealthRecords
from vpo.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from vpo.library.health_check import CheckedHealth, HealthChecks
from vpo.report.media import damage_lines
from vpo.report.progress import terminal_progress
from vpo.report.table import write_csv
from vpo.report.text import Console
from vpo.text import counted, display_path, format_time, printable

_COLUMNS = ("path", "checked_at", "intact", "stream", "start", "end", "count", "message")
_EXIT_CODES = """\b
Exit codes:
  0    no file is damaged
  1    a file is damaged, or was not checked
  2    invalid usage or configuration
  130  interrupted"""


@click.command("health", epilog=_EXIT_CODES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=str))
@library_option
@exclude_option
@recursive_option
@scan_workers_option
@click.option("--all", "again", is_flag=True, help="Check unchanged files again, too.")
@table_format_option
def command(**options: Any) -> int:
    """Decode videos completely, and report damage.

    Decodes those in PATHS. Without PATHS, all libraries of the configuration are checked. Each
    result is recorded: a second run goes on where the first was stopped, and skips files that have
    not changed since.
    """
    settings = excluding(build({"processing.workers": options["workers"]}), options["exclude"])
    chosen = targets(settings, options["paths"], options["libraries"], None)
    refuse_missing_targets(chosen)
    print_warnings(settings.warnings)
    printer: _Printer = _PRINTERS[options["output_format"]]()
    progress = terminal_progress(sys.stderr, "Decoding", options["output_format"] == "text")
    with DaemonConnectionPool(settings.database_path) as pool, signals_handled() as interrupt:
        records = HealthRecords(pool)
        for target in chosen:
            checks = HealthChecks(target.settings, records, interrupt, progress.show)
            recursive = options["recursive"] or target.library is not None
            for item in checks.check(target.paths, recursive=recursive, again=options["again"]):
                if not item.health.intact:
                    progress.clear()
                printer.take(item)
            progress.clear()
            printer.leave(checks.unchecked)
            if interrupt.stop:
                break
    printer.end(interrupt.signalled)
    if interrupt.signalled:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if printer.counts["damaged"] or printer.counts["unchecked"] else EXIT_OK


class _Printer:
    """Counts the files, and prints the damaged ones as they are found."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._began = time.monotonic()
        self._console = Console(sys.stdout)

    def take(self, item: CheckedHealth) -> None:
        """Count a file, and show it if it is damaged."""
        self.counts["intact" if item.health.intact else "damaged"] += 1
        self.counts["known"] += item.known
        self.show(item)

    def leave(self, unchecked: list[tuple[str, str]]) -> None:
        """Count and report files that were not checked."""
        self.counts["unchecked"] += len(unchecked)
        for path, reason in unchecked:
            print_error(f"{display_path(path)}: {printable(reason)}")

    def show(self, item: CheckedHealth) -> None:
        if item.health.intact:
            return
        when = f"{item.at.astimezone():%Y-%m-%d %H:%M}"
        self._console.line(f"damaged  {display_path(item.path)}  (checked {when})", "failed")
        for text, style in damage_lines(item.health):
            self._console.line(text, style)

    @property
    def summary(self) -> dict[str, Any]:
        names = ("intact", "damaged", "known", "unchecked")
        counts = {name: self.counts[name] for name in names}
        total = counts["intact"] + counts["damaged"] + counts["unchecked"]
        return {"total": total, **counts, "seconds": round(time.monotonic() - self._began, 3)}

    def end(self, interrupted: bool) -> None:
        """Print the summary."""
        found = self.summary
        named = {"intact": "intact", "damaged": "damaged", "unchecked": "not checked"}
        parts = [f"{found[key]:,} {name}" for key, name in named.items() if found[key]]
        text = f"{counted(found['total'], 'file')} in {format_time(found['seconds'])}"
        text += f": {', '.join(parts)}" if parts else ""
        if found["known"]:
            text += f"; {found['known']:,} unchanged since an earlier check"
        self._console.line(text + ("; interrupted" if interrupted else ""))


class _JsonPrinter(_Printer):
    """Prints one JSON document at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._files: list[dict[str, Any]] = []

    def show(self, item: CheckedHealth) -> None:
        facts = {"path": item.path, "checked_at": item.at.isoformat(), "known": item.known}
        self._files.append({**facts, "intact": item.health.intact, **asdict(item.health)})

    def end(self, interrupted: bool) -> None:
        print_json({"summary": {**self.summary, "interrupted": interrupted}, "files": self._files})


class _CsvPrinter(_Printer):
    """Prints one line for each damaged part, or for an intact file."""

    def __init__(self) -> None:
        super().__init__()
        write_csv(sys.stdout, _COLUMNS, ())

    def show(self, item: CheckedHealth) -> None:
        write_csv(sys.stdout, (), self._rows(item))

    def _rows(self, item: CheckedHealth) -> Iterator[tuple[object, ...]]:
        facts = (item.path, item.at.isoformat(), item.health.intact)
        for error in item.health.errors:
            yield (*facts, error.stream, error.start, error.end, error.count, error.message)
        if item.health.intact:
            yield (*facts, None, None, None, None, None)

    def end(self, interrupted: bool) -> None:
        """Print nothing: a table has no summary."""


_PRINTERS = {"text": _Printer, "csv": _CsvPrinter, "json": _JsonPrinter}
