"""The counts of a library."""

from __future__ import annotations

from dataclasses import replace

from vpo.library.statistics import overview
from vpo.media.model import Color, MediaFile
from vpo.media.notation import media as media_of


def film(path: str, *tracks: str, size: int = 1000, seconds: float = 60.0) -> MediaFile:
    return replace(media_of(list(tracks)), path=path, size=size, duration=seconds)


GERMAN = film("/f/a.mkv", "v:h264/1920x1080", "a:ac3/6ch/deu", "a:aac/2ch/eng", "s:subrip/eng")
OTHER = film("/f/b.mkv", "v:hevc/3840x2160", "a:ac3/6ch/eng", size=3000, seconds=30.0)


def test_overview_counts_a_file_once_for_each_value() -> None:
    bright = replace(OTHER.tracks[0], color=Color(transfer="smpte2084"))
    found = overview([GERMAN, replace(OTHER, tracks=(bright, *OTHER.tracks[1:]))])
    assert tuple(found.total) == (2, 90.0, 4000)
    assert {value: tuple(count) for value, count in found.facts["audio"].items()} == {
        "ac3": (2, 90.0, 4000),
        "aac": (1, 60.0, 1000),
    }
    assert {name: list(values) for name, values in found.facts.items()} == {
        "container": ["mkv"],
        "video": ["hevc", "h264"],
        "resolution": ["2160p", "1080p"],
        "hdr": ["HDR10", "SDR"],
        "audio": ["ac3", "aac"],
        "language": ["eng", "ger"],
        "subtitles": ["eng"],
    }


def test_overview_counts_file_without_video_or_duration() -> None:
    found = overview([replace(film("/a.mka", "a:aac/2ch"), duration=None)])
    assert tuple(found.total) == (1, 0.0, 1000)
    assert list(found.facts["video"]) == ["none"]
    assert found.facts["hdr"] == {}
