"""Restoring a kept original that ends in the midst: what is on record is what is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

import pytest
from tests.unit.execute.edits import applied, planned, saved

from vpo.db.records import KeptOriginal
from vpo.db.store import Store, open_store
from vpo.errors import PublishError
from vpo.execute import originals
from vpo.execute.folder import Folder
from vpo.run.restore import restore_original

KEY = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "vpo.db", dry_run=False) as opened:
        assert opened is not None
        yield opened


@pytest.fixture
def edited(store: Store, corpus: Path, tmp_path: Path) -> KeptOriginal:
    """A film after a header edit whose undo file was kept, and recorded."""
    film = Path(shutil.copyfile(corpus / "multi-audio.mkv", tmp_path / "film.mkv"))
    edit = planned(film)
    undo = saved(film, edit)
    applied(film, edit)
    status = film.stat()
    found = (status.st_size, status.st_mtime_ns, status.st_ino)
    kept = tmp_path / ".vpo-originals" / f"{KEY}.{found[2]}.{found[0]}.{found[1]}.mkv"
    kept.parent.mkdir()
    undo.rename(kept)
    since, size = datetime.now(timezone.utc), kept.stat().st_size
    item = KeptOriginal(KEY, str(film), "header", str(kept), size, str(film), found, since)
    store.record_found([item])
    return item


def fails(*_: object) -> NoReturn:
    raise PermissionError(13, "Permission denied")


def test_undo_succeeds_where_undo_file_cannot_be_removed(
    store: Store, edited: KeptOriginal, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "unlink", fails)
    restore_original(store, edited)
    assert Path(edited.path).read_bytes() == (corpus / "multi-audio.mkv").read_bytes()
    assert store.kept() == []


def test_undo_that_the_next_run_completes_leaves_nothing_to_restore(
    store: Store, edited: KeptOriginal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "ftruncate", fails)
    with pytest.raises(PublishError, match="the next run does that from"):
        restore_original(store, edited)
    assert store.kept() == []


def test_undo_that_fails_leaves_original_on_record(
    store: Store, edited: KeptOriginal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "FileLock", fails)
    with pytest.raises(OSError, match="denied"):
        restore_original(store, edited)
    assert store.kept() == [edited]
    assert store.last_undone(path=edited.path) is None
