"""Undo files: whatever mkvpropedit did, a roll-back gives every byte back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vpo.errors import PublishError, SpaceError
from vpo.execute import recover, undo
from vpo.execute.lock import Stamp

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


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR)
    try:
        yield fd
    finally:
        os.close(fd)


def save(path: Path) -> Path:
    with opened(path) as fd:
        ranges = undo.regions(fd)
        assert ranges is not None
        return Path(undo.save(str(path), fd, ranges))


def edit(path: Path, words: str) -> None:
    done = subprocess.run(["mkvpropedit", str(path), *words.split()], capture_output=True)
    assert done.returncode in (0, 1), done.stdout


@pytest.mark.parametrize("name", SAMPLES)
def test_every_edit_is_rolled_back(corpus: Path, tmp_path: Path, name: str) -> None:
    """One after the other, each on what the one before left: the layout gets ever odder."""
    path = Path(shutil.copyfile(corpus / name, tmp_path / name))
    for words in EDITS.values():
        before, stamp = path.read_bytes(), Stamp.of(path.stat())
        saved = save(path)
        edit(path, words)
        edited = path.read_bytes()
        assert edited != before
        with opened(path) as fd:
            assert undo.roll_back(str(saved), fd)
        assert path.read_bytes() == before
        assert Stamp.of(path.stat()) == stamp
        path.write_bytes(edited)
        saved.unlink()


@pytest.mark.parametrize("name", ["no-seekhead.mkv", "live.webm", "old.avi", "bad/text.mkv"])
def test_where_an_edit_in_place_is_not_safe(corpus: Path, name: str) -> None:
    with (corpus / name).open("rb") as file:
        assert undo.regions(file.fileno()) is None


def test_a_void_that_nobody_knows_of(corpus: Path, tmp_path: Path) -> None:
    """Without a SeekHead mkvpropedit finds room behind the clusters, and would use it."""
    path = Path(shutil.copyfile(corpus / "no-seekhead.mkv", tmp_path / "film.mkv"))
    with path.open("ab") as file:
        file.write(b"\xec\x01" + (20000).to_bytes(7, "big") + bytes(20000))
    with opened(path) as fd:
        assert undo.regions(fd) is None


def test_too_much_to_save(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "LARGEST", 1000)
    with opened(media) as fd:
        assert undo.regions(fd) is None


def test_the_undo_file_is_hidden_and_private(media: Path) -> None:
    saved = save(media)
    assert saved.parent == media.parent
    assert saved.name.startswith(".vpo-")
    assert saved.name.endswith(".undo")
    assert saved.stat().st_mode & 0o777 == 0o600
    assert undo.read_name(str(saved)) == str(media)


@pytest.mark.parametrize("name", [b"caf\xe9.mkv", b"-i \n'\".mkv"])
def test_odd_names(media: Path, name: bytes) -> None:
    odd = media.with_name(os.fsdecode(name))
    try:
        media.rename(odd)
    except OSError:
        pytest.skip("this system refuses such a name")
    assert undo.read_name(str(save(odd))) == str(odd)


@pytest.mark.parametrize("part", [0, 5, 0.1, 0.5, -1])
def test_a_cut_off_undo_file_is_ignored(media: Path, part: float) -> None:
    saved = save(media)
    size = saved.stat().st_size
    os.truncate(saved, int(part * size) if 0 < part < 1 else int(part) % size)
    before = media.read_bytes()
    assert undo.read_name(str(saved)) is None
    with opened(media) as fd:
        assert not undo.roll_back(str(saved), fd)
    assert media.read_bytes() == before


def test_a_changed_undo_file_is_ignored(media: Path) -> None:
    saved = save(media)
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    assert undo.read_name(str(saved)) is None


def test_an_undo_file_names_no_other_folder(media: Path) -> None:
    saved = save(media)
    data = saved.read_bytes()
    assert data.count(b'"ZmlsbS5ta3Y="') == 1
    saved.write_bytes(data.replace(b'"ZmlsbS5ta3Y="', b'"Li4vZmlsbS5ta3Y="'))  # ../film.mkv
    assert undo.read_name(str(saved)) is None


def test_another_file_is_not_rolled_back(media: Path) -> None:
    saved = save(media)
    other = media.with_name("other.mkv")
    shutil.copyfile(media, other)
    other.replace(media)
    with media.open("r+b") as file:
        file.write(b"new")
    before = media.read_bytes()
    with opened(media) as fd:
        assert not undo.roll_back(str(saved), fd)
    assert media.read_bytes() == before


def test_a_link_in_its_place_is_not_read(media: Path) -> None:
    saved = save(media)
    elsewhere = media.with_name("elsewhere")
    saved.rename(elsewhere)
    saved.symlink_to(elsewhere)
    assert undo.read_name(str(saved)) is None


def test_no_room(media: Path) -> None:
    with opened(media) as fd, pytest.raises(SpaceError, match="no room for an undo file"):
        undo.save(str(media), fd, [(0, 100)], keep_free=1 << 62)
    assert [item.name for item in media.parent.iterdir()] == ["film.mkv"]


def test_a_sweep_leaves_it_alone_while_it_is_written(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[list[str]] = []
    real = json.dumps

    def empty_still(header: object) -> str:
        assert next(media.parent.glob(".vpo-*")).stat().st_size == 0
        swept.append(recover.sweep_folders([str(media.parent)]))
        return real(header)

    monkeypatch.setattr(json, "dumps", empty_still)
    saved = save(media)
    assert swept == [[]]
    assert undo.read_name(str(saved)) == str(media)


def test_a_sweep_that_was_quicker_is_noticed(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No edit without an undo file that is there."""
    real = json.dumps

    def removed(header: object) -> str:
        next(media.parent.glob(".vpo-*")).unlink()
        return real(header)

    monkeypatch.setattr(json, "dumps", removed)
    with pytest.raises(PublishError, match="no undo file could be written"):
        save(media)
