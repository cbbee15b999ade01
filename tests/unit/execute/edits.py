"""Header edits as vpo makes them: the tool on a stand-in, the undo file, then the edit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vpo.execute import leftovers, undo_file
from vpo.execute.folder import Folder
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.execute.sparse_copy import edit_sparse_copy

FLAGS = "--edit track:1 --set flag-default=0 --set flag-forced=1"
LONG_TITLE = f"--edit track:2 --set name={'x' * 300}"


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR)
    try:
        yield fd
    finally:
        os.close(fd)


def planned(path: Path, words: str = LONG_TITLE) -> PatchSet:
    """What mkvpropedit with these words would change in the file."""

    def tool(stand_in: str, fd: int) -> None:
        command = ["mkvpropedit", stand_in, *words.split()]
        done = subprocess.run(command, capture_output=True, pass_fds=(fd,))
        assert done.returncode in (0, 1), done.stdout

    with opened(path) as fd:
        ranges = undo_file.header_regions(fd)
        assert ranges is not None
        return edit_sparse_copy(fd, ranges, str(path.parent), tool)


def saved(path: Path, edit: PatchSet, keep_free: int = 0) -> Path:
    """The undo file for the edit."""
    with opened(path) as fd:
        return Path(undo_file.save(str(path), fd, edit.patches, edit.length, keep_free))


def applied(path: Path, edit: PatchSet) -> None:
    """Carry the edit out."""
    with opened(path) as fd:
        edit.apply(fd)


def film_of(undo: Path) -> str | None:
    """The name of the film in the undo file; ``None`` if it is incomplete."""
    with Folder(str(undo.parent)) as folder:
        found = undo_file.load(folder, undo.name)
    return None if found is None else found.name


def rolled_back(undo: Path, fd: int) -> bool:
    with Folder(str(undo.parent)) as folder:
        return undo_file.roll_back(folder, undo.name, fd)


def clean_up(folder: Path) -> list[str]:
    """What a run without a database does about the leftovers in the folder, and says."""
    return leftovers.clean_up_folders([str(folder)], leftovers.ignore_record)


def torn(film: Path) -> bytes:
    """Leave the film as a kill in the middle of an edit does; returns what it was."""
    before, edit = film.read_bytes(), planned(film)
    saved(film, edit)
    with opened(film) as fd:
        for patch in edit.patches:
            os.pwrite(fd, patch.new[: len(patch.new) // 2], patch.offset)
    assert film.read_bytes() != before
    return before
