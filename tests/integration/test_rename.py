"""Names of files: never over another file, undone, and asked of the server that gives them."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest
from tests.conftest import Library, Result, Vpo
from tests.servers import KEY, serving

REPLACE = "schema_version: 13\nphases: [{name: n, rename: {replace: [video_codec, resolution]}}]\n"
TEMPLATE = "schema_version: 13\nphases: [{name: n, rename: '{title} ({year}) [{video_codec}]'}]\n"
TITLED = TEMPLATE.replace("rename:", "titles: {video: x}, rename:")
REMUXED = TEMPLATE.replace("rename:", "keep_audio: {languages: [eng]}, rename:")
OLD, NEW = "A.Film.2019.x265.mkv", "A Film (2019) [H.264].mkv"


def process(vpo: Vpo, text: str, root: Path) -> Result:
    return vpo("process", "--format", "json", "-R", "-p", vpo.policy(text), root)


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize(
    ("text", "strategy"), [(TEMPLATE, "rename"), (TITLED, "header"), (REMUXED, "remux")]
)
def test_file_is_renamed_once_and_undo_gives_its_name_back(
    vpo: Vpo, library: Library, text: str, strategy: str
) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    root = library(f"{OLD}=multi-audio.mkv")
    before = (root / OLD).read_bytes()
    (root / "A.Film.2019.x265.en.srt").write_text("subtitles")
    (root / "A.Film.2019.srt").write_text("of another film")
    (done,) = process(vpo, text, root).json["files"]
    assert (done["status"], done["strategy"]) == ("changed", strategy)
    assert names(root) == ["A Film (2019) [H.264].en.srt", NEW, "A.Film.2019.srt"]
    assert ((root / NEW).read_bytes() == before) == (strategy == "rename")
    assert (root / NEW).stat().st_nlink == 1
    (again,) = process(vpo, text, root).json["files"]
    assert again["status"] == "unchanged"
    with sqlite3.connect(vpo.data / "vpo.db") as database:
        assert database.execute("SELECT path FROM files").fetchall() == [(os.fsencode(root / NEW),)]
    assert vpo("undo", root / NEW).rc == 0
    assert names(root) == ["A.Film.2019.srt", "A.Film.2019.x265.en.srt", OLD]
    assert (root / OLD).read_bytes() == before


def test_no_other_file_is_replaced(vpo: Vpo, library: Library) -> None:
    taken = NEW.lower()
    root = library(f"{OLD}=multi-audio.mkv")
    (root / taken).write_bytes(b"other")
    done = vpo("process", "--format", "json", "-p", vpo.policy(REMUXED), root / OLD)
    assert done.rc == 1
    assert "exists already" in done.json["files"][0]["error"]["message"]
    assert (root / taken).read_bytes() == b"other"
    assert (root / OLD).exists()


def test_words_are_corrected_in_a_name_that_is_not_utf8(vpo: Vpo, library: Library) -> None:
    root = library("x=multi-audio.mkv")
    os.rename(root / "x", os.fsencode(root) + b"/F\xff.2160p.hevc.mkv")
    (done,) = process(vpo, REPLACE, root).json["files"]
    assert done["status"] == "changed"
    assert os.listdir(os.fsencode(root)) == [b"F\xff.480p.h264.mkv"]


def test_radarr_is_asked_to_rename_what_was_changed(vpo: Vpo, library: Library) -> None:
    root = library()
    folder = root / "Spirited Away (2001)"
    library("Spirited Away (2001)/a.x265.mkv=multi-audio.mkv")
    with serving() as server:
        vpo.config.write_text(
            f'[plugins.radarr]\nurl = "{server.url}"\napi_key = "{KEY}"\n'
            f'path_map = {{"/movies" = {json.dumps(str(root))}}}\n'
        )
        assert process(vpo, REMUXED, root).json["files"][0]["strategy"] == "remux"
        sent = [data for _, data in server.sent]
        assert process(vpo, REMUXED, root).json["files"][0]["status"] == "unchanged"
        assert [data for _, data in server.sent] == sent
    assert sent == [
        {"name": "RescanMovie", "movieId": 1},
        {"name": "RenameMovie", "movieIds": [1]},
    ]
    assert names(folder) == ["a.x265.mkv"]


def test_file_is_looked_at_again_when_it_has_an_age(vpo: Vpo, library: Library) -> None:
    root = library("a.mkv=multi-audio.mkv")
    text = (
        "schema_version: 13\nphases: [{name: n, rules: {items: [{name: old, when: age > 30d, "
        "then: {set_container_metadata: {field: comment, value: old}}}]}}]\n"
    )
    month = 30 * 86400
    young = time.time() - month + 600
    os.utime(root / "a.mkv", (young, young))
    assert process(vpo, text, root).json["files"][0]["status"] == "unchanged"
    with sqlite3.connect(vpo.data / "vpo.db") as database:
        # As if it had been recorded with this time, which has passed by now.
        old = int((young - 1200) * 1e9)
        os.utime(root / "a.mkv", ns=(old, old))
        database.execute("UPDATE files SET mtime_ns = ?", (old,))
    assert process(vpo, text, root).json["files"][0]["status"] == "changed"
    assert process(vpo, text, root).json["files"][0]["status"] == "unchanged"
