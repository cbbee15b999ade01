"""What happened, for people and for programs.

One set of events (``vpo.run.coordinator.Observer``), three ways to show them: text, one JSON
document, JSON lines. Nothing here decides anything.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpo.run.coordinator import Observer

JSON_SCHEMA_VERSION = 1
"""Of every JSON document that vpo prints."""


def report(kind: str, verbosity: int) -> Observer:
    """The report for ``--format``; ``verbosity`` is -1 (quiet), 0, 1 or 2."""
    if kind == "text":
        from vpo.report.text import TextReport

        return TextReport(sys.stdout, sys.stderr, verbosity)
    from vpo.report import jsonl

    return jsonl.JsonReport(sys.stdout) if kind == "json" else jsonl.JsonLinesReport(sys.stdout)
