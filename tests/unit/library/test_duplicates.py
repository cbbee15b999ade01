"""Which files of a library are probably duplicates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpo.library.duplicates import find_duplicates, title_of
from vpo.media.model import MediaFile
from vpo.media.notation import media as media_of


def film(path: str, *tracks: str, size: int = 1000, seconds: float = 60.0) -> MediaFile:
    return replace(media_of(list(tracks)), path=path, size=size, duration=seconds)


GERMAN = film("/f/a.mkv", "v:h264/1920x1080", "a:ac3/6ch/deu", "a:aac/2ch/eng", "s:subrip/eng")
OTHER = film("/f/b.mkv", "v:hevc/3840x2160", "a:ac3/6ch/eng", size=3000, seconds=30.0)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/films/Blade Runner (1982)/Blade.Runner.1982.2160p.mkv", "blade runner (1982)"),
        ("/films/Blade Runner (1982) [Final Cut].mkv", "blade runner (1982)"),
        ("/films/2001 A Space Odyssey (1968).mkv", "2001 a space odyssey (1968)"),
        ("/tv/The Show/Season 1/The.Show.S01E02.720p.mkv", "the show s01e02"),
        ("/tv/The Show/Season 1/s01e02 - Pilot.mkv", "the show s01e02"),
        ("/tv/The Show - S01E02-E03 - Double.mkv", "the show s01e02e03"),
        ("/tv/Ünï - 1x02.mkv", None),
        ("/videos/holiday.mkv", None),
        ("/videos/1999.mkv", None),
    ],
)
def test_title_of_file_name(path: str, name: str | None) -> None:
    assert title_of(path) == name


def test_duplicates_by_tracks_and_by_title() -> None:
    one, two = film("/a/Film (2001).mkv", "v:h264"), film("/b/film.2001.mkv", "v:hevc", size=400)
    copy = replace(one, path="/c/copy.mkv")
    files = [(one, (1, 1, 1)), (two, (1, 1, 2)), (copy, (1, 1, 3)), (OTHER, (1, 1, 4))]
    found = find_duplicates(files)
    assert [(item.kind, item.wasted, [file.path for file in item.files]) for item in found] == [
        ("tracks", 1000, [one.path, copy.path]),
        ("title", 400, [one.path, two.path]),
    ]


def test_hard_links_are_not_duplicates() -> None:
    files = [(GERMAN, (1, 1, 7)), (replace(GERMAN, path="/link.mkv"), (1, 1, 7))]
    assert find_duplicates(files) == []
