"""``vpo library check``: the indexed files that do not comply with policies, and all warnings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from vpo.cli.libraries import targets
from vpo.cli.library_question import (
    NOTHING_INDEXED,
    Question,
    question_options,
    questioned,
)
from vpo.cli.options import library_option, policy_option
from vpo.cli.output import print_json
from vpo.config.builder import build
from vpo.db.records import ComplianceRecord
from vpo.errors import EXIT_FAILED, EXIT_OK, UsageError
from vpo.execute.writers import as_carried_out
from vpo.library.compliance import Checked, check_files
from vpo.media.model import MediaFile
from vpo.plan.model import Plan, changes_to_json
from vpo.plugins.metadata import Metadata
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.policy_files import PolicyFiles
from vpo.report.diff import plan_lines
from vpo.report.table import write_csv
from vpo.report.text import Console
from vpo.run.compliance import CacheKeys, current_records
from vpo.run.sidecar_facts import named_sidecars
from vpo.run.sidecar_state import sidecar_state
from vpo.run.workers import installed_tools
from vpo.text import counted, display_path, printable
from vpo.tools.programs import Tools


@click.command("check")
@policy_option
@library_option
@click.option("-v", "--verbose", is_flag=True, help="Show each change with its reason.")
@question_options
def command(
    policies: tuple[str, ...],
    libraries: tuple[str, ...],
    verbose: bool,
    output_format: str,
    under: tuple[str, ...],
) -> int:
    """List files that do not comply, and all warnings.

    Without a policy, the libraries of the configuration are checked, each with its own. The exit
    code is 1 if any file does not comply.

    Uses the database, the names of sidecars, and the headers that would be edited. It is no success
    if no file is indexed. For policies that use metadata, look at frames or add sidecars,
    "vpo process -n" is more accurate.
    """
    tools = installed_tools(build({}))
    printer: _TextPrinter = _PRINTERS[output_format](verbose)
    for choice, paths in _choices(policies, libraries, under):
        with questioned(paths) as question:
            for found in _checked(question, choice):
                printer.take(_as_carried_out(found, tools))
    printer.end()
    return EXIT_FAILED if printer.noncompliant or not printer.total else EXIT_OK


def _checked(question: Question, choice: PolicyFiles) -> Iterator[Checked]:
    """Yield what the database says about the files of a question, and their sidecars' names."""
    keys = CacheKeys(choice.fingerprint, Metadata(), time.time_ns())
    known = question.store.compliant(choice.fingerprint)
    warned = question.store.warned(choice.fingerprint)
    if keys.ages or choice.uses_sidecars:
        rows = [each for each in current_records(question.store, keys) if each[1].complies]
        if choice.uses_sidecars:
            rows = [each for each in rows if _has_the_same_sidecars(keys, *each)]
        known = {path: row.stat for path, row in rows}
        warned = {path: row.warnings for path, row in rows}
    ignored = {item.path for item in question.store.ignored()}
    media = (item for item in question.media() if item[0].path not in ignored)

    def facts(file: MediaFile) -> ExternalFacts:
        beside = named_sidecars(file.path) if choice.uses_sidecars else None
        return ExternalFacts(now_ns=keys.now_ns, sidecars=beside)

    return check_files(choice, media, known, warned, facts)


def _as_carried_out(found: Checked, tools: Tools) -> Checked:
    """Return the file with its plan as a run would carry it out."""
    if found.plan is None:
        return found
    plan = as_carried_out(found.plan, tools)
    return found._replace(plan=plan, warnings=plan.warnings)


def _has_the_same_sidecars(keys: CacheKeys, path: bytes, row: ComplianceRecord) -> bool:
    """Return whether a file was recorded with the sidecars that it has now."""
    film = os.fsdecode(path)
    return row.cache_key == keys.of(film, row.stat[1], sidecar_state(film))


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
            self._console.line(NOTHING_INDEXED)
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
