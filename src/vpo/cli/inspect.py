"""``vpo inspect``: show the tracks, attachments and chapters of videos."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Any

import click

from vpo.cli.options import format_option
from vpo.cli.output import print_error, print_json
from vpo.cli.paths import refuse_missing
from vpo.config.builder import build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.health_records import HealthRecords
from vpo.discover import Search, discover
from vpo.errors import EXIT_FAILED, EXIT_OK, ProbeError
from vpo.library.health_check import record_health
from vpo.media.model import MediaFile, media_to_json
from vpo.probe.health import Health, check_health
from vpo.probe.reader import probe_file
from vpo.report.compare import comparison_lines, fits
from vpo.report.media import health_lines, media_lines
from vpo.report.progress import terminal_progress, terminal_size
from vpo.report.text import Console
from vpo.run.progress import RunningFile, RunProgress
from vpo.run.recovery import repair_beside
from vpo.text import printable
from vpo.tools.process import Processes


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=str))
@click.option("-y", "--side-by-side", is_flag=True, help="Show several files in columns.")
@click.option("--health", is_flag=True, help="Decode each file completely and report damage.")
@format_option
def command(files: tuple[str, ...], side_by_side: bool, health: bool, output_format: str) -> int:
    """Show the tracks, attachments and chapters of FILE.

    Tracks are numbered from 0 over all tracks of the file, as by ffprobe. Several files are shown
    in columns if the terminal is wide enough; differences are marked. What an interrupted run has
    left beside a file is dealt with first.
    """
    for text in repair_beside(files, build({}).database_path):
        print_error(text)
    refuse_missing(files)
    found: list[MediaFile] = []
    for name in files:
        try:
            found.append(_probed(name))
        except ProbeError as error:
            print_error(f"{printable(name)}: {error}")
    healths = _examined(found, output_format) if health else {}
    if output_format == "json":
        facts = [{**media_to_json(m), "health": _plain(healths.get(m.path))} for m in found]
        print_json({"files": facts})
    else:
        _print(found, side_by_side, healths)
    intact = all(item.intact for item in healths.values())
    return EXIT_OK if intact and len(found) == len(files) else EXIT_FAILED


def _probed(name: str) -> MediaFile:
    if os.path.isdir(name):
        raise ProbeError("is a folder; name the files in it")
    return probe_file(os.path.realpath(name), frames=True)


def _examined(found: list[MediaFile], output_format: str) -> dict[str, Health]:
    """Return and record the health of each file by path; as text, with a progress line."""
    settings, processes = build({}), Processes()
    stall = float(settings.config.tools.stall_seconds)
    named = discover([media.path for media in found], Search(extensions=()))
    items = {item.path: item for item in named.candidates}
    line = terminal_progress(sys.stderr, "Decoding", output_format == "text")
    healths = {}
    for number, media in enumerate(found):

        def show(part: float, path: str = media.path, done: int = number) -> None:
            line.show(RunProgress(done, len(found), 1, None, (RunningFile(path, part),)))

        show(0.0)
        healths[media.path] = check_health(media.path, processes, stall, show)
    line.clear()
    with DaemonConnectionPool(settings.database_path) as pool:
        records = HealthRecords(pool)
        for path, health in healths.items():
            if path in items:
                record_health(records, items[path], health)
    return healths


def _plain(health: Health | None) -> dict[str, Any] | None:
    return None if health is None else {"intact": health.intact, **asdict(health)}


def _print(found: list[MediaFile], side_by_side: bool, healths: dict[str, Health]) -> None:
    console = Console(sys.stdout)
    columns = terminal_size(sys.stdout)[0] if console.terminal else None
    if len(found) > 1 and (side_by_side or (columns and fits(len(found), columns))):
        for text, differs in comparison_lines(found, columns):
            console.line(text, "skipped" if differs else "")
        for media in found:
            for text, style in health_lines(media, healths.get(media.path), named=True):
                console.line(text, style)
        return
    for number, media in enumerate(found):
        if number:
            console.line()
        for text in media_lines(media):
            console.line(text)
        for text, style in health_lines(media, healths.get(media.path)):
            console.line(text, style)
