"""What a log line looks like, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from vpo import logs
from vpo.errors import ConfigError

LOGGER = logging.getLogger("vpo.run.processing")
ODD = "/a b/\x1b[2J\n\u202e\udcff.mkv"


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    """Leave the logger as it was for the other tests."""
    logger = logging.getLogger("vpo")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.level, logger.propagate = before


def text(style: str = "text", level: str = "warning") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, log_format=style, stream=stream)
    return stream


def at_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    make = logging.getLogRecordFactory()

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.created = 0.5
        return record

    monkeypatch.setattr(logging, "_logRecordFactory", factory)


def test_text_log_line_has_time_level_message_and_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_epoch(monkeypatch)
    stream = text()
    fields = {"seconds": 1.5, "operation": "audio", "file": "/m/a.mkv", "run": "12", "policy": "p"}
    LOGGER.warning("the %s failed", "remux", extra=fields)
    assert stream.getvalue() == (
        "1970-01-01T00:00:00Z WARNING the remux failed"
        " run=12 file=/m/a.mkv policy=p operation=audio seconds=1.5\n"
    )


def test_json_log_line_has_time_level_message_and_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_epoch(monkeypatch)
    stream = text("json")
    LOGGER.error("no", extra={"file": ODD, "where": Path("/x")})
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00Z",
        "level": "error",
        "message": "no",
        "file": ODD,
        "where": "/x",
    }


def test_text_log_escapes_control_characters() -> None:
    stream = text()
    LOGGER.warning("bad %s", ODD, extra={"file": ODD})
    line = stream.getvalue()
    assert line.removesuffix("\n").isprintable()
    assert line.endswith(' file="/a b/\\x1b[2J\\n\\u202e\\xff.mkv"\n')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("\u00e9\U0001f600", "\u00e9\U0001f600"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("new\nline", '"new\\nline"'),
    ],
)
def test_text_log_quotes_values_with_spaces(value: str, shown: str) -> None:
    stream = text()
    LOGGER.warning("x", extra={"file": value})
    assert stream.getvalue().endswith(f" file={shown}\n")


@pytest.mark.parametrize("style", ["text", "json"])
def test_log_keeps_traceback_in_its_line(style: str) -> None:
    stream = text(style)
    try:
        raise ValueError("odd")
    except ValueError:
        LOGGER.exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: odd" in line
    assert "exception" in line


def test_log_level_filters_records() -> None:
    stream = text(level="error")
    LOGGER.warning("not this")
    LOGGER.error("but this")
    assert "not this" not in stream.getvalue()
    assert "but this" in stream.getvalue()


def test_logs_configure_replaces_earlier_handler() -> None:
    first, second = text(), text()
    LOGGER.warning("x")
    assert not first.getvalue()
    assert len(second.getvalue().splitlines()) == 1


def test_log_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "vpo.log"
    for style in ("text", "json"):
        logs.configure("info", path, style)
        LOGGER.info("\u00e9 \udcff", extra={"file": ODD})
    assert len(path.read_text("utf-8").splitlines()) == 2


def test_logs_configure_refuses_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log file cannot be opened: .*\[logging\] file"):
        logs.configure("info", tmp_path)
