"""Where black bars are, from the boxes of the pictures of some frames."""

from __future__ import annotations

from itertools import chain

import pytest

from vpo.probe.black_bars import PictureBox, common_box, picture_box

WIDE = PictureBox(1920, 804, 0, 138)


@pytest.mark.parametrize(
    ("boxes", "found"),
    [
        ([WIDE] * 8, WIDE),
        ([WIDE] * 7, None),
        ([PictureBox(1920, 803, 0, 139)] * 8, PictureBox(1920, 804, 0, 138)),
        ([WIDE] * 5 + [PictureBox(300, 200, 500, 400)] * 5, WIDE),
        ([WIDE] * 4 + [PictureBox(300, 200, 500, 400)] * 5, None),
        ([WIDE] * 99 + [PictureBox(1920, 1080, 0, 0)], None),
        ([WIDE] * 50 + [PictureBox(1920, 900, 0, 90)] * 50, PictureBox(1920, 900, 0, 90)),
        ([PictureBox(1920, 1074, 0, 3)] * 9, None),
        ([PictureBox(1440, 1080, 240, 0)] * 9, PictureBox(1440, 1080, 240, 0)),
        ([], None),
    ],
)
def test_bars_are_black_in_every_frame(boxes: list[PictureBox], found: PictureBox | None) -> None:
    assert common_box(boxes, 1920, 1080) == found


def test_the_picture_is_found_in_a_frame_with_noise() -> None:
    rows = [[5, 9, 0, 3, 0, 9, 0, 0] for _ in range(6)]
    assert picture_box(bytes(chain.from_iterable(rows)), 8, 6, 6) is None
    rows[2][3] = 200
    rows[4][1] = 90
    assert picture_box(bytes(chain.from_iterable(rows)), 8, 6, 6) == PictureBox(3, 3, 1, 2)
