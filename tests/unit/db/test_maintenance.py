"""What is saved of a damaged database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from vpo.db import maintenance
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store

REMADE = {"fingerprints"}
"""What is only a short cut, and made again by the next run."""


def test_rebuild_saves_every_table(tmp_path: Path) -> None:
    path = tmp_path / "vpo.db"
    with DaemonConnectionPool(path) as pool:
        Store(pool)
    names = sqlite3.connect(path).execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {name for (name,) in names} - REMADE == set(maintenance.rebuild_database(path).saved)
