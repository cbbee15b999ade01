"""The lines of a byte stream, which may be long or incomplete."""

from __future__ import annotations

MAX_LINE_BYTES = 65536
"""The longest line in bytes; the rest of a longer one is dropped."""


class LineSplitter:
    """Splits the output of a tool into lines, ended by LF or CR, as it arrives."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that these bytes complete."""
        *complete, self._begun = (self._begun + data).replace(b"\r", b"\n").split(b"\n")
        self._begun = self._begun[:MAX_LINE_BYTES]
        return [_text(line) for line in complete]

    def rest(self) -> list[str]:
        """Return the last line, if the stream ended within it."""
        rest, self._begun = self._begun, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line[:MAX_LINE_BYTES].decode("utf-8", "replace")
