"""Kept originals: restored exactly, recorded as such, and found without the database."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo

POLICY = """\
schema_version: 13
phases:
  - name: convert
    container: {target: mkv}
  - name: filter
    keep_audio: {languages: [eng], fallback: {mode: keep_first}}
  - name: flags
    default_flags: {}
"""
SAMPLES = ("multi-audio.mkv", "wrong-flags.mkv", "mov-text.mp4")
"""A remux, a header edit, and a file that gets another name."""


@pytest.fixture
def root(vpo: Vpo, library: Library) -> Path:
    """The library after a run that kept its originals."""
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    folder = library(*SAMPLES)
    assert vpo("process", "-p", vpo.policy(POLICY), folder).rc == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def originals(corpus: Path) -> dict[str, bytes]:
    return {name: (corpus / name).read_bytes() for name in SAMPLES}


def runs(vpo: Vpo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(vpo("history", "--format", "json").stdout)["runs"]
    return found


def test_undo_restores_originals_and_is_in_history(vpo: Vpo, root: Path, corpus: Path) -> None:
    (run,) = runs(vpo)
    assert vpo("undo", run["id"]).rc == 0
    assert contents(root) == originals(corpus)
    shown = vpo("history", "show", run["id"])
    assert shown.stdout.count("(undone)") == len(SAMPLES)
    files = json.loads(vpo("history", "show", "--format", "json", run["id"]).stdout)["files"]
    assert all(file["undone_at"] and file["undone_at"] > file["started_at"] for file in files)
    for target in (run["id"], next(path for path in root.iterdir() if path.is_file())):
        again = vpo("undo", target)
        assert again.rc == 2
        assert "was undone already, at 20" in again.stderr
    folder = vpo("undo", root)
    assert folder.rc == 2
    assert "is a folder; name a file in it, or a run" in folder.stderr


def test_process_finds_originals_after_database_is_lost(vpo: Vpo, root: Path, corpus: Path) -> None:
    shutil.rmtree(vpo.data)
    again = vpo("process", "-p", vpo.policy(POLICY), root)
    assert again.rc == 0
    assert "found 3 kept originals not in the database" in again.stdout + again.stderr
    assert "found" not in vpo("process", "-p", vpo.policy(POLICY), root).stderr
    (found,) = (run for run in runs(vpo) if not run["workers"])
    assert vpo("undo", found["id"]).rc == 0
    assert contents(root) == originals(corpus)


def test_undo_finds_original_without_database(vpo: Vpo, root: Path, corpus: Path) -> None:
    shutil.rmtree(vpo.data)
    for name in ("multi-audio.mkv", "wrong-flags.mkv", "mov-text.mkv"):
        assert vpo("undo", root / name).rc == 0
    assert contents(root) == originals(corpus)
    assert not (root / ".vpo-originals").exists()


def test_db_rebuild_finds_kept_originals(vpo: Vpo, root: Path, corpus: Path) -> None:
    database = vpo.data / "vpo.db"
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM runs")
    rebuilt = vpo("db", "rebuild")
    assert (rebuilt.rc, rebuilt.stderr) == (0, "")
    assert "found 3 kept originals not in the database" in rebuilt.stdout
    assert vpo("undo", runs(vpo)[0]["id"]).rc == 0
    assert contents(root) == originals(corpus)


def test_original_that_nothing_replaced_is_no_hard_link(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    film = library("multi-audio.mkv") / "multi-audio.mkv"
    kept = film.parent / ".vpo-originals"
    kept.mkdir()
    # A power cut just before the rename, and the database has lost what it knew of the run.
    os.link(film, kept / "01234567-89ab-cdef-0123-456789abcdef.1.2.3.mkv")
    done = vpo("process", "-p", vpo.policy(POLICY), film)
    assert "deleted 1 kept original of files that are unchanged" in done.stdout + done.stderr
    assert len(list(kept.iterdir())) == 1
    assert vpo("undo", film).rc == 0
    assert not kept.exists()


def test_original_that_was_restored_is_no_hard_link(vpo: Vpo, root: Path) -> None:
    film, (kept,) = root / "mov-text.mp4", (root / ".vpo-originals").glob("*.mp4")
    # A power cut in vpo undo: on btrfs, the database and the folder may be as they were.
    os.link(kept, film)
    (root / "mov-text.mkv").unlink()
    done = vpo("process", "-p", vpo.policy(POLICY), root)
    assert "deleted 1 kept original of files that are unchanged" in done.stdout + done.stderr
    assert not film.exists()
    assert vpo("undo", root / "mov-text.mkv").rc == 0
    assert film.exists()


def test_undo_refuses_file_changed_since_without_database(vpo: Vpo, root: Path) -> None:
    shutil.rmtree(vpo.data)
    with (root / "multi-audio.mkv").open("ab") as file:
        file.write(b"mine")
    before = contents(root)
    refused = vpo("undo", root / "multi-audio.mkv")
    assert refused.rc == 2
    assert "no original of" in refused.stderr
    assert contents(root) == before


def test_expired_original_of_deleted_file_is_removed(vpo: Vpo, root: Path) -> None:
    shutil.rmtree(vpo.data)
    for path in root.iterdir():
        if path.is_file():
            path.unlink()
    kept = root / ".vpo-originals"
    # The time that an inode was changed cannot be set: so the limit, not the file, is moved.
    vpo.config.write_text('[originals]\nkeep = "trash"\ndays = 1\n')
    assert vpo("process", "-p", vpo.policy(POLICY), root).rc == 0
    assert len(list(kept.iterdir())) == len(SAMPLES)
    later = vpo.folder / "later"
    later.mkdir()
    (later / "sitecustomize.py").write_text(
        f"import time\nnow = time.time\ntime.time = lambda: now() + {2 * 86400}\n"
    )
    env = {"PYTHONPATH": f"{later}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(":")}
    result = vpo("process", "-p", vpo.policy(POLICY), root, env=env)
    assert "deleted 3 kept originals of files that are gone" in result.stdout + result.stderr
    assert not kept.exists()


def test_undo_leaves_films_that_have_swapped_their_names(
    vpo: Vpo, root: Path, corpus: Path
) -> None:
    names = "multi-audio.mkv", "wrong-flags.mkv"

    def swap() -> None:
        (root / names[0]).rename(root / "aside")
        (root / names[1]).rename(root / names[0])
        (root / "aside").rename(root / names[1])

    swap()
    before = contents(root)
    for name in names:
        refused = vpo("undo", root / name)
        assert refused.rc == 1
        assert "has changed since; it is not restored" in refused.stderr
    assert contents(root) == before
    swap()
    for name in names:
        assert vpo("undo", root / name).rc == 0
        assert (root / name).read_bytes() == (corpus / name).read_bytes()


def test_run_without_changes_is_not_undone_and_the_last_that_can_be_is_named(
    vpo: Vpo, library: Library
) -> None:
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    root, policy = library("a.mkv=wrong-flags.mkv"), vpo.policy(POLICY)
    first = vpo("process", "--format", "json", "-p", policy, root).json["run_id"]
    assert vpo("process", "-p", policy, root).rc == 0
    refused = vpo("undo", "last")
    assert refused.rc == 2
    assert " changed no file; the last run that can be undone is of " in refused.stderr
    assert refused.stderr.endswith(f": vpo undo {first[:8]}\n")
    assert vpo("undo", first[:8]).rc == 0
    again = vpo("undo", "last")
    assert again.rc == 2 and again.stderr.endswith(" changed no file\n")
