"""Undo files: whatever mkvpropedit did, a roll-back gives every byte back."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.unit.execute.edits import applied, clean_up, film_of, opened, planned, rolled_back, saved

from vpo.errors import PublishError, SpaceError
from vpo.execute import undo_file

SAMPLES = (
    "multi-audio.mkv",
    "attachments.mkv",
    "chapters.mkv",
    "front-tags.mkv",
    "statistics.mkv",
    "many-tracks.mkv",
    "unknown-track.mkv",
    "clip.webm",
)
EDITS = {
    "flags": "--edit track:1 --set flag-default=0 --set flag-forced=1 --set flag-original=1",
    "a title that fits": "--edit track:2 --set name=x",
    "a title that does not": f"--edit track:2 --set name={'x' * 300}",
    "a title larger than all before": f"--edit track:1 --set name={'y' * 60000}",
    "less than before": "--edit track:1 --delete name --delete language",
    "languages": "--edit track:1 --set language=pt-BR --edit track:2 --set language=zh-Hant-TW",
}


@pytest.fixture
def media(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))


def save(path: Path) -> Path:
    return saved(path, planned(path))


@pytest.mark.parametrize("name", SAMPLES)
def test_undo_rolls_back_every_edit(corpus: Path, tmp_path: Path, name: str) -> None:
    """One after the other, each on what the one before left: the layout gets ever odder."""
    path = Path(shutil.copyfile(corpus / name, tmp_path / name))
    for words in EDITS.values():
        before, stamp = path.read_bytes(), path.stat()
        edit = planned(path, words)
        saved_path = saved(path, edit)
        applied(path, edit)
        edited = path.read_bytes()
        assert edited == by_the_tool(path, before, words) != before
        with opened(path) as fd:
            assert rolled_back(saved_path, fd)
        assert path.read_bytes() == before
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (stamp.st_size, stamp.st_mtime_ns)
        path.write_bytes(edited)
        saved_path.unlink()


def by_the_tool(path: Path, content: bytes, words: str) -> bytes:
    """What mkvpropedit makes of the content when it has the whole file."""
    copy = path.with_name("whole")
    copy.write_bytes(content)
    subprocess.run(["mkvpropedit", str(copy), *words.split()], capture_output=True)
    return copy.read_bytes()


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_undo_rolls_back_edit_interrupted_anywhere(media: Path, part: float) -> None:
    """As a kill leaves it: the first bytes of what is to be written are there, the rest is not."""
    before, edit = media.read_bytes(), planned(media)
    saved_path = saved(media, edit)
    left = int(part * sum(len(patch.new) for patch in edit.patches))
    with opened(media) as fd:
        for patch in edit.patches:
            os.pwrite(fd, patch.new[:left], patch.offset)
            left = max(0, left - len(patch.new))
        assert rolled_back(saved_path, fd)
    assert media.read_bytes() == before


def test_undo_leaves_file_overwritten_by_a_backup(corpus: Path, media: Path) -> None:
    """The inode stays the same, the film does not."""
    saved_path = saved(media, planned(media))
    shutil.copyfile(corpus / "many-tracks.mkv", media)
    before = media.read_bytes()
    with opened(media) as fd:
        assert not rolled_back(saved_path, fd)
    assert media.read_bytes() == before


@pytest.mark.parametrize("name", ["no-seekhead.mkv", "live.webm", "old.avi", "bad/text.mkv"])
def test_regions_are_none_where_edit_in_place_is_unsafe(corpus: Path, name: str) -> None:
    with (corpus / name).open("rb") as file:
        assert undo_file.header_regions(file.fileno()) is None


def test_regions_are_none_with_void_behind_the_clusters(corpus: Path, tmp_path: Path) -> None:
    """Without a SeekHead mkvpropedit finds room behind the clusters, and would use it."""
    path = Path(shutil.copyfile(corpus / "no-seekhead.mkv", tmp_path / "film.mkv"))
    with path.open("ab") as file:
        file.write(b"\xec\x01" + (20000).to_bytes(7, "big") + bytes(20000))
    with opened(path) as fd:
        assert undo_file.header_regions(fd) is None


def test_regions_are_none_above_the_size_limit(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo_file, "MAX_REGION_BYTES", 1000)
    with opened(media) as fd:
        assert undo_file.header_regions(fd) is None


def test_undo_file_is_hidden_and_private(media: Path) -> None:
    saved_path = save(media)
    assert saved_path.parent == media.parent
    assert saved_path.name.startswith(".vpo-")
    assert saved_path.name.endswith(".undo")
    assert saved_path.stat().st_mode & 0o777 == 0o600
    assert film_of(saved_path) == media.name


@pytest.mark.parametrize("name", [b"caf\xe9.mkv", b"-i \n'\".mkv"])
def test_undo_file_keeps_odd_names(media: Path, name: bytes) -> None:
    odd = media.with_name(os.fsdecode(name))
    try:
        media.rename(odd)
    except OSError:
        pytest.skip("this system refuses such a name")
    assert film_of(save(odd)) == odd.name


@pytest.mark.parametrize("part", [0, 5, 0.1, 0.5, -1])
def test_truncated_undo_file_is_ignored(media: Path, part: float) -> None:
    saved_path = save(media)
    size = saved_path.stat().st_size
    os.truncate(saved_path, int(part * size) if 0 < part < 1 else int(part) % size)
    before = media.read_bytes()
    assert film_of(saved_path) is None
    with opened(media) as fd, pytest.raises(PublishError, match="damaged"):
        rolled_back(saved_path, fd)
    assert media.read_bytes() == before


def test_modified_undo_file_is_an_error(media: Path) -> None:
    saved_path = save(media)
    data = bytearray(saved_path.read_bytes())
    data[-1] ^= 1
    saved_path.write_bytes(data)
    with pytest.raises(PublishError, match="damaged"):
        film_of(saved_path)


def test_undo_file_with_a_path_to_another_folder_is_an_error(media: Path) -> None:
    saved_path = save(media)
    data = saved_path.read_bytes()
    magic, _, body = data.split(b"\n", 2)
    body = body.replace(b'"ZmlsbS5ta3Y="', b'"Li4vZmlsbS5ta3Y="')  # ../film.mkv
    digest = hashlib.sha256(body).hexdigest().encode()
    saved_path.write_bytes(b"\n".join((magic, digest, body)))
    with pytest.raises(PublishError, match="damaged"):
        film_of(saved_path)


def test_undo_leaves_replaced_file(media: Path) -> None:
    saved_path = save(media)
    other = media.with_name("other.mkv")
    shutil.copyfile(media, other)
    other.replace(media)
    with media.open("r+b") as file:
        file.write(b"new")
    before = media.read_bytes()
    with opened(media) as fd:
        assert not rolled_back(saved_path, fd)
    assert media.read_bytes() == before


def test_undo_file_that_is_a_link_is_refused(media: Path) -> None:
    saved_path = save(media)
    elsewhere = media.with_name("elsewhere")
    saved_path.rename(elsewhere)
    saved_path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        film_of(saved_path)


def test_undo_file_without_free_space_is_an_error(media: Path) -> None:
    edit = planned(media)
    with pytest.raises(SpaceError, match="not enough free space for an undo file"):
        saved(media, edit, keep_free=1 << 62)
    assert [item.name for item in media.parent.iterdir()] == ["film.mkv"]


def test_cleanup_leaves_undo_file_while_it_is_written(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned: list[list[str]] = []
    real = os.fsync

    def incomplete_still(fd: int) -> None:
        if not cleaned and (part := next(media.parent.glob(".vpo-*.undo"), None)):
            whole = part.read_bytes()
            os.truncate(part, 20)
            cleaned.append(clean_up(media.parent))
            part.write_bytes(whole)
        real(fd)

    edit = planned(media)
    monkeypatch.setattr(os, "fsync", incomplete_still)
    saved_path = saved(media, edit)
    assert cleaned == [[]]
    assert film_of(saved_path) == media.name


def test_save_fails_when_cleanup_removed_the_undo_file(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No edit without an undo file that is there."""
    real = os.fsync

    def removed(fd: int) -> None:
        for part in media.parent.glob(".vpo-*.undo"):
            part.unlink()
        real(fd)

    edit = planned(media)
    monkeypatch.setattr(os, "fsync", removed)
    with pytest.raises(PublishError, match="cannot write the undo file"):
        saved(media, edit)


VERSIONS = sorted((Path(__file__).parent / "undo_files").glob("*.undo"))
"""An undo file of each version of the format, of one edit of one film."""


def test_there_is_an_undo_file_of_the_version_that_is_written(media: Path) -> None:
    first_line = save(media).read_bytes().split(b"\n")[0]
    assert any(path.read_bytes().startswith(first_line + b"\n") for path in VERSIONS)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_undo_files_of_all_versions_are_rolled_back(
    tmp_path: Path, version: Path, part: float
) -> None:
    original, edited = ((version.parent / name).read_bytes() for name in ("original", "edited"))
    film, undo = tmp_path / "film.mkv", tmp_path / f".vpo-{'0' * 32}.undo"
    film.write_bytes(edited[: int(part * len(edited))] + original[int(part * len(edited)) :])
    undo.write_bytes(version.read_bytes())
    assert clean_up(tmp_path) == [f"rolled back {film}, which an interrupted run was editing"]
    assert film.read_bytes() == original
    assert not undo.exists()
