"""Prints the results of commands as text, JSON, JSON lines or CSV, and runs as HTML.

The events of a run are those of ``vpo.run.observer.Observer``. Nothing here makes decisions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpo.report.progress import ProgressMode
    from vpo.run.observer import Observer

JSON_SCHEMA_VERSION = 1
"""The version of every JSON document that vpo prints."""


def json_text(document: Mapping[str, object]) -> str:
    """Return a JSON document with its schema version."""
    return json.dumps({"schema_version": JSON_SCHEMA_VERSION, **document}, indent=2)


def create_observer(
    output_format: str,
    verbosity: int,
    progress: ProgressMode | None = None,
    watching: bool = False,
) -> Observer:
    """Return the observer for ``--format``; ``verbosity`` is -1 (quiet), 0, 1 or 2.

    ``progress`` is that of text; ``None`` where the user has not chosen. ``watching``: the runs
    come one after the other, as files change.
    """
    if output_format == "text" and watching:
        from vpo.report.watch_log import WatchLog

        return WatchLog(sys.stdout, sys.stderr, verbosity, progress)
    if output_format == "text":
        from vpo.report.text import TextReport

        return TextReport(sys.stdout, sys.stderr, verbosity, progress)
    from vpo.report import jsonl

    if output_format == "json":
        return jsonl.JsonReport(sys.stdout)
    return jsonl.JsonLinesReport(sys.stdout)
