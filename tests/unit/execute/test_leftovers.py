"""What a killed run left is cleaned up; what belongs to one that is alive is left alone."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.execute.edits import applied, opened, planned
from tests.unit.execute.edits import saved as saved_for

from vpo.execute import leftovers
from vpo.execute.lock_file import open_locked
from vpo.execute.rename import rename_note

OURS = tuple(f".vpo-{digit * 32}" for digit in "0123")


@pytest.fixture
def media(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))


def clean_up(folder: Path) -> list[str]:
    return leftovers.clean_up_folders([str(folder)])


def save(path: Path) -> Path:
    return saved_for(path, planned(path))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As another process holds it: ``flock`` belongs to the open file, not to the process."""
    with path.open("rb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_cleanup_removes_unlocked_temporary_file(tmp_path: Path) -> None:
    (tmp_path / f"{OURS[0]}.part").write_bytes(b"x")
    (tmp_path / "film.mkv").write_bytes(b"x")
    assert clean_up(tmp_path) == [f"removed {tmp_path}/{OURS[0]}.part, left by an interrupted run"]
    assert names(tmp_path) == ["film.mkv"]


def test_cleanup_leaves_locked_temporary_file(tmp_path: Path) -> None:
    part = tmp_path / f"{OURS[0]}.part"
    part.write_bytes(b"x")
    with locked(part):
        assert clean_up(tmp_path) == []
        assert part.exists()
    assert clean_up(tmp_path)


def test_cleanup_removes_files_of_a_tool_with_their_temporary_file(tmp_path: Path) -> None:
    part, stats = tmp_path / f"{OURS[0]}.part", tmp_path / f"{OURS[0]}.part-0.log"
    part.touch()
    stats.touch()
    with locked(part):
        assert clean_up(tmp_path) == []
    assert len(clean_up(tmp_path)) == 2
    assert names(tmp_path) == []
    stats.touch()
    assert clean_up(tmp_path) == [f"removed {stats}, left by an interrupted run"]


def test_cleanup_leaves_other_files_and_folders(tmp_path: Path) -> None:
    for name in (".vpo-notes.txt", ".vpo-1.part", f"{OURS[0]}0.part", f"{OURS[0][:-1]}A.undo"):
        (tmp_path / name).write_text("mine")
    (tmp_path / f"{OURS[1]}.part").mkdir()
    (tmp_path / "target").write_text("x")
    (tmp_path / f"{OURS[2]}.part").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / f"{OURS[3]}.part")
    os.mkfifo(tmp_path / f"{OURS[3]}.undo")
    before = names(tmp_path)
    assert clean_up(tmp_path) == []
    assert names(tmp_path) == before


def test_cleanup_rolls_back_interrupted_header_edit(media: Path) -> None:
    before = media.read_bytes()
    edit = planned(media)
    saved = saved_for(media, edit)
    with opened(media) as fd:
        os.pwrite(fd, edit.patches[0].new[:-50], edit.patches[0].offset)
    assert media.read_bytes() != before
    assert clean_up(media.parent) == [f"rolled back {media}, which an interrupted run was editing"]
    assert media.read_bytes() == before
    assert not saved.exists()


def test_cleanup_leaves_running_header_edit(media: Path) -> None:
    edit = planned(media)
    saved = saved_for(media, edit)
    applied(media, edit)
    edited = media.read_bytes()
    with locked(media):
        assert clean_up(media.parent) == []
        assert saved.exists()
        assert media.read_bytes() == edited


def of_another_version(content: bytes) -> bytes:
    return content.replace(b"vpo undo 2", b"vpo undo 9", 1)


def with_an_unknown_field(content: bytes) -> bytes:
    magic, _, body = content.split(b"\n", 2)
    body = body.replace(b'"inode"', b'"where"', 1)
    return b"\n".join((magic, hashlib.sha256(body).hexdigest().encode(), body))


def with_a_changed_bit(content: bytes) -> bytes:
    return content[:-1] + bytes((content[-1] ^ 1,))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (of_another_version, "of another version"),
        (with_an_unknown_field, "of another version"),
        (with_a_changed_bit, "damaged"),
    ],
)
def test_cleanup_leaves_an_undo_file_that_it_cannot_use(
    media: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    """It is all that is known of the edit; other leftovers are cleaned up all the same."""
    saved = save(media)
    content = change(saved.read_bytes())
    saved.write_bytes(content)
    (media.parent / f"{OURS[0]}.part").touch()
    before = media.read_bytes()
    told = clean_up(media.parent)
    assert len(told) == 2
    assert any(reason in text and str(saved) in text for text in told)
    assert (saved.read_bytes(), media.read_bytes()) == (content, before)
    assert names(media.parent) == [saved.name, "film.mkv"]


def test_cleanup_removes_incomplete_undo_file(media: Path) -> None:
    before = media.read_bytes()
    saved = save(media)
    os.truncate(saved, saved.stat().st_size // 2)
    assert clean_up(media.parent) == [f"removed {saved}, left by an interrupted run"]
    assert media.read_bytes() == before
    assert names(media.parent) == ["film.mkv"]


def test_cleanup_leaves_undo_file_completed_meanwhile(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(media)
    whole = saved.read_bytes()
    os.truncate(saved, 20)

    def completed(path: str) -> int | None:
        saved.write_bytes(whole)
        return open_locked(path)

    monkeypatch.setattr("vpo.execute.leftovers.open_locked", completed)
    assert clean_up(media.parent) == []
    assert saved.read_bytes() == whole


def test_cleanup_removes_undo_file_without_media_file(media: Path) -> None:
    saved = save(media)
    media.unlink()
    assert clean_up(media.parent) == [f"removed {saved}: its media file is gone"]
    assert names(media.parent) == []


def test_cleanup_removes_undo_file_of_replaced_media_file(media: Path) -> None:
    saved = save(media)
    other = media.with_name("other")
    other.write_bytes(b"another film")
    other.replace(media)
    assert clean_up(media.parent) == [f"removed {saved}: {media} was replaced since"]
    assert media.read_bytes() == b"another film"


def test_cleanup_ignores_missing_folders(tmp_path: Path) -> None:
    assert leftovers.clean_up_folders([str(tmp_path / "gone"), str(tmp_path)]) == []


def test_cleanup_continues_after_a_failure(media: Path) -> None:
    saved = save(media)
    media.unlink()
    media.mkdir()
    (media.parent / f"{OURS[1]}.part").touch()
    told = clean_up(media.parent)
    assert f"removed {media.parent}/{OURS[1]}.part, left by an interrupted run" in told
    assert f"{saved}, left by an interrupted run, cannot be cleaned up: Is a directory" in told
    assert saved.exists()


# A change of container that was cut off between its two steps.


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    """The note of a change from One.mp4 to One.mkv, as a kill leaves it."""
    (tmp_path / "One.mp4").write_bytes(b"old")
    (tmp_path / "result").write_bytes(b"new")
    inode = (tmp_path / "result").stat().st_ino
    left = tmp_path / f"{OURS[0]}.rename"
    with rename_note(str(tmp_path / "One.mp4"), str(tmp_path / "One.mkv"), inode):
        held = next(tmp_path.glob(".vpo-*.rename"))
        assert clean_up(tmp_path) == []  # it belongs to somebody
        os.link(held, left)
    return left


@pytest.mark.usefixtures("cut_off")
def test_cleanup_undoes_unfinished_conversion(tmp_path: Path) -> None:
    (tmp_path / "result").rename(tmp_path / "One.mkv")
    told = (
        f"removed {tmp_path}/One.mkv, which an interrupted run had written; "
        f"{tmp_path}/One.mp4 is unchanged"
    )
    assert clean_up(tmp_path) == [told]
    assert names(tmp_path) == ["One.mp4"]


@pytest.mark.usefixtures("cut_off")
def test_cleanup_removes_reserved_name(tmp_path: Path) -> None:
    """As on a file system without hard links."""
    (tmp_path / "One.mkv").touch()
    assert len(clean_up(tmp_path)) == 1
    assert names(tmp_path) == ["One.mp4", "result"]


@pytest.mark.usefixtures("cut_off")
def test_cleanup_keeps_result_without_original(tmp_path: Path) -> None:
    (tmp_path / "result").rename(tmp_path / "One.mkv")
    (tmp_path / "One.mp4").unlink()
    assert clean_up(tmp_path) == []
    assert names(tmp_path) == ["One.mkv"]


@pytest.mark.usefixtures("cut_off")
def test_cleanup_keeps_file_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "One.mkv").write_bytes(b"mine")
    assert clean_up(tmp_path) == []
    assert (tmp_path / "One.mkv").read_bytes() == b"mine"


def test_cleanup_ignores_incomplete_rename_note(tmp_path: Path, cut_off: Path) -> None:
    (tmp_path / "result").rename(tmp_path / "One.mkv")
    os.truncate(cut_off, 10)
    assert clean_up(tmp_path) == []
    assert names(tmp_path) == ["One.mkv", "One.mp4"]
