"""What is saved of a damaged database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from vpo.db import maintenance
from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import EncodedVideo, Result
from vpo.db.schema import STEPS, migrate_database
from vpo.db.store import Store

REMADE = {"fingerprints", "sqlite_sequence", "facts", "fact_values", "fact_counts"}
"""What is only a short cut, and made again by the next run."""


def test_rebuild_saves_every_table(tmp_path: Path) -> None:
    path = tmp_path / "vpo.db"
    with DaemonConnectionPool(path) as pool:
        Store(pool)
    names = sqlite3.connect(path).execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {name for (name,) in names} - REMADE == set(maintenance.rebuild_database(path).saved)


def test_rebuild_saves_what_an_older_version_called_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "vpo.db"
    with DaemonConnectionPool(path) as pool:
        migrate_database(pool, STEPS[:5])
        with pool.transaction() as connection:
            connection.execute("INSERT INTO files VALUES (1, 'id', x'2f61', 7, 8, 9)")
            connection.execute("INSERT INTO verdicts VALUES ('f', 1, 'complies', NULL, NULL, '')")
            connection.execute("INSERT INTO encodes VALUES (1, 'e', 'futile', 7, 9)")
    saved = maintenance.rebuild_database(path).saved
    assert (saved["files"], saved["compliance_records"], saved["encodes"]) == (1, 1, 1)
    with DaemonConnectionPool(path) as pool:
        store = Store(pool)
        assert store.compliant("f") == {b"/a": (7, 8, 9)}
        assert [row.history for row in store.encodes("e")] == ["futile"]


def test_rebuild_keeps_what_is_known_of_contents(tmp_path: Path) -> None:
    path = tmp_path / "vpo.db"
    video = EncodedVideo("v", ("hevc", 640, 360))
    with DaemonConnectionPool(path) as pool:
        store = Store(pool)
        result = Result("", "/a", "changed", stat=(7, 8, 9), videos=(video,), device=3)
        known = result._replace(encode=("e", "encoded"), content="c", bit_rates={0: 5})
        store.record([known])
        before = store.contents("e", [7]), store.encoded_videos("e"), store.encodes("e")
    maintenance.rebuild_database(path)
    with DaemonConnectionPool(path) as pool:
        store = Store(pool)
        assert (store.contents("e", [7]), store.encoded_videos("e"), store.encodes("e")) == before
        assert all(before)
