"""A file is recognized by path, by inode, or by its content; another one never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.db.records import EncodeRecord, KnownContent
from vpo.discover import Candidate
from vpo.media.model import MediaFile, Track
from vpo.policy.external_facts import ExternalFacts
from vpo.probe.content_key import content_key
from vpo.run.recognition import KnownContents, KnownFiles, recognize

FILE = Candidate("/m/a.mkv", 1000, 5, 42, 1)
ROW = EncodeRecord(b"/m/a.mkv", "encoded", 1000, 42, 5, 1)


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (FILE, True),
        (FILE._replace(mtime_ns=6), True),  # touched
        (FILE._replace(path="/other/b.mkv"), True),  # renamed, or a hard link
        (FILE._replace(size=1001), False),
        (FILE._replace(inode=43), False),
        (FILE._replace(path="/other/b.mkv", mtime_ns=6), False),
        (FILE._replace(path="/other/b.mkv", device=2), False),
    ],
)
def test_file_is_known_by_path_and_by_inode(found: Candidate, known: bool) -> None:
    assert KnownFiles([ROW]).history(found) == ("encoded" if known else None)


def test_file_of_an_older_database_is_known_by_inode_without_device() -> None:
    files = KnownFiles([ROW._replace(device=None)])
    assert files.history(FILE._replace(path="/other/b.mkv")) == "encoded"


def test_contents_are_those_of_the_size_of_the_file() -> None:
    contents = {1000: {"c": KnownContent("encoded", {})}, 2000: {"d": KnownContent(None, {})}}
    files = KnownFiles(contents=contents)
    assert files.contents(FILE).contents.keys() == {"c"}
    assert files.contents(FILE._replace(size=3000)).contents == {}


def test_recognized_content_has_its_history_and_its_bit_rates(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"content")
    tracks = (Track(0, "video", "hevc"), Track(1, "audio", "ac3", bit_rate=7))
    media = MediaFile(str(path), "mkv", 7, tracks=tracks)
    known = KnownContent("encoded", {0: 5, 1: 6})
    recorded = KnownContents({content_key(str(path)): known})
    found = recognize(media, ExternalFacts(), recorded)
    assert found.known == ExternalFacts(encoded=True)
    assert [track.bit_rate for track in found.media.tracks] == [5, 7]
    path.write_bytes(b"CONTENT")
    assert recognize(media, ExternalFacts(), recorded) == (media, ExternalFacts())


def test_file_is_not_opened_where_no_content_has_its_size() -> None:
    media = MediaFile("/does/not/exist", "mkv", 7)
    assert recognize(media, ExternalFacts(), KnownContents()) == (media, ExternalFacts())
