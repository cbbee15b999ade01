"""The conditions on which video is not encoded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.media.model import Track
from vpo.policy.video_section import SkipIf


@pytest.mark.parametrize(
    ("bit_rate", "limit", "reason"),
    [
        (4_200_000, "5M", None),
        (4_200_000, "4M", "bit rate 4.2 Mb/s is not under 4.0 Mb/s"),
        (640_000, "500k", "bit rate 640 kb/s is not under 500 kb/s"),
        (None, "5M", "bit rate unknown is not under 5.0 Mb/s"),
    ],
)
def test_skip_if_bitrate_under_names_both_bit_rates(
    bit_rate: int | None, limit: str, reason: str | None
) -> None:
    track = Track(0, "video", "hevc", bit_rate=bit_rate)
    assert SkipIf(bitrate_under=limit).too_fast(track, None) == reason  # type: ignore[arg-type]


def test_the_bit_rate_of_the_whole_file_is_the_upper_bound_of_an_unknown_one() -> None:
    limit = SkipIf(bitrate_under="5M")  # type: ignore[arg-type]
    track = Track(0, "video", "hevc")
    assert limit.too_fast(track, 4_900_000.0) is None
    assert limit.too_fast(track, 5_100_000.0) is not None
    assert limit.too_fast(replace(track, bit_rate=5_200_000), 4_900_000.0) is not None
