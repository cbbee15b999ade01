"""The names of codecs."""

from __future__ import annotations

import pytest

from vpo.media import notation
from vpo.media.codecs import canonical, matches


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("h265", "hevc"),
        ("H.265", "hevc"),
        ("x265", "hevc"),
        ("HEVC", "hevc"),
        ("avc", "h264"),
        ("E-AC-3", "eac3"),
        ("DD+", "eac3"),
        ("ddp", "eac3"),
        ("dd", "ac3"),
        ("AC-3", "ac3"),
        ("srt", "subrip"),
        ("PGS", "hdmv_pgs_subtitle"),
        ("ssa", "ass"),
        ("mpeg2", "mpeg2video"),
        ("mov_text", "mov_text"),
        ("Nothing Known", "nothing known"),
    ],
)
def test_canonical_codec_of_every_alias(name: str, codec: str) -> None:
    assert canonical(name) == codec


@pytest.mark.parametrize(
    ("track", "wanted"),
    [
        ("v:hevc", "h265"),
        ("a:dts(DTS-HD MA)", "dts"),
        ("a:dts(DTS-HD MA)", "dts-hd"),
        ("a:dts(DTS-HD MA)", "DTS-HD MA"),
        ("a:dts(DTS-HD HRA)", "dts-hd"),
        ("a:dts(DTS-HD MA + DTS:X)", "dts:x"),
        ("a:truehd(Dolby TrueHD + Dolby Atmos)", "atmos"),
        ("a:truehd(Dolby TrueHD + Dolby Atmos)", "truehd/atmos"),
        ("a:eac3(Dolby Digital Plus + Dolby Atmos)", "atmos"),
        ("a:truehd", "TrueHD"),
        ("a:pcm_s24le", "pcm"),
        ("a:pcm_s24le", "pcm_s24le"),
    ],
)
def test_track_matches_codec(track: str, wanted: str) -> None:
    assert matches(notation.track(track), wanted)


@pytest.mark.parametrize(
    ("track", "wanted"),
    [
        ("a:dts", "dts-hd"),
        ("a:dts(DTS)", "dts-hd"),
        ("a:dts(DTS-HD HRA)", "dts-hd ma"),
        ("a:truehd", "atmos"),
        ("a:aac(LC)", "he-aac"),
        ("a:pcm_s24le", "pcm_s16le"),
        ("a:eac3", "ac3"),
    ],
)
def test_track_does_not_match_codec(track: str, wanted: str) -> None:
    assert not matches(notation.track(track), wanted)
