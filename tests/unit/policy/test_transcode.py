"""The conditions on which ``transcode`` does not encode."""

from __future__ import annotations

import pytest

from vpo.media.model import Track
from vpo.policy.operations.transcode import SkipIf


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
    assert SkipIf(bitrate_under=limit).too_fast(track) == reason  # type: ignore[arg-type]
