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
from tests.unit.execute.edits import applied, clean_up, opened, planned
from tests.unit.execute.edits import saved as saved_for

from vpo.execute import leftovers
from vpo.execute.folder import Folder
from vpo.execute.lock_file import try_lock
from vpo.execute.rename import Replacement

OURS = tuple(f".vpo-{digit * 32}" for digit in "0123")


@pytest.fixture
def media(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))


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


@pytest.mark.parametrize("extension", ["part", "undo", "rename", "part-0.log"])
def test_leftover_of_a_run_that_has_ended_meanwhile_is_no_problem(
    tmp_path: Path, extension: str
) -> None:
    assert not list(
        leftovers.clean_up_leftovers([f"{tmp_path}/{OURS[0]}.{extension}"], lambda _: None)
    )


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

    def completed(fd: int) -> bool:
        saved.write_bytes(whole)
        return try_lock(fd)

    monkeypatch.setattr("vpo.execute.leftovers.try_lock", completed)
    assert clean_up(media.parent) == []
    assert saved.read_bytes() == whole


def test_cleanup_keeps_undo_file_without_its_film(media: Path) -> None:
    """It is all that can repair the film, wherever that is now."""
    saved = save(media)
    media.unlink()
    (told,) = clean_up(media.parent)
    assert str(media) in told
    assert "is not there; move it back" in told
    assert names(media.parent) == [saved.name]


def test_cleanup_finds_the_film_under_another_name(media: Path, corpus: Path) -> None:
    before, edit = media.read_bytes(), planned(media)
    saved_for(media, edit)
    applied(media, edit)
    shutil.copyfile(corpus / "many-tracks.mkv", media.with_name("another.mkv"))
    renamed = media.rename(media.with_name("renamed.mkv"))
    assert clean_up(media.parent) == [
        f"rolled back {renamed}, which an interrupted run was editing"
    ]
    assert renamed.read_bytes() == before
    assert names(media.parent) == ["another.mkv", "renamed.mkv"]


@pytest.mark.parametrize("part", [0.3, 1.0])
def test_cleanup_rolls_back_film_whose_inode_is_another(media: Path, part: float) -> None:
    """As on exFAT, over FUSE and SMB, or after a restore from a backup."""
    before, edit = media.read_bytes(), planned(media)
    times = media.stat().st_mtime_ns
    saved_for(media, edit)
    with opened(media) as fd:
        for patch in edit.patches:
            os.pwrite(fd, patch.new[: int(part * len(patch.new))], patch.offset)
    copy = Path(shutil.copyfile(media, media.with_name("copy")))
    copy.replace(media)
    assert clean_up(media.parent) == [f"rolled back {media}, which an interrupted run was editing"]
    assert (media.read_bytes(), media.stat().st_mtime_ns) == (before, times)
    assert names(media.parent) == ["film.mkv"]


def test_cleanup_does_not_touch_a_copy_of_the_original(media: Path) -> None:
    save(media)
    copy = Path(shutil.copyfile(media, media.with_name("copy")))
    copy.replace(media)
    before = media.stat()
    assert len(clean_up(media.parent)) == 1
    assert media.stat() == before
    assert names(media.parent) == ["film.mkv"]


def test_cleanup_removes_undo_file_of_replaced_film(media: Path, corpus: Path) -> None:
    saved = save(media)
    other = Path(shutil.copyfile(corpus / "many-tracks.mkv", media.with_name("other")))
    other.replace(media)
    before = media.read_bytes()
    assert clean_up(media.parent) == [f"removed {saved}: {media} was replaced since"]
    assert media.read_bytes() == before


def test_cleanup_keeps_undo_file_of_a_film_that_cannot_be_read(media: Path) -> None:
    saved = save(media)
    media.write_bytes(bytes(media.stat().st_size))
    (told,) = clean_up(media.parent)
    assert "cannot be read; check it" in told
    assert names(media.parent) == [saved.name, "film.mkv"]


def test_record_is_dropped_before_the_film_is_rolled_back(media: Path) -> None:
    edit = planned(media)
    saved_for(media, edit)
    applied(media, edit)
    edited = media.read_bytes()
    dropped: list[tuple[str, bytes]] = []
    told = leftovers.clean_up_folders(
        [str(media.parent)], lambda path: dropped.append((path, Path(path).read_bytes()))
    )
    assert len(told) == 1
    assert dropped == [(str(media), edited)]


AS_ANOTHER = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
NOBODY = 65534


@AS_ANOTHER
def test_cleanup_does_not_trust_undo_file_of_another_user(media: Path) -> None:
    edit = planned(media)
    saved = saved_for(media, edit)
    applied(media, edit)
    before = media.read_bytes()
    os.chown(saved, NOBODY, NOBODY)
    (told,) = clean_up(media.parent)
    assert "belongs to another user" in told
    assert media.read_bytes() == before
    assert saved.exists()
    os.chown(media, NOBODY, NOBODY)  # whose film it is may do what he likes
    assert clean_up(media.parent) == [f"rolled back {media}, which an interrupted run was editing"]


@AS_ANOTHER
def test_cleanup_does_not_trust_note_of_another_user(tmp_path: Path, cut_off: Path) -> None:
    (tmp_path / "result").rename(tmp_path / "One.mkv")
    os.chown(cut_off, NOBODY, NOBODY)
    (told,) = clean_up(tmp_path)
    assert "belongs to another user" in told
    assert {"One.mkv", "One.mp4"} <= set(names(tmp_path))


def test_cleanup_leaves_a_folder_that_is_a_link(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    part = real / f"{OURS[0]}.part"
    part.touch()
    (tmp_path / "library").symlink_to(real)
    told = leftovers.clean_up_leftovers(
        [str(tmp_path / "library" / part.name)], leftovers.ignore_record
    )
    assert ["cannot be cleaned up" in text for text in told] == [True]
    assert part.exists()


def test_cleanup_ignores_missing_folders(tmp_path: Path) -> None:
    assert (
        leftovers.clean_up_folders([str(tmp_path / "gone"), str(tmp_path)], leftovers.ignore_record)
        == []
    )


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
    left = tmp_path / f"{OURS[0]}.rename"
    with Folder(str(tmp_path)) as folder:
        result = (tmp_path / "result").stat()
        change = Replacement(folder, "One.mp4", "One.mkv", folder, "result", result)
        with change._noted():
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


def test_cleanup_removes_a_kept_original_that_was_restored(tmp_path: Path) -> None:
    """The kill came between the two: it is one file under two names."""
    place = tmp_path / ".vpo-originals"
    place.mkdir()
    (place / "kept.mp4").write_bytes(b"original")
    with Folder(str(tmp_path)) as folder, folder.inside(place.name) as kept:
        status = (place / "kept.mp4").stat()
        change = Replacement(folder, "One.mkv", "One.mp4", kept, "kept.mp4", status)
        with change._noted():
            held = next(tmp_path.glob(".vpo-*.rename"))
            os.link(held, tmp_path / f"{OURS[0]}.rename")
    os.link(place / "kept.mp4", tmp_path / "One.mp4")
    assert clean_up(tmp_path) == []
    assert list(place.iterdir()) == []
    assert (tmp_path / "One.mp4").read_bytes() == b"original"
