"""Changes in words."""

from __future__ import annotations

import pytest

from vpo.report.diff import change_text


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"),
    [
        ("default", False, True, "default: no -> yes"),
        ("title", "a", None, "title: a -> none"),
        ("title", "x" * 61, "", f"title: {'x' * 59}… -> none"),
        ("move", 3, 1, "moves from position 3 to 1"),
        ("move", 2, 2, "moves past other tracks"),
        ("remove", "audio 1 (aac, eng)", None, "removed: audio 1 (aac, eng)"),
    ],
)
def test_words(
    kind: str, before: str | bool | int | None, after: str | bool | int | None, expected: str
) -> None:
    assert change_text(kind, before, after) == expected
