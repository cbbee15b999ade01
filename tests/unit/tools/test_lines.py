"""Lines of a stream: whole ones, long ones, and what comes at a boundary."""

from __future__ import annotations

import pytest

from vpo.tools.lines import LONGEST, Lines


def test_lines_are_put_together_from_pieces() -> None:
    lines = Lines()
    assert lines.feed(b"on") == []
    assert lines.feed(b"e\ntw") == ["one"]
    assert lines.feed(b"o\rthree\n") == ["two", "three"]
    assert lines.rest() == []


def test_the_last_line_needs_no_end() -> None:
    lines = Lines()
    assert lines.feed(b"a\nb") == ["a"]
    assert lines.rest() == ["b"]
    assert lines.rest() == []


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST])
@pytest.mark.parametrize("piece", [1000, LONGEST, 10 * LONGEST])
def test_a_long_line_is_cut_off_at_the_limit(length: int, piece: int) -> None:
    lines, data = Lines(), b"x" * length + b"\nnext\n"
    found = [
        line for at in range(0, len(data), piece) for line in lines.feed(data[at : at + piece])
    ]
    assert found == ["x" * min(length, LONGEST), "next"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert Lines().feed(b"\xff\xfe\n") == ["\ufffd\ufffd"]
