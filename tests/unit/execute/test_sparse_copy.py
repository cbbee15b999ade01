"""Edits on a stand-in: the same as on the file itself, and harmless where the tool misbehaves."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vpo.errors import ToolError, VerifyError
from vpo.execute import undo_file
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.execute.sparse_copy import edit_sparse_copy

EDITS = (
    "--edit track:1 --set flag-default=0 --set flag-forced=1",
    f"--edit track:2 --set name={'x' * 300}",
    f"--edit track:1 --set name={'y' * 60000}",
    "--edit track:1 --delete name",
    "--edit track:2 --set language=pt-BR",
)
Tool = Callable[[str, int], None]


def propedit(words: str) -> Tool:
    def tool(path: str, fd: int) -> None:
        command = ["mkvpropedit", path, *words.split()]
        done = subprocess.run(command, capture_output=True, pass_fds=(fd,), check=False)
        assert done.returncode in (0, 1), done.stdout

    return tool


def tried(path: Path, tool: Tool) -> PatchSet:
    with path.open("rb") as file:
        ranges = undo_file.header_regions(file.fileno())
        assert ranges is not None
        return edit_sparse_copy(file.fileno(), ranges, str(path.parent), tool)


def applied(path: Path, edit: PatchSet) -> bytes:
    copy = Path(shutil.copyfile(path, path.with_name("copy.mkv")))
    with copy.open("r+b") as file:
        edit.apply(file.fileno())
    return copy.read_bytes()


@pytest.fixture
def film(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize(
    "name", ["multi-audio.mkv", "attachments.mkv", "front-tags.mkv", "many-tracks.mkv", "clip.webm"]
)
def test_planned_edit_equals_mkvpropedit_on_the_file(
    corpus: Path, tmp_path: Path, name: str, memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One edit after the other, each on what the one before left."""
    if not memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    path = Path(shutil.copyfile(corpus / name, tmp_path / name))
    for words in EDITS:
        before = path.read_bytes()
        edit = tried(path, propedit(words))
        assert path.read_bytes() == before
        with path.open("rb") as file:
            propedit(words)(str(path), file.fileno())
        wanted = path.read_bytes()
        path.write_bytes(before)
        assert applied(path, edit) == wanted
        path.write_bytes(wanted)
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(["copy.mkv", name])


def test_edit_without_change_is_empty(film: Path) -> None:
    edit = tried(film, lambda path, fd: None)  # noqa: ARG005
    assert edit == PatchSet((), film.stat().st_size)


def test_edit_has_only_the_blocks_that_differ(film: Path) -> None:
    """A flag is one byte: a patch of a block, not of the whole head."""
    edit = tried(film, propedit("--edit track:2 --set flag-default=0"))
    assert 0 < sum(len(patch.old) for patch in edit.patches) <= 2 * 4096
    for patch in edit.patches:
        with film.open("rb") as file:
            assert os.pread(file.fileno(), len(patch.old), patch.offset) == patch.old


def cluster(path: Path) -> int:
    return path.read_bytes().index(b"\x1f\x43\xb6\x75")


@pytest.mark.parametrize(
    "offset", [0, 5, 11, 12, 100, 20000], ids=lambda n: f"byte {n} of the first cluster"
)
def test_edit_that_writes_into_clusters_is_refused(film: Path, offset: int) -> None:
    at = cluster(film) + offset

    def tool(path: str, fd: int) -> None:  # noqa: ARG001
        os.pwrite(fd, b"\xaa", at)

    with pytest.raises(VerifyError, match="changed more than the header"):
        tried(film, tool)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_edit_that_truncates_file_is_refused(film: Path, part: float) -> None:
    def tool(path: str, fd: int) -> None:  # noqa: ARG001
        os.ftruncate(fd, int(film.stat().st_size * part))

    with pytest.raises(VerifyError, match="changed more than the header"):
        tried(film, tool)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no files in memory here")
def test_edit_tool_gets_a_copy_of_the_header(film: Path) -> None:
    def tool(path: str, fd: int) -> None:
        assert not os.path.samestat(os.fstat(fd), film.stat())
        assert os.path.realpath(path) != str(film)

    tried(film, tool)


@pytest.mark.parametrize("memory", [True, False])
def test_failed_edit_tool_leaves_nothing(
    film: Path, memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    before = film.read_bytes()

    def tool(path: str, fd: int) -> None:
        os.pwrite(fd, bytes(1000), 0)
        raise ToolError("x failed", (path,), 2, "")

    with pytest.raises(ToolError):
        tried(film, tool)
    assert film.read_bytes() == before
    assert [item.name for item in film.parent.iterdir()] == ["film.mkv"]


def test_edit_works_on_file_systems_without_holes(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing tells what was written, all of it is looked at."""
    real = os.lseek

    def plain(fd: int, offset: int, how: int) -> int:
        if how in (os.SEEK_DATA, os.SEEK_HOLE):
            raise OSError(22, "Invalid argument")
        return real(fd, offset, how)

    monkeypatch.setattr(os, "lseek", plain)
    assert tried(film, propedit(EDITS[0])).patches
    test_edit_that_writes_into_clusters_is_refused(film, 20000)
