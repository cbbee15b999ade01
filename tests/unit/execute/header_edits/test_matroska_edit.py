"""Edits of the headers of made-up Matroska files, in every place that an element can go to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.execute.header_edits.segments import (
    CUES,
    Shape,
    elements,
    made,
    opened,
    plan,
    sought,
    track_entry,
)
from tests.unit.execute.header_edits.wanted_changes import Wanted, changes

from vpo.execute.header_edits import matroska_check, matroska_edit
from vpo.execute.header_edits.ebml_element import VOID, EbmlElement
from vpo.execute.header_edits.matroska_header import INFO, TAGS, TRACKS
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.policy.change_kind import ChangeKind
from vpo.probe.ebml import StructureError
from vpo.probe.matroska import CLUSTER, SEEK_HEAD, read_structure, track_entries

TITLE, FLAG, LANGUAGE, TAG = (
    ChangeKind.TITLE,
    ChangeKind.FLAG,
    ChangeKind.LANGUAGE,
    ChangeKind.TAG,
)
ENTRIES = (track_entry(1, "", {0x88: 1}), track_entry(2, "Stereo", {0x88: 1, 0x55AA: 0}))


def edited(path: Path, wanted: Sequence[Wanted]) -> PatchSet:
    fd = opened(path)
    try:
        structure = read_structure(fd)
        patches = matroska_edit.edit(fd, structure, plan(path, wanted))
        assert patches.fits(fd)
        patches.apply(fd)
        matroska_check.check(fd, structure)
        return patches
    finally:
        os.close(fd)


def written(folder: Path, shape: Shape) -> Path:
    path = folder / "film.mkv"
    path.write_bytes(made(shape, ENTRIES))
    return path


def titles(path: Path) -> list[str | None]:
    fd = opened(path)
    try:
        return [entry.name for entry in track_entries(fd, read_structure(fd))]
    finally:
        os.close(fd)


def where(path: Path, identity: int) -> list[int]:
    return [at for key, at, _ in elements(path) if key == identity]


def test_flag_of_equal_size_is_one_small_patch(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", "info", "tracks"), ("cues",)))
    length = path.stat().st_size
    patches = edited(path, [(0, FLAG, "default", False)])
    assert len(patches.patches) == 1
    assert len(patches.patches[0].new) <= 64
    assert patches.length == length


@pytest.mark.parametrize("spare", [2, 3, 9, 10, 200])
def test_element_grows_into_the_empty_one_behind_it(tmp_path: Path, spare: int) -> None:
    path = written(tmp_path, Shape(("seek", "info", "tracks", spare), ("cues",)))
    place = where(path, TRACKS)
    edited(path, [(1, TITLE, "", "Stereo" + "!" * min(spare, 20))])
    assert titles(path)[1] == "Stereo" + "!" * min(spare, 20)
    assert (where(path, TRACKS) == place) or spare in (3, 9, 10)
    assert where(path, CLUSTER)


@pytest.mark.parametrize("growth", range(1, 12))
def test_no_single_byte_is_left_over(tmp_path: Path, growth: int) -> None:
    path = written(tmp_path, Shape(("seek", "info", "tracks", 10), ("cues",)))
    edited(path, [(1, TITLE, "", "Stereo" + "!" * growth)])
    assert titles(path)[1] == "Stereo" + "!" * growth
    assert [key for key, *_ in elements(path)].count(TRACKS) == 1


def test_long_size_fields_become_room(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", "info", "tracks"), ("cues",), wide=True))
    place, length = where(path, TRACKS), path.stat().st_size
    edited(path, [(1, FLAG, "comment", True)])
    assert (where(path, TRACKS), path.stat().st_size) == (place, length)


def test_element_takes_the_empty_one_before_it_and_is_found_there(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", "info", 400, "tracks"), ("cues",)))
    before = where(path, TRACKS)[0]
    edited(path, [(1, TITLE, "", "x" * 200)])
    (after,) = where(path, TRACKS)
    assert after < before
    assert sought(path)[TRACKS] == after


def test_seek_head_keeps_room_behind_it(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", 300, "info", "tracks"), ("cues",)))
    edited(path, [(1, TITLE, "", "x" * 200)])
    second, start, _ = elements(path)[1]
    assert second == VOID
    assert sought(path)[TRACKS] == where(path, TRACKS)[0] >= start + 32


def test_element_goes_to_the_end_where_nothing_else_is_left(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", 40, "info", "tracks"), ("cues",)))
    length = path.stat().st_size
    patches = edited(path, [(1, TITLE, "", "x" * 300)])
    assert patches.length == path.stat().st_size > length
    assert sought(path)[TRACKS] == where(path, TRACKS)[0] >= length
    assert titles(path) == [None, "x" * 300]


def test_element_at_the_end_grows_there(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", 40, "info"), ("cues", "tracks")))
    place = where(path, TRACKS)
    edited(path, [(1, TITLE, "", "x" * 300)])
    assert where(path, TRACKS) == place
    assert titles(path) == [None, "x" * 300]


def test_moved_element_without_a_seek_head_is_refused_behind_the_clusters(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("info", "tracks"), ("cues",)))
    with pytest.raises(StructureError, match="SeekHead"):
        edited(path, [(1, TITLE, "", "x" * 300)])


def test_edit_within_the_head_needs_no_seek_head(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("info", 400, "tracks"), ()))
    edited(path, [(1, TITLE, "", "x" * 300)])
    assert titles(path) == [None, "x" * 300]


def test_title_of_the_film_is_set_and_taken_out(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", 400, "info", "tracks"), ("cues", "tags")))
    original = path.read_bytes()
    edited(path, [(None, TAG, "title", "A Film")])
    assert b"A Film" in path.read_bytes()
    edited(path, [(None, TAG, "title", None)])
    assert b"\x7b\xa9" not in {key: data for key, _, data in elements(path)}[INFO]
    assert len(path.read_bytes()) == len(original)


def test_tags_of_the_film_are_changed_and_others_kept(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", 40, "info", "tracks"), ("cues", "tags")))
    edited(path, [(None, TAG, "date", "1999")])
    data = {key: data for key, _, data in elements(path)}[TAGS]
    assert b"ARTIST" in data
    assert b"DATE" in data
    edited(path, [(None, TAG, "artist", None)])
    data = {key: data for key, _, data in elements(path)}[TAGS]
    assert b"ARTIST" not in data
    assert b"1999" in data


def test_file_without_tags_gets_them(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", 40, "info", "tracks"), ("cues",)))
    edited(path, [(None, TAG, "date", "1999")])
    assert where(path, TAGS) == [sought(path)[TAGS]]


def test_language_is_written_twice(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", "info", "tracks", 100), ()))
    edited(path, [(1, LANGUAGE, "", "pt-BR")])
    fd = opened(path)
    entry = track_entries(fd, read_structure(fd))[1]
    os.close(fd)
    assert (entry.language, entry.language_ietf) == ("por", "pt-BR")


def test_junk_behind_the_segment_is_no_hindrance_in_place(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(("seek", "info", "tracks", 100), ()))
    path.write_bytes(path.read_bytes() + b"junk")
    fd = opened(path)
    structure = read_structure(fd)
    matroska_edit.edit(fd, structure, plan(path, [(0, FLAG, "default", False)])).apply(fd)
    os.close(fd)
    assert path.read_bytes().endswith(b"junk")


gaps = st.one_of(st.integers(2, 20), st.integers(120, 140), st.integers(250, 600))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    names = draw(st.permutations(["info", "tracks", "tags", "cues"]))
    split = draw(st.integers(0, 4))
    head: list[int | str] = [*names[:split]]
    tail: list[int | str] = [*names[split:]]
    for part in (head, tail):
        for _ in range(draw(st.integers(0, 3))):
            part.insert(draw(st.integers(0, len(part))), draw(gaps))
    return Shape(("seek", *head), tuple(tail), draw(st.booleans()), draw(st.booleans()))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(shape=shapes(), wanted=changes(2, ["title", "artist", "date"]))
def test_edit_keeps_all_else_where_readers_find_it(
    tmp_path_factory: pytest.TempPathFactory, shape: Shape, wanted: list[Wanted]
) -> None:
    path = written(tmp_path_factory.mktemp("made"), shape)
    original, before = path.read_bytes(), elements(path)
    try:
        patches = edited(path, wanted)
    except StructureError as error:
        assert "no room" in str(error)
        assert path.read_bytes() == original
        return
    after = elements(path)
    for identity in (CLUSTER, CUES):
        assert [item for item in after if item[0] == identity] == [
            item for item in before if item[0] == identity
        ]
    changing = (VOID, SEEK_HEAD, TAGS)
    assert sorted(key for key, *_ in after if key not in changing) == sorted(
        key for key, *_ in before if key not in changing
    )
    for identity, at in sought(path).items():
        assert (identity, at) in [(key, offset) for key, offset, _ in after]
    for number, kind, _, value in wanted:
        if kind is TITLE:
            assert titles(path)[number or 0] == (value or None)
    content = bytearray(path.read_bytes())
    for patch in patches.patches:  # what an undo file does
        content[patch.offset : patch.offset + len(patch.new)] = patch.old
    assert bytes(content[: len(original)]) == original


def test_elements_in_one_another_without_end_are_kept_as_they_are() -> None:
    data = b""
    for _ in range(5000):
        data = EbmlElement(0xAE, 8, data).encoded()
    tracks = EbmlElement(TRACKS, 8, data)
    narrowed = tracks.narrowed(frozenset({TRACKS, 0xAE}))
    assert tracks.length - 200 < narrowed.length < tracks.length
    assert narrowed.data.endswith(data[-40_000:])
