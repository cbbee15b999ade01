"""Writes log records as lines of text or JSON, with the run, file, policy and operation.

Fields are given as ``logger.warning("...", extra={"run": ..., "file": ...})``; times are UTC.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from vpo.errors import ConfigError
from vpo.text import printable

_FIRST = ("run", "file", "policy", "operation")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def configure(
    level: str, file: Path | None = None, log_format: str = "text", stream: TextIO | None = None
) -> None:
    """Write the records of the ``vpo`` loggers to the file, or else the stream (standard error).

    ``log_format`` is ``text`` or ``json``. The last call counts.
    Raises ``ConfigError`` if the file cannot be opened.
    """
    handler = _to_file(file) if file else logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logger = logging.getLogger("vpo")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


class TextFormatter(logging.Formatter):
    """``2026-01-01T00:00:00Z WARNING message run=... file="..."``, always one line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{name}={_quoted(str(value))}" for name, value in _fields(self, record).items()]
        message = printable(record.getMessage())
        return " ".join([_time(record), record.levelname, message, *fields])


class JsonFormatter(logging.Formatter):
    """One JSON object a line; values of other types are written as text."""

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps({**_fields(self, record), **head}, default=str)


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, object]:
    """Return the fields given with the record, the standard ones first, and the traceback."""
    given = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    fields = {name: given.pop(name) for name in _FIRST if name in given} | given
    if record.exc_info:
        fields["exception"] = formatter.formatException(record.exc_info)
    return fields


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, tz=timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(text: str) -> str:
    """Return the value, in double quotes if it would be ambiguous without."""
    if text and text.isprintable() and not any(char in ' "=\\' for char in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'


def _to_file(path: Path) -> logging.Handler:
    try:
        return logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(
            f"{path}: the log file cannot be opened: {error.strerror}; correct [logging] file"
        ) from error
