"""The database is locked, read-only, damaged, too new or gone; and the ways to recover."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from drill.bench import Bench, Rig, expect
from drill.checks import database_sound, facts, hashes, rows, sha, unchanged
from drill.odd import _without_privileges
from drill.policies import REMUX

SAMPLES = ("a.mkv=multi-audio.mkv", "b.mkv=bitmap-subtitles.mkv")
PATIENCE = 30.0
"""Seconds that vpo waits for another program's transaction; there is no setting for it."""


def _used(bench: Bench) -> Rig:
    """Create a rig with a database of one run, and two more files to process."""
    rig = bench.rig("done.mkv=multi-audio.mkv")
    expect(rig.process(REMUX).rc == 0, "the first run failed")
    for name in SAMPLES:
        rig.add(name)
    return rig


def locked(bench: Bench) -> None:
    """Another program locks the database for a moment, or for too long."""
    with bench.trial("locked for a moment"):
        rig = _used(bench)
        with closing(sqlite3.connect(rig.database, check_same_thread=False)) as other:
            other.execute("BEGIN EXCLUSIVE")
            timer = threading.Timer(1.5, lambda: other.execute("ROLLBACK"))
            timer.start()
            ended = rig.process(REMUX)
            timer.join()
        expect(ended.rc == 0, f"{ended}")
    if bench.short:
        return
    with bench.trial("locked for too long"):
        rig = _used(bench)
        before = hashes(sorted(rig.library.iterdir()))
        with closing(sqlite3.connect(rig.database)) as other:
            other.execute("BEGIN EXCLUSIVE")
            ended = rig.process(REMUX, limit=PATIENCE * 3)
            other.execute("ROLLBACK")
        expect(ended.rc == 1 and "in use by another program" in ended.stderr, f"{ended}")
        unchanged(before)
        expect(rig.process(REMUX).rc == 0, "afterwards it does not work, either")
    with bench.trial("locked for too long while files are in work"):
        _locked_midway(bench)


def _locked_midway(bench: Bench) -> None:
    rig = _used(bench)
    before = hashes(rig.library / name.partition("=")[0] for name in SAMPLES)
    rig.fake_tool(
        "mkvmerge", ': > "$here/running"; until [ -e "$here/go" ]; do sleep 0.05; done; exec real'
    )
    vpo = rig.start(*rig.words(REMUX))
    while not (rig.folder / "running").exists() and vpo.process.poll() is None:
        pass
    with closing(sqlite3.connect(rig.database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        (rig.folder / "go").touch()
        ended = vpo.end(PATIENCE * 4)
        other.execute("ROLLBACK")
    expect(ended.rc == 1 and "in use by another program" in ended.stderr, f"{ended}")
    for path, digest in before.items():
        if sha(path) != digest:
            facts(path)
    again = rig.process(REMUX)
    expect(again.rc == 0, f"afterwards: {again}")
    database_sound(rig)


def unusable(bench: Bench) -> None:
    """The message says how to recover, nothing is changed, and the recovery works."""
    faults: dict[str, tuple[Callable[[Path], None], str]] = {
        "rubbish": (lambda path: _overwrite(path, 0, os.urandom(4096)), "vpo db rebuild"),
        "text": (lambda path: _replace(path, b"this is not a database\n" * 300), "vpo db rebuild"),
        "page in the middle overwritten": (_pages, "vpo db rebuild"),
        "cut off": (lambda path: os.truncate(path, path.stat().st_size // 3), "vpo db rebuild"),
        "newer": (_newer, "newer"),
    }
    for name, (fault, word) in list(faults.items())[bench.scale(2, 0) :]:
        with bench.trial(f"database {name}"):
            rig = _used(bench)
            before = hashes(sorted(rig.library.iterdir()))
            fault(rig.database)
            digest = sha(rig.database)
            ended = rig.process(REMUX)
            expect("Traceback" not in ended.stderr, f"{ended}")
            if ended.rc == 0 and name.startswith("page"):
                continue  # it was none that is needed
            expect(ended.rc == 1 and word in ended.stderr, f"{ended}")
            unchanged(before)
            if name == "newer":
                expect(sha(rig.database) == digest, "a newer database was changed")
                continue
            _way_out(rig)


def _way_out(rig: Rig) -> None:
    ended = rig.run("db", "check")
    expect(ended.rc == 1 and "rebuild" in ended.stderr, f"check: {ended}")
    ended = rig.run("db", "rebuild")
    expect(ended.rc == 0, f"rebuild: {ended}")
    expect(list(rig.data.glob("vpo.db.damaged-*")), "the damaged database was thrown away")
    ended = rig.run("db", "check")
    expect(ended.rc == 0, f"check after rebuild: {ended}")
    ended = rig.process(REMUX)
    expect(ended.rc == 0, f"after rebuild: {ended}")
    database_sound(rig)


def _overwrite(path: Path, at: int, data: bytes) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def _replace(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _pages(path: Path) -> None:
    size = path.stat().st_size
    _overwrite(path, 4096, os.urandom(size - 4096))


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def gone(bench: Bench) -> None:
    """Without its database, vpo processes the library again."""
    with bench.trial("database gone"):
        rig = _used(bench)
        expect(rig.process(REMUX).rc == 0, "the first run failed")
        shutil.rmtree(rig.data)
        ended = rig.process(REMUX)
        states = {file["status"] for file in ended.files.values()}
        expect(ended.rc == 0 and states == {"unchanged"}, f"{ended}")
    with bench.trial("backup while vpo runs"):
        rig = _used(bench)
        vpo = rig.start(*rig.words(REMUX))
        copy = rig.folder / "copy.db"
        ended = rig.run("db", "backup", copy)
        expect(vpo.end().rc == 0, "the run failed")
        expect(ended.rc == 0, f"{ended}")
        rig.database.unlink()
        for suffix in ("-wal", "-shm"):
            Path(f"{rig.database}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(copy, rig.database)
        expect(rig.run("db", "check").rc == 0, "the copy is not sound")
        expect(rows(rig, "SELECT count(*) FROM runs")[0][0], "the copy knows of no run")


def read_only(bench: Bench) -> None:
    """The database cannot be written."""
    drop = _without_privileges()
    for what in ("file", "folder"):
        with bench.trial(f"read-only {what}"):
            rig = _used(bench)
            before = hashes(sorted(rig.library.iterdir()))
            theirs = [rig.database] if what == "file" else [*rig.data.iterdir(), rig.data]
            for path in theirs:
                os.chown(path, 12345, 12345)
            if what == "folder":
                rig.data.chmod(0o755)
            rig.database.chmod(0o644)
            ended = rig.run(*rig.words(REMUX), before=drop)
            expect("Traceback" not in ended.stderr, f"{ended}")
            expect(ended.rc == 1 and "writ" in ended.stderr, f"{ended}")
            unchanged(before)
