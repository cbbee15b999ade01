"""What a killed run left is cleaned up; what belongs to one that is alive is left alone."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vpo.execute import recover, undo
from vpo.execute.lock import try_lock


@pytest.fixture
def media(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))


def sweep(folder: Path) -> list[str]:
    return recover.sweep_folders([str(folder)])


def save(path: Path) -> Path:
    with path.open("rb") as file:
        ranges = undo.regions(file.fileno())
        assert ranges is not None
        return Path(undo.save(str(path), file.fileno(), ranges))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As another process holds it: ``flock`` belongs to the open file, not to the process."""
    with path.open("rb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_a_temporary_file_that_nobody_holds(tmp_path: Path) -> None:
    (tmp_path / ".vpo-1.part").write_bytes(b"x")
    (tmp_path / "film.mkv").write_bytes(b"x")
    assert sweep(tmp_path) == [f"removed {tmp_path}/.vpo-1.part, left by an interrupted run"]
    assert names(tmp_path) == ["film.mkv"]


def test_one_that_is_in_use(tmp_path: Path) -> None:
    part = tmp_path / ".vpo-1.part"
    part.write_bytes(b"x")
    with locked(part):
        assert sweep(tmp_path) == []
        assert part.exists()
    assert sweep(tmp_path)


def test_what_is_not_ours_or_no_file(tmp_path: Path) -> None:
    (tmp_path / ".vpo-notes.txt").write_text("mine")
    (tmp_path / ".vpo-folder.part").mkdir()
    (tmp_path / "target").write_text("x")
    (tmp_path / ".vpo-link.part").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / ".vpo-pipe.part")
    os.mkfifo(tmp_path / ".vpo-pipe.undo")
    before = names(tmp_path)
    assert sweep(tmp_path) == []
    assert names(tmp_path) == before


def test_a_header_edit_cut_off_half_way(media: Path) -> None:
    before = media.read_bytes()
    saved = save(media)
    with media.open("r+b") as file:
        file.write(bytes(3000))
        file.truncate(len(before) + 500)
    assert sweep(media.parent) == [f"rolled back {media}, which an interrupted run was editing"]
    assert media.read_bytes() == before
    assert not saved.exists()


def test_a_header_edit_that_goes_on(media: Path) -> None:
    saved = save(media)
    subprocess.run(["mkvpropedit", str(media), "--edit", "track:1", "--set", "name=x"], check=True)
    edited = media.read_bytes()
    with locked(media):
        assert sweep(media.parent) == []
        assert saved.exists()
        assert media.read_bytes() == edited


def test_an_undo_file_that_was_never_complete(media: Path) -> None:
    before = media.read_bytes()
    saved = save(media)
    os.truncate(saved, saved.stat().st_size // 2)
    assert sweep(media.parent) == [f"removed {saved}, left by an interrupted run"]
    assert media.read_bytes() == before
    assert names(media.parent) == ["film.mkv"]


def test_one_that_gets_complete_while_it_is_looked_at(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(media)
    whole = saved.read_bytes()
    os.truncate(saved, 20)

    def completed(fd: int) -> bool:
        saved.write_bytes(whole)
        return try_lock(fd)

    monkeypatch.setattr("vpo.execute.recover.try_lock", completed)
    assert sweep(media.parent) == []
    assert saved.read_bytes() == whole


def test_its_media_file_is_gone(media: Path) -> None:
    saved = save(media)
    media.unlink()
    assert sweep(media.parent) == [f"removed {saved}: its media file is gone"]
    assert names(media.parent) == []


def test_its_media_file_is_another_one(media: Path) -> None:
    saved = save(media)
    other = media.with_name("other")
    other.write_bytes(b"another film")
    other.replace(media)
    assert sweep(media.parent) == [f"removed {saved}: {media} has been replaced since"]
    assert media.read_bytes() == b"another film"


def test_folders_that_are_gone(tmp_path: Path) -> None:
    assert recover.sweep_folders([str(tmp_path / "gone"), str(tmp_path)]) == []


def test_one_that_fails_does_not_stop_the_rest(media: Path) -> None:
    saved = save(media)
    media.unlink()
    media.mkdir()
    (media.parent / ".vpo-9.part").touch()
    assert sweep(media.parent) == [
        f"removed {media.parent}/.vpo-9.part, left by an interrupted run"
    ]
    assert saved.exists()


# A change of container that was cut off between its last two steps.


def test_a_result_that_has_its_name_already(tmp_path: Path) -> None:
    source, part = tmp_path / "One.mp4", tmp_path / ".vpo-1.part"
    source.write_bytes(b"old")
    part.write_bytes(b"new")
    os.link(part, tmp_path / "One.mkv")
    assert recover.finish_renames([str(source)]) == [
        f"took back {tmp_path}/One.mkv; {source} is still the original"
    ]
    assert names(tmp_path) == [".vpo-1.part", "One.mp4"]


def test_a_result_whose_original_is_gone(tmp_path: Path) -> None:
    part = tmp_path / ".vpo-1.part"
    part.write_bytes(b"new")
    os.link(part, tmp_path / "One.mkv")
    assert recover.finish_renames([str(tmp_path / "One.mp4")]) == []
    assert names(tmp_path) == [".vpo-1.part", "One.mkv"]


def test_a_file_of_the_users_with_the_same_stem(tmp_path: Path) -> None:
    for name in ("One.mp4", "One.mkv", ".vpo-1.part"):
        (tmp_path / name).write_bytes(b"x")
    os.link(tmp_path / ".vpo-1.part", tmp_path / "Two.mkv")
    assert recover.finish_renames([str(tmp_path / "One.mp4")]) == []
    assert (tmp_path / "One.mkv").exists()
    assert (tmp_path / "Two.mkv").exists()
