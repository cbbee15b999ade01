"""What was found out about a file holds for that file, with that answer, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import Compliance, NewRun, Result, Stat
from vpo.db.store import Store
from vpo.discover import Candidate
from vpo.plugins.metadata import Metadata, cache_key_range
from vpo.run.compliance import CacheKeys, ComplianceRecords

POLICY = "f" * 64
NOW = 1_700_000_000_000_000_000
JAPANESE = {"radarr": {"original_language": "ja"}}
GERMAN = {"radarr": {"original_language": "de"}}
STAT: Stat = (1000, 1_700_000_000_000_000_000, 42)
FILE = Candidate("/m/a.mkv", *STAT, 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        found = Store(pool)
        found.start_run(NewRun("run", [], {}, workers=1, pid=1, host="here"))
        yield found


def record(store: Store, known: Any, compliance: Compliance, *warnings: str) -> None:
    (key,) = store.start_outcomes("run", [FILE.path])
    error = ("VerifyError", "no") if compliance == "failed" else (None, None)
    store.record(
        [
            Result(
                key,
                FILE.path,
                "changed",
                stat=STAT,
                fingerprint=answers(known).cache_key(FILE.path, POLICY),
                compliance=compliance,
                error_type=error[0],
                error_message=error[1],
                remaining=warnings,
            )
        ]
    )


def answers(known: Any, *warnings: str) -> Metadata:
    return Metadata({FILE.path: known} if known else {}, warnings)


@pytest.mark.parametrize(
    ("then", "now", "complies"),
    [
        (JAPANESE, answers(JAPANESE), True),
        (JAPANESE, answers(GERMAN), False),
        (JAPANESE, answers(None), False),
        (None, answers(JAPANESE), False),
        (None, answers(None), True),
        # A source is silent.
        (JAPANESE, answers(None, "down"), True),
        (JAPANESE, answers(GERMAN, "down"), True),
        (None, answers(None, "down"), True),
        (None, answers(GERMAN, "down"), False),
    ],
)
def test_complies_only_for_unchanged_file_and_metadata(
    store: Store, then: Any, now: Metadata, complies: bool
) -> None:
    record(store, then, "complies")
    records = ComplianceRecords(store, CacheKeys(POLICY, now, NOW), ["/m"])
    assert records.complies(FILE) == complies
    assert not records.complies(FILE._replace(size=1001))
    assert not ComplianceRecords(store, CacheKeys("0" * 64, now, NOW), ["/m"]).complies(FILE)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (JAPANESE, answers(JAPANESE)),
        (None, answers(None)),
        (JAPANESE, answers(GERMAN, "down")),
        (None, answers(None, "down")),
    ],
)
def test_warnings_are_those_of_the_record(store: Store, then: Any, now: Metadata) -> None:
    record(store, then, "complies", "stays mkv: \udcff")
    records = ComplianceRecords(store, CacheKeys(POLICY, now, NOW), ["/m"])
    assert records.warnings(FILE) == ("stays mkv: \udcff",)
    record(store, then, "complies")
    assert ComplianceRecords(store, CacheKeys(POLICY, now, NOW), ["/m"]).warnings(FILE) == ()


@pytest.mark.parametrize(
    ("then", "now", "fails"),
    [
        (JAPANESE, answers(JAPANESE), True),
        (JAPANESE, answers(GERMAN), False),
        (JAPANESE, answers(None, "down"), False),
        (None, answers(None), True),
        (None, answers(JAPANESE), False),
    ],
)
def test_failure_is_known_only_for_unchanged_file_and_metadata(
    store: Store, then: Any, now: Metadata, fails: bool
) -> None:
    record(store, then, "failed")
    records = ComplianceRecords(store, CacheKeys(POLICY, now, NOW), ["/m"])
    assert records.failure(FILE) == (("VerifyError", "no") if fails else None)
    assert records.failure(FILE._replace(mtime_ns=1)) is None
    assert not records.complies(FILE)


def test_cache_keys_lie_between_their_bounds() -> None:
    first, end = cache_key_range(POLICY)
    assert first <= answers(JAPANESE).cache_key(FILE.path, POLICY) < end
    for other in ("e" * 64, POLICY + "f", "g"):
        assert not first <= answers(JAPANESE).cache_key(FILE.path, other) < end
    assert not first <= POLICY < end


def test_cache_key_ignores_field_order_but_not_type() -> None:
    one = answers({"a": {"x": 1, "y": 2}}).cache_key(FILE.path, POLICY)
    assert one == answers({"a": {"y": 2, "x": 1}}).cache_key(FILE.path, POLICY)
    assert one != answers({"a": {"x": "1", "y": 2}}).cache_key(FILE.path, POLICY)
