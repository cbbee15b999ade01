"""The filters of a picture for people; the pictures themselves are in the tests of the pages."""

from __future__ import annotations

from vpo.media.model import Color, MediaFile, Track
from vpo.tools.still_picture import picture_filters

SDR = MediaFile("/a.mkv", "mkv", 1, tracks=(Track(0, "video", "h264"),))
HDR = MediaFile(
    "/a.mkv", "mkv", 1, tracks=(Track(0, "video", "hevc", color=Color(transfer="smpte2084")),)
)


def test_picture_has_the_shape_in_which_the_video_is_shown() -> None:
    first, square, *_ = picture_filters(SDR, frozenset())
    assert "iw*sar" in first
    assert square == "setsar=1"


def test_hdr_is_shown_as_sdr_where_ffmpeg_can() -> None:
    able = frozenset({"zscale", "tonemap"})
    assert any("tonemap" in step for step in picture_filters(HDR, able))
    assert not any("tonemap" in step for step in picture_filters(SDR, able))
    assert not any("tonemap" in step for step in picture_filters(HDR, frozenset()))
    # It needs a device that may not be there.
    assert picture_filters(HDR, frozenset({"libplacebo"}))[-1] == "format=yuvj420p"
