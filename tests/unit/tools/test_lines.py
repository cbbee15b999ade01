"""Lines of a stream: whole ones, long ones, and what comes at a boundary."""

from __future__ import annotations

import pytest

from vpo.tools.lines import MAX_LINE_BYTES, LineSplitter


def test_lines_are_put_together_from_pieces() -> None:
    lines = LineSplitter()
    assert lines.feed(b"on") == []
    assert lines.feed(b"e\ntw") == ["one"]
    assert lines.feed(b"o\rthree\n") == ["two", "three"]
    assert lines.rest() == []


def test_the_last_line_needs_no_end() -> None:
    lines = LineSplitter()
    assert lines.feed(b"a\nb") == ["a"]
    assert lines.rest() == ["b"]
    assert lines.rest() == []


@pytest.mark.parametrize(
    "length", [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES]
)
@pytest.mark.parametrize("piece", [1000, MAX_LINE_BYTES, 10 * MAX_LINE_BYTES])
def test_a_long_line_is_cut_off_at_the_limit(length: int, piece: int) -> None:
    lines, data = LineSplitter(), b"x" * length + b"\nnext\n"
    found = [
        line for at in range(0, len(data), piece) for line in lines.feed(data[at : at + piece])
    ]
    assert found == ["x" * min(length, MAX_LINE_BYTES), "next"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert LineSplitter().feed(b"\xff\xfe\n") == ["\ufffd\ufffd"]
