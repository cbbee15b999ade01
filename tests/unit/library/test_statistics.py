"""What people want to know of a library, from media that are only written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.notation import media as media_of

from vpo.library.statistics import check, duplicates, overview, title
from vpo.media.model import Color, MediaFile
from vpo.policy.change_kind import ChangeKind
from vpo.policy.policy_files import PolicyFiles


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
def test_title_is_taken_from_path(path: str, name: str | None) -> None:
    assert title(path) == name


def test_duplicates_are_found_by_title_and_content() -> None:
    one, two = film("/a/Film (2001).mkv", "v:h264"), film("/b/film.2001.mkv", "v:hevc", size=400)
    copy = replace(one, path="/c/copy.mkv")
    files = [(one, (1, 1, 1)), (two, (1, 1, 2)), (copy, (1, 1, 3)), (OTHER, (1, 1, 4))]
    found = duplicates(files)
    assert [(item.kind, item.room, [file.path for file in item.files]) for item in found] == [
        ("tracks", 1000, [one.path, copy.path]),
        ("title", 400, [one.path, two.path]),
    ]


def test_hard_links_are_no_duplicates() -> None:
    files = [(GERMAN, (1, 1, 7)), (replace(GERMAN, path="/link.mkv"), (1, 1, 7))]
    assert duplicates(files) == []


def test_violations_are_files_with_planned_changes(tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(
        "schema_version: 13\nphases: [{name: a, keep_audio: {languages: [eng]}}]\n", "utf-8"
    )
    choice = PolicyFiles((str(policy),))
    stat = (1, 1, 1)
    wrong, right = check(choice, [(GERMAN, stat), (OTHER, stat)], {})
    assert wrong is not None
    assert [change.kind for change in wrong.plan.changes] == [ChangeKind.REMOVE]
    assert right is None
    known = {b"/f/a.mkv": stat}
    assert list(check(choice, [(GERMAN, stat)], known)) == [None]
    assert list(check(choice, [(GERMAN, (2, 1, 1))], known)) != [None]
