"""The pattern of a 3:2 pulldown, in how much each frame differs from the one before."""

from __future__ import annotations

import pytest

from vpo.probe.telecine import has_pulldown


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([5.0, 5.0, 0.1, 5.0, 5.0] * 8, True),
        ([5.0, 5.0, 0.1, 5.0, 5.0] * 5 + [9.0] * 5 + [5.0, 5.0, 0.1, 5.0, 5.0] * 2, True),
        ([5.0, 4.0, 6.0, 5.0, 5.0] * 8, False),
        ([5.0, 0.1] * 20, False),  # every second frame is a copy: 15 frames a second
        ([5.0, 0.1, 5.0, 5.0] * 10, False),
        ([0.0] * 40, None),
        ([5.0, 5.0, 0.1, 5.0, 5.0] * 3, None),
        ([], None),
    ],
)
def test_every_fifth_frame_is_a_copy(differences: list[float], expected: bool | None) -> None:
    assert has_pulldown(differences) is expected
