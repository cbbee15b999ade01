"""Edits of the headers of made-up MP4 files, with all kinds of room, and of hostile ones."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.execute.header_edits.boxes import Facts, Shape, box, kept, made, plan, walked
from tests.unit.execute.header_edits.wanted_changes import Wanted, changes

from vpo.errors import VerifyError
from vpo.execute.header_edits import mp4_boxes, mp4_check, mp4_edit
from vpo.execute.header_edits.mp4_boxes import read_mp4
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.plan.model import Plan
from vpo.policy.change_kind import ChangeKind, FactValue
from vpo.probe.ebml import StructureError

TITLE, FLAG, LANGUAGE, TAG = (
    ChangeKind.TITLE,
    ChangeKind.FLAG,
    ChangeKind.LANGUAGE,
    ChangeKind.TAG,
)


def edited(path: Path, wanted: Sequence[Wanted]) -> PatchSet:
    fd = os.open(path, os.O_RDWR)
    try:
        structure = read_mp4(fd)
        patches = mp4_edit.edit_boxes(fd, structure, plan(path, wanted))
        assert patches.fits(fd)
        patches.apply(fd)
        mp4_check.check_boxes(fd, structure)
        return patches
    finally:
        os.close(fd)


def written(folder: Path, shape: Shape) -> Path:
    path = folder / "film.mp4"
    path.write_bytes(made(shape))
    return path


def facts(path: Path) -> Facts:
    return Facts(path.read_bytes())


def test_flag_and_language_are_small_patches_in_place(tmp_path: Path) -> None:
    path = written(tmp_path, Shape())
    before = kept(path.read_bytes())
    patches = edited(path, [(1, FLAG, "default", False), (2, LANGUAGE, "", "pt-BR")])
    assert sum(len(patch.new) for patch in patches.patches) <= 3 * 64
    assert facts(path).defaults == [True, False, False]
    assert facts(path).languages == ["und", "eng", "por"]
    assert kept(path.read_bytes()) == before


@pytest.mark.parametrize("code", ["ger", "de", "deu", "de-AT"])
def test_language_is_the_terminological_code(tmp_path: Path, code: str) -> None:
    path = written(tmp_path, Shape())
    edited(path, [(1, LANGUAGE, "", code)])
    assert facts(path).languages[1] == "deu"


def test_no_language_has_a_number_in_quicktime(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(quicktime=True))
    edited(path, [(1, LANGUAGE, "", "und")])
    assert dict(walked(path.read_bytes()))  # boxes fill the file
    assert b"\x7f\xff" in path.read_bytes()


@pytest.mark.parametrize(
    ("code", "extended"), [("pt-BR", "pt-BR"), ("pt", None), ("zh-Hant-TW", "zh-Hant-TW")]
)
def test_language_with_region_is_not_left_false(
    tmp_path: Path, code: str, extended: str | None
) -> None:
    path = written(tmp_path, Shape(elng="en-US", in_movie=200))
    edited(path, [(1, LANGUAGE, "", code)])
    wanted = ["en-US", *([extended] if extended else []), "en-US"]
    assert facts(path).extended == wanted


@pytest.mark.parametrize(("flag", "role"), [
    ("comment", "commentary"),
    ("dub", "dub"),
    ("forced", "forced-subtitle"),
    ("hearing_impaired", "caption"),
    ("visual_impaired", "description"),
])  # fmt: skip
def test_roles_are_set_and_taken_out(tmp_path: Path, flag: str, role: str) -> None:
    path = written(tmp_path, Shape(in_track=100, roles=("main",)))
    edited(path, [(1, FLAG, flag, True)])
    assert facts(path).roles[1] == {"main", role}
    edited(path, [(1, FLAG, flag, False)])
    assert facts(path).roles[1] == {"main"}


@pytest.mark.parametrize("place", ["in_track", "in_user_data", "in_movie"])
def test_title_takes_the_nearest_room(tmp_path: Path, place: str) -> None:
    shape = Shape(title="Stereo", **{place: 60})  # type: ignore[arg-type]
    path = written(tmp_path, shape)
    length = path.stat().st_size
    edited(path, [(1, TITLE, "", "Stereo, but of more letters")])
    assert facts(path).titles == {1: "Stereo, but of more letters"}
    assert path.stat().st_size == length


@pytest.mark.parametrize(
    ("spare", "growth", "fits"),
    [(8, 8, True), (8, 5, False), (20, 12, True), (20, 13, False), (20, 20, True), (20, 21, False)],
)
def test_room_before_the_samples_is_none_or_holds_a_box(
    tmp_path: Path, spare: int, growth: int, fits: bool
) -> None:
    path = written(tmp_path, Shape(title="Stereo", behind=(spare,)))
    original = path.read_bytes()
    wanted: list[Wanted] = [(1, TITLE, "", "Stereo" + "!" * growth)]
    if fits:
        edited(path, wanted)
        assert kept(path.read_bytes()) == kept(original)
        assert len(path.read_bytes()) == len(original)
        return
    with pytest.raises(StructureError, match="grows by"):
        edited(path, wanted)
    assert path.read_bytes() == original


def test_list_of_tracks_at_the_end_grows_there(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(front=False))
    before = kept(path.read_bytes())
    patches = edited(path, [(1, TITLE, "", "x" * 3000), (None, TAG, "title", "A film")])
    assert patches.length == path.stat().st_size
    assert facts(path).titles == {1: "x" * 3000}
    assert facts(path).tags == {"\xa9nam": "A film"}
    assert kept(path.read_bytes()) == before


@pytest.mark.parametrize("letters", range(7))
def test_shorter_title_at_the_end_keeps_the_boxes_whole(tmp_path: Path, letters: int) -> None:
    path = written(tmp_path, Shape(front=False, title="Stereo"))
    edited(path, [(1, TITLE, "", "Stereo"[:letters] or None)])
    assert facts(path).titles == ({1: "Stereo"[:letters]} if letters else {})


def test_title_of_the_film_is_set_changed_and_removed(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(behind=(400,)))
    for title in ("A film", "The film, again", ""):
        edited(path, [(None, TAG, "title", title)])
        assert facts(path).tags == ({"\xa9nam": title} if title else {})


def test_title_in_quicktime_is_text_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(behind=(400,), quicktime=True))
    edited(path, [(None, TAG, "title", "A film")])
    assert b"\xa9nam\x00\x06\x55\xc4A film" in path.read_bytes()


@pytest.mark.parametrize(("second", "fits"), [("Hello", True), ("Another", False)])
def test_second_comment_of_quicktime_is_no_other(tmp_path: Path, second: str, fits: bool) -> None:
    def text(kind: str, value: str) -> bytes:
        return box(kind, len(value).to_bytes(2, "big"), b"\x55\xc4", value.encode())

    tags = box("udta", text("\xa9des", second), text("\xa9cmt", "Hello"))
    path = written(tmp_path, Shape(behind=(400,), quicktime=True, more=(tags,)))
    if not fits:
        with pytest.raises(StructureError, match="two comments"):
            edited(path, [(None, TAG, "comment", "Bye")])
        return
    edited(path, [(None, TAG, "comment", "Bye")])
    data = path.read_bytes()
    assert data.count(text("\xa9cmt", "Bye")) == 1
    assert b"Hello" not in data
    assert b"\xa9des" not in data


@pytest.mark.parametrize(("title", "stored"), [("Två", "Två\0"), ("日", "日\0\0"), ("OV", "OV")])
def test_short_title_is_not_taken_for_text_of_old_macintoshes(
    tmp_path: Path, title: str, stored: str
) -> None:
    path = written(tmp_path, Shape(behind=(400,)))
    edited(path, [(1, TITLE, "", title)])
    assert box("name", stored.encode()) in path.read_bytes()


def test_several_lists_of_tracks_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, Shape())
    path.write_bytes(path.read_bytes() + made(Shape()))
    with pytest.raises(StructureError, match="2 boxes"):
        edited(path, [(1, FLAG, "default", False)])
    path.write_bytes(box("ftyp", b"qt  ") + box("moov", box("cmov", bytes(50))) + box("mdat"))
    fd = os.open(path, os.O_RDONLY)
    with pytest.raises(StructureError, match="compressed"):
        read_mp4(fd)
    os.close(fd)


def test_fragments_do_not_move(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(more=(box("mvex", bytes(40)),), front=False, in_track=40))
    with pytest.raises(StructureError, match="fragments"):
        edited(path, [(1, TITLE, "", "x" * 300)])
    edited(path, [(1, TITLE, "", "Stereo"), (1, FLAG, "default", False)])
    assert facts(path).titles == {1: "Stereo"}


@pytest.mark.parametrize("kind", ["saio", "stco", "co64"])
def test_samples_in_the_header_do_not_move(tmp_path: Path, kind: str) -> None:
    def shape(offset: int) -> Shape:
        table = box(kind, bytes(7), b"\1", offset.to_bytes(8 if kind == "co64" else 4, "big"))
        return Shape(behind=(900,), in_table=table)

    path = written(tmp_path, shape(made(shape(0)).index(b"a vendor's own box 1")))
    with pytest.raises(StructureError, match="samples"):
        edited(path, [(0, TITLE, "", "x" * 300)])
    edited(path, [(2, TITLE, "", "x" * 300), (1, FLAG, "default", False)])


def test_track_in_another_place_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, Shape())
    data = path.read_bytes().replace(b"soun", b"text")
    path.write_bytes(data)
    with pytest.raises(StructureError, match="not in its place"):
        edited(path, [(1, FLAG, "default", False)])


def test_what_follows_the_boxes_stays_behind_them(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(front=False))
    data = path.read_bytes()
    path.write_bytes(data + b"junk of a camera")
    fd = os.open(path, os.O_RDWR)
    structure = read_mp4(fd)
    with pytest.raises(StructureError, match="grows by"):
        mp4_edit.edit_boxes(fd, structure, _planned(data, path, [(1, TITLE, "", "x" * 300)]))
    mp4_edit.edit_boxes(fd, structure, _planned(data, path, [(1, FLAG, "default", False)])).apply(
        fd
    )
    mp4_check.check_boxes(fd, structure)
    os.close(fd)
    assert path.read_bytes().endswith(b"junk of a camera")


def test_size_of_the_last_box_may_be_left_open(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(front=False))
    data = path.read_bytes()
    at = data.index(b"moov") - 4
    path.write_bytes(data[:at] + bytes(4) + data[at + 4 :])
    fd = os.open(path, os.O_RDWR)
    structure = read_mp4(fd)
    mp4_edit.edit_boxes(fd, structure, _planned(data, path, [(1, TITLE, "", "x" * 300)])).apply(fd)
    mp4_check.check_boxes(fd, structure)
    os.close(fd)
    content = path.read_bytes()
    assert content[at : at + 4] == bytes(4)
    size = (len(content) - at).to_bytes(4, "big")
    assert Facts(content[:at] + size + content[at + 4 :]).titles == {1: "x" * 300}


def test_many_boxes_take_no_time(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(more=(box("abcd") * 10_000,), front=False))
    begun = time.process_time()
    edited(path, [(1, TITLE, "", "x" * 300)])
    assert time.process_time() - begun < 2


def test_too_many_boxes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp4_boxes, "_MAX_BOXES", 1000)
    path = written(tmp_path, Shape(more=(box("abcd") * 1000,)))
    with pytest.raises(StructureError, match="more than"):
        edited(path, [(1, FLAG, "default", False)])


def test_tables_that_an_undo_file_cannot_hold_do_not_move(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(front=False))
    data = path.read_bytes()
    at, large = data.index(b"moov") - 4, 500 << 20
    with path.open("r+b") as file:
        file.seek(at)
        file.write((len(data) - at + large).to_bytes(4, "big"))
        file.seek(len(data))
        file.write(large.to_bytes(4, "big") + b"uuid")
        file.truncate(len(data) + large)
    fd = os.open(path, os.O_RDONLY)
    structure = read_mp4(fd)
    flag = mp4_edit.edit_boxes(fd, structure, _planned(data, path, [(1, FLAG, "default", False)]))
    assert len(flag.patches) == 1
    with pytest.raises(StructureError, match="would move"):
        mp4_edit.edit_boxes(fd, structure, _planned(data, path, [(1, TITLE, "", "x" * 300)]))
    os.close(fd)


def _planned(data: bytes, path: Path, wanted: Sequence[Wanted]) -> Plan:
    """The plan of a file that has grown, made of what it was."""
    small = path.with_name("small.mp4")
    small.write_bytes(data)
    return plan(small, wanted)


def test_room_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(front=False, behind=(8,)))
    data, large = path.read_bytes(), 3 << 30
    with path.open("r+b") as file:
        file.seek(len(data) - 8)
        file.write((8 + large).to_bytes(4, "big"))
        file.truncate(len(data) + large)
    fd = os.open(path, os.O_RDWR)
    structure = read_mp4(fd)
    wanted = _planned(data, path, [(2, TITLE, "", "x" * 300)])
    patches = mp4_edit.edit_boxes(fd, structure, wanted)
    assert sum(len(patch.new) for patch in patches.patches) < 2000
    patches.apply(fd)
    mp4_check.check_boxes(fd, structure)
    os.close(fd)


def test_malformed_user_data_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, Shape(title="Stereo", behind=(500,)))
    data = path.read_bytes().replace(b"\0\0\0\x0ename", b"\0\0\0\x0fname")
    path.write_bytes(data)
    fd = os.open(path, os.O_RDWR)
    structure = read_mp4(fd)
    sound = path.read_bytes().replace(b"\0\0\0\x0fname", b"\0\0\0\x0ename")
    with pytest.raises(StructureError, match="'udta' at byte"):
        mp4_edit.edit_boxes(fd, structure, _planned(sound, path, [(1, TITLE, "", "Surround")]))
    for change in ((1, FLAG, "default", False), (2, TITLE, "", "Surround")):
        mp4_edit.edit_boxes(fd, structure, _planned(sound, path, [change])).apply(fd)
        mp4_check.check_boxes(fd, structure)
        structure = read_mp4(fd)
    os.close(fd)
    assert b"\0\0\0\x0fnameStereo" in path.read_bytes()


def test_edit_that_went_wrong_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, Shape())
    fd = os.open(path, os.O_RDWR)
    structure = read_mp4(fd)
    at = path.read_bytes().index(b"stsd")
    os.pwrite(fd, b"stsx", at)
    with pytest.raises(VerifyError, match="taken back"):
        mp4_check.check_boxes(fd, structure)
    os.pwrite(fd, b"\0\0\0\4", at - 4)
    with pytest.raises(VerifyError, match="malformed"):
        mp4_check.check_boxes(fd, structure)
    os.close(fd)


rooms = st.sampled_from([0, 0, 8, 9, 16, 40, 100, 700])
shapes = st.builds(
    Shape,
    front=st.booleans(),
    behind=st.lists(st.sampled_from([8, 9, 30, 500]), max_size=2).map(tuple),
    in_movie=rooms,
    in_track=rooms,
    in_user_data=rooms,
    title=st.sampled_from([None, "", "Stereo", "x" * 40]),
    roles=st.sampled_from([(), ("main",), ("commentary", "caption")]),
    tag=st.sampled_from([None, "A film"]),
    elng=st.sampled_from([None, "en-US"]),
    wide=st.booleans(),
    zeros=st.booleans(),
    quicktime=st.just(False),
    more=st.sampled_from([(), (box("uuid", b"x" * 50),), (box("iods"), box("abcd", bytes(9)))]),
)


def _back(facts: Facts, wanted: Sequence[Wanted]) -> list[Wanted]:
    """The changes that lead back to what a file said."""
    roles = {"forced": "forced-subtitle", "comment": "commentary", "hearing_impaired": "caption"}
    items = {"title": "\xa9nam", "artist": "\xa9ART"}
    result: list[Wanted] = []
    for number, kind, name, _ in wanted:
        value: FactValue
        if kind is TAG:
            value = facts.tags.get(items[name])
        elif kind is TITLE:
            value = facts.titles.get(number or 0)
        elif kind is LANGUAGE:
            value = facts.languages[number or 0]
        elif name == "default":
            value = facts.defaults[number or 0]
        else:
            value = roles[name] in facts.roles[number or 0]
        result.append((number, kind, name, value))
    return result


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(shape=shapes, wanted=changes(3, ["title", "artist"]))
def test_edit_keeps_all_else_and_leads_back(
    tmp_path_factory: pytest.TempPathFactory, shape: Shape, wanted: list[Wanted]
) -> None:
    path = written(tmp_path_factory.mktemp("made"), shape)
    original, before = path.read_bytes(), facts(path)
    try:
        patches = edited(path, wanted)
    except StructureError as error:
        assert "grows by" in str(error)
        assert shape.front
        assert path.read_bytes() == original
        return
    content = bytearray(path.read_bytes())
    assert kept(bytes(content)) == kept(original)
    after = facts(path)
    for have, want in zip(_back(after, wanted), wanted, strict=True):
        assert (have[3] or None) == (want[3] or None) or have[1] is LANGUAGE
    for number, kind, _, value in wanted:
        if kind is LANGUAGE:
            assert after.languages[number or 0] == {"pt-BR": "por"}.get(str(value), value)
    for patch in patches.patches:  # what an undo file does
        content[patch.offset : patch.offset + len(patch.new)] = patch.old
    assert bytes(content[: len(original)]) == original
    try:
        edited(path, _back(before, wanted))
    except StructureError as error:
        assert "grows by" in str(error)
        return
    again = facts(path)
    assert (again.defaults, again.languages, again.roles, again.tags) == (
        before.defaults, before.languages, before.roles, before.tags
    )  # fmt: skip
    assert {n: t for n, t in again.titles.items() if t} == {
        n: t for n, t in before.titles.items() if t
    }
    assert kept(path.read_bytes()) == kept(original)
