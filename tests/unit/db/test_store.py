"""What is stored comes back, and what is no longer true does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from vpo.db.connection import DaemonConnectionPool
from vpo.db.records import (
    Cost,
    EncodedVideo,
    EncodeRecord,
    KnownContent,
    NewRun,
    Result,
    Run,
    Stat,
    Timing,
)
from vpo.db.store import Store
from vpo.errors import DatabaseError, UsageError
from vpo.media.model import Chapter, Color, MediaFile, Track

POLICY, OTHER = "f" * 64, "0" * 64
STAT: Stat = (1000, 1_700_000_000_123_456_789, 42)
NEW: Stat = (1001, 1_700_000_000_123_456_789, 42)
SIZES = (STAT[0], NEW[0])
ODD = [
    os.fsdecode(b"/m/bytes \xff\xfe.mkv"),
    "/m/new\nline.mkv",
    "/m/\U0001f600 \u00e9.mkv",
    "/m/-quote'\".mkv",
    "/m/%_*?.mkv",
    "/m/" + "x" * 255,
]


class Clock:
    """A second passes whenever somebody looks."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


class Library:
    """A store, and the inode of each path that exists."""

    def __init__(self, pool: DaemonConnectionPool) -> None:
        self.pool = pool
        self.paths: dict[str, int] = {}
        self.asked: list[str] = []
        self.store = Store(pool, inode=self._inode, now=Clock())
        self.run_id = self.start()

    def _inode(self, path: str) -> int | None:
        self.asked.append(path)
        return self.paths.get(path)

    def start(self, run_id: str = "00000000-0000-4000-8000-000000000000", **more: Any) -> str:
        values = {"policies": ["p"], "options": {}, "workers": 2, "dry_run": False}
        self.store.start_run(NewRun(run_id, **{**values, "pid": 1, "host": "here", **more}))
        return run_id

    def record(self, path: str, stat: Stat | None = STAT, **more: Any) -> str | None:
        """Record a file that complies; returns its UUID."""
        (outcome,) = self.store.start_outcomes(self.run_id, [path])
        known = {"fingerprint": POLICY, "compliance": "complies" if stat else None}
        what = {"status": "unchanged", **known, **more}
        self.store.record([Result(outcome, path, stat=stat, **what)])
        return self.store.outcomes(self.run_id)[-1].file_id

    def rows(self, table: str) -> int:
        with self.pool.read() as connection:
            found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        return found


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        yield Library(pool)


@pytest.mark.parametrize("path", ODD)
def test_known_has_file_that_complies(library: Library, path: str) -> None:
    library.record(path)
    assert library.store.compliant(POLICY) == {os.fsencode(path): STAT}
    assert library.store.compliant(POLICY, [path]) == {os.fsencode(path): STAT}
    assert library.store.compliant(OTHER) == {}
    assert library.store.outcomes(library.run_id)[0].path == path


def test_compliant_lacks_file_without_record(library: Library) -> None:
    library.record("/m/a", compliance=None)
    assert library.store.compliant(POLICY) == {}
    assert library.rows("files") == 1


def test_known_is_separate_for_each_policy(library: Library) -> None:
    library.record("/m/a")
    library.record("/m/a", fingerprint=OTHER, compliance="complies")
    library.record("/m/b", stat=(1, 2, 3), fingerprint=OTHER)
    assert library.store.compliant(POLICY) == {b"/m/a": STAT}
    assert library.store.compliant(OTHER) == {b"/m/a": STAT, b"/m/b": (1, 2, 3)}


def test_known_is_limited_to_folders(library: Library) -> None:
    paths = ["/m/a", "/m/a/b", "/m/a/c/d", "/m/a.mkv", "/m/a0", "/m/ab/c", "/n/a"]
    for inode, path in enumerate(paths):
        library.record(path, stat=(1, 1, inode))

    def under(*folders: str) -> set[str]:
        return {os.fsdecode(path) for path in library.store.compliant(POLICY, folders)}

    assert under("/m/a") == {"/m/a", "/m/a/b", "/m/a/c/d"}
    assert under("/m/a/") == {"/m/a/b", "/m/a/c/d"}
    assert under("/m/a.mkv", "/n", "/m/ab", "/n/a") == {"/m/a.mkv", "/n/a", "/m/ab/c"}
    assert under("/") == set(paths)
    assert under("/none") == under() == set()
    assert under(*[f"/x/{number}" for number in range(1000)]) == set(paths)


@pytest.mark.parametrize("others", [0, 1000], ids=["few", "many"])
def test_processed_has_what_complies_or_fails_with_any_metadata(
    library: Library, others: int
) -> None:
    failed = {"status": "failed", "compliance": "failed"}
    library.record("/m/a", stat=(1, 1, 1))
    library.record("/m/b", stat=(1, 1, 2), fingerprint=f"{POLICY}+metadata")
    library.record("/m/c", stat=(1, 1, 3), **failed)
    library.record("/m/d", stat=(1, 1, 4), **{**failed, "compliance": "suspect"})
    library.record("/m/e", stat=(1, 1, 5), fingerprint=OTHER)
    paths = [f"/m/{name}" for name in "abcde"] + [f"/x/{number}" for number in range(others)]
    found = library.store.processed(POLICY, f"{POLICY},", paths)
    assert found == {b"/m/a": (1, 1, 1), b"/m/b": (1, 1, 2), b"/m/c": (1, 1, 3)}


@pytest.mark.parametrize(
    "stat", [(0, 0, 1), (1 << 50, -1, (1 << 63) - 1), (1, 2, 1 << 63), (1, 2, (1 << 64) - 1)]
)
def test_stored_stat_comes_back_unchanged(library: Library, stat: Stat) -> None:
    library.record("/m/a", stat=stat)
    assert library.store.compliant(POLICY) == {b"/m/a": stat}
    first = library.record("/m/b", stat=stat)
    assert first == library.store.outcomes(library.run_id)[0].file_id


@pytest.mark.parametrize("stat", [(7, STAT[1], STAT[2]), (STAT[0], 7, STAT[2]), (*STAT[:2], 7)])
def test_changed_stat_deletes_compliance(library: Library, stat: Stat) -> None:
    first = library.record("/m/a", media=MediaFile("/m/a", "mkv", 1000))
    library.record("/m/a", fingerprint=OTHER)
    assert library.record("/m/a", stat=stat) == first
    assert library.store.compliant(POLICY) == {b"/m/a": stat}
    assert library.store.compliant(OTHER) == {}
    assert library.store.media("/m/a") is None


def test_unchanged_stat_keeps_compliance(library: Library) -> None:
    library.record("/m/a", media=MediaFile("/m/a", "mkv", 1000))
    library.record("/m/a", compliance=None)
    assert library.store.compliant(POLICY) == {b"/m/a": STAT}
    assert library.store.media("/m/a") is not None


def test_deleted_file_has_only_an_outcome(library: Library) -> None:
    assert library.record("/m/a", stat=None) is None
    assert library.rows("files") == 0
    known = library.record("/m/b")
    assert library.record("/m/b", stat=None) == known


def test_renamed_file_keeps_id_and_compliance(library: Library) -> None:
    first = library.record("/m/old.mkv")
    assert library.record("/m/new.mkv", compliance=None) == first
    assert library.asked == ["/m/old.mkv"]
    assert library.store.compliant(POLICY) == {b"/m/new.mkv": STAT}
    assert library.rows("files") == 1


def test_hard_link_is_stored_as_its_own_file(library: Library) -> None:
    library.paths["/m/a.mkv"] = STAT[2]
    assert library.record("/m/a.mkv") != library.record("/m/b.mkv")
    assert library.rows("files") == 2


def test_files_whose_names_are_swapped_keep_id_and_compliance(library: Library) -> None:
    stats = [(5, 5, inode) for inode in (1, 2, 3)]
    names = ["/m/a.mkv", "/m/b.mkv", "/m/c.mkv"]
    ids = [library.record(name, stat) for name, stat in zip(names, stats, strict=True)]
    turned = [*names[1:], names[0]]
    library.paths = {name: stat[2] for name, stat in zip(turned, stats, strict=True)}
    again = [
        library.record(name, stat, compliance=None)
        for name, stat in zip(turned, stats, strict=True)
    ]
    assert again == ids
    known = {os.fsencode(name): stat for name, stat in zip(turned, stats, strict=True)}
    assert library.store.compliant(POLICY) == known
    assert library.rows("files") == 3


def test_file_moved_onto_another_keeps_its_id(library: Library) -> None:
    library.record("/m/a.mkv")
    second = library.record("/m/b.mkv", NEW)
    library.paths = {"/m/a.mkv": NEW[2]}
    assert library.record("/m/a.mkv", NEW, compliance=None) == second
    assert library.store.compliant(POLICY)[b"/m/a.mkv"] == NEW


def test_new_path_with_other_stat_is_a_new_file(library: Library) -> None:
    assert library.record("/m/a.mkv") != library.record("/m/b.mkv", stat=NEW)
    assert library.asked == []


def test_conversion_keeps_id_of_file(library: Library) -> None:
    first = library.record("/m/a.avi")
    assert library.record("/m/a.mkv", stat=NEW, was="/m/a.avi") == first
    assert library.store.compliant(POLICY) == {b"/m/a.mkv": NEW}
    assert library.rows("files") == 1


def test_conversion_onto_known_path_keeps_id_of_source(library: Library) -> None:
    library.record("/m/a.mkv", stat=(5, 5, 5))
    first = library.record("/m/a.avi")
    assert library.record("/m/a.mkv", stat=NEW, was="/m/a.avi") == first
    assert library.rows("files") == 1
    assert library.store.outcomes(library.run_id)[0].file_id is None


def test_conversion_of_unknown_file_is_stored(library: Library) -> None:
    assert library.record("/m/a.mkv", was="/m/a.avi")
    assert library.store.compliant(POLICY) == {b"/m/a.mkv": STAT}


def test_stat_on_another_device_is_another_file(library: Library) -> None:
    first = library.record("/m/old.mkv", device=1)
    assert library.record("/m/new.mkv", device=2) != first
    assert library.record("/m/newer.mkv", device=2) != first
    assert library.record("/m/renamed.mkv", device=1) == first


def test_encode_is_known_by_path_and_by_content(library: Library) -> None:
    library.record("/m/a", encode=("key", "encoded"), content="c", bit_rates={0: 5}, device=7)
    assert library.store.encodes("key") == [
        EncodeRecord(b"/m/a", "encoded", STAT[0], STAT[2], STAT[1], 7)
    ]
    assert library.store.contents("key", SIZES) == {STAT[0]: {"c": KnownContent("encoded", {0: 5})}}
    assert library.store.contents("key", [1]) == {}
    assert library.store.contents("other", SIZES) == {STAT[0]: {"c": KnownContent(None, {0: 5})}}


def test_encode_by_other_policies_is_known_of_the_content_after_an_edit(library: Library) -> None:
    library.record("/m/a", encode=("key", "encoded"), content="c", size_before=900)
    edited = {"touched": True, "content": "d", "size_before": STAT[0]}
    library.record("/m/a", stat=NEW, encode=("second", "futile"), **edited)
    assert library.store.contents("key", SIZES) == {
        STAT[0]: {"c": KnownContent("encoded", {})},
        NEW[0]: {"d": KnownContent("encoded", {})},
    }
    assert library.store.contents("second", SIZES)[NEW[0]] == {"d": KnownContent("futile", {})}


def test_content_stays_known_when_its_file_is_replaced_or_gone(library: Library) -> None:
    library.record("/m/a", encode=("key", "encoded"), content="c")
    library.record("/m/a", stat=NEW)
    library.store.forget_file("/m/a")
    assert library.store.contents("key", SIZES) == {STAT[0]: {"c": KnownContent("encoded", {})}}


def test_content_of_which_nothing_is_known_is_not_stored(library: Library) -> None:
    library.record("/m/a", content="c")
    assert library.rows("contents") == 0


def test_encoded_videos_are_stored_by_shape(library: Library) -> None:
    videos = (EncodedVideo("1", ("hevc", 640, 360)), EncodedVideo("2", ("hevc", None, None)))
    library.record("/m/a", encode=("key", "encoded"), videos=videos)
    assert library.store.encoded_videos("key") == {
        ("hevc", 640, 360): {"1"},
        ("hevc", None, None): {"2"},
    }
    assert library.store.encoded_videos("other") == {}


def test_stored_media_comes_back_unchanged(library: Library) -> None:
    media = MediaFile(
        ODD[0],
        "mkv",
        1000,
        duration=1.5,
        tracks=(
            Track(0, "video", "hevc", color=Color("bt709"), dispositions=frozenset({"default"})),
            Track(1, "audio", "aac", language="deu", title="odd \udcff\n"),
        ),
        chapters=(Chapter(0.0, 1.0, "one"),),
        tags=(("title", "x"),),
    )
    library.record(ODD[0], media=media)
    assert library.store.media(ODD[0]) == media
    assert library.store.media("/other") is None


def test_in_place_edit_deletes_compliance_of_all_names(library: Library) -> None:
    """An edit in place, under all names of the file; another file's compliance stays."""
    library.paths = {"/m/a": STAT[2], "/m/link": STAT[2]}
    library.record("/m/a")
    library.record("/m/link")
    library.record("/m/other", stat=NEW)
    assert len(library.store.compliant(POLICY)) == 3
    library.record("/m/a", fingerprint=OTHER, touched=True)
    assert library.store.compliant(POLICY) == {b"/m/other": NEW}
    assert library.store.compliant(OTHER) == {b"/m/a": STAT}


def test_stored_outcome_comes_back_unchanged(library: Library) -> None:
    (key,) = library.store.start_outcomes(library.run_id, ["/m/a"])
    library.store.record(
        [
            Result(
                key,
                "/m/a",
                "failed",
                strategy="remux",
                plan={"changes": [{"path": ODD[0]}]},
                error_type="ToolError",
                error_message=f"failed on {ODD[0]}",
                warnings=("one", "two \udcff"),
                seconds=1.25,
                size_before=10,
                size_after=20,
            )
        ]
    )
    (outcome,) = library.store.outcomes(library.run_id)
    assert (outcome.id, outcome.run_id, outcome.file_id) == (key, library.run_id, None)
    assert (outcome.state, outcome.status, outcome.strategy) == ("done", "failed", "remux")
    assert outcome.plan == {"changes": [{"path": ODD[0]}]}
    assert outcome.error_type == "ToolError"
    assert outcome.error_message == "failed on /m/bytes \\udcff\\udcfe.mkv"
    assert outcome.warnings == ("one", "two \udcff")
    assert (outcome.seconds, outcome.size_before, outcome.size_after) == (1.25, 10, 20)
    assert outcome.started_at == datetime(2026, 1, 1, 0, 0, 2, tzinfo=timezone.utc)


def test_outcomes_are_in_start_order(library: Library) -> None:
    paths = [f"/m/{name}" for name in "zcab"]
    keys = library.store.start_outcomes(library.run_id, paths)
    library.store.record(
        Result(key, path, "changed") for key, path in reversed([*zip(keys, paths, strict=True)])
    )
    assert [outcome.path for outcome in library.store.outcomes(library.run_id)] == paths
    assert library.store.outcomes("none") == []


def test_record_is_atomic(library: Library) -> None:
    keys = library.store.start_outcomes(library.run_id, ["/m/a", "/m/b"])
    good = Result(keys[0], "/m/a", "changed", stat=STAT, fingerprint=POLICY, compliance="complies")
    bad = good._replace(outcome=keys[1], path="/m/b", compliance="wrong")  # type: ignore[arg-type]
    with pytest.raises(DatabaseError, match="CHECK constraint failed"):
        library.store.record([good, bad])
    assert library.store.compliant(POLICY) == {}
    assert [outcome.state for outcome in library.store.outcomes(library.run_id)] == ["running"] * 2
    library.store.record([good])
    assert library.store.compliant(POLICY) == {b"/m/a": STAT}


def test_stored_run_comes_back_unchanged(library: Library) -> None:
    library.start("run", policies=[ODD[0]], options={"force": True}, dry_run=True, host="h\udcff")
    began = datetime(2026, 1, 1, 0, 0, 2, tzinfo=timezone.utc)
    begun = Run(
        "run", began, None, [ODD[0]], {"force": True}, 2, True, 1, "h\\udcff", "running", None
    )
    assert library.store.run("run") == begun
    library.store.finish_run("run", "stopped", {"failed": 1})
    assert library.store.run("run") == begun._replace(
        state="stopped", summary={"failed": 1}, finished_at=began + timedelta(seconds=1)
    )


def test_run_times_are_stored_in_utc(tmp_path: Path) -> None:
    def now() -> datetime:
        return datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=1)))

    with DaemonConnectionPool(tmp_path / "vpo.db") as pool:
        store = Store(pool, now=now)
        store.start_run(NewRun("r", [], {}, workers=1, pid=1, host="h"))
        with pool.read() as connection:
            (stored,) = connection.execute("SELECT started_at FROM runs").fetchone()
        assert stored == "2026-01-01T00:30:00.000000+00:00"
        assert store.run("r").started_at == now()


def test_runs_are_newest_first(library: Library) -> None:
    for name in "abc":
        library.start(name)
    assert [run.id for run in library.store.runs(2)] == ["c", "b"]
    assert len(library.store.runs()) == 4


def test_run_is_found_by_prefix_of_its_id(library: Library) -> None:
    library.start("abcd-1")
    library.start("abce-2")
    assert library.store.run("abcd").id == library.store.run("ABCD-1").id == "abcd-1"
    with pytest.raises(UsageError, match="several run ids begin with abc;"):
        library.store.run("abc")
    for none in ("x", "", "%", "abcd-1-"):
        with pytest.raises(UsageError, match="no run"):
            library.store.run(none)


def test_killed_run_leaves_its_unfinished_paths(library: Library) -> None:
    killed = library.start("killed")
    done, begun = library.store.start_outcomes(killed, ["/m/a", ODD[0]])
    library.store.record([Result(done, "/m/a", "changed")])
    library.store.start_outcomes(library.run_id, ["/m/alive"])
    ended = library.start("ended")
    library.store.finish_run(ended, "finished", {})

    assert [run.id for run in library.store.running_runs()] == [library.run_id, killed]
    found = {item.path: item for item in library.store.running_outcomes()}
    assert set(found) == {ODD[0], "/m/alive"}
    assert found[ODD[0]][:2] == (begun, killed)

    library.store.mark_interrupted([killed, ended])
    assert [run.id for run in library.store.running_runs()] == [library.run_id]
    assert [item.path for item in library.store.running_outcomes()] == ["/m/alive"]
    assert [item.state for item in library.store.outcomes(killed)] == ["done", "interrupted"]
    assert library.store.run(killed).state == "interrupted"
    assert library.store.run(killed).finished_at is not None
    assert library.store.run(ended).state == "finished"


def test_compliance_of_unfinished_files_is_deleted_after_a_kill(library: Library) -> None:
    """It may have been done with an edit in place that it did not come to record."""
    library.record("/m/a")
    library.record("/m/b", stat=NEW)
    library.store.start_outcomes(library.start("killed"), ["/m/b"])
    library.store.mark_interrupted(["killed"])
    assert library.store.compliant(POLICY) == {b"/m/a": STAT}


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT 1 FROM outcomes WHERE run = '' ORDER BY rowid", "outcomes_run"),
        ("SELECT 1 FROM outcomes WHERE state = 'running'", "outcomes_running"),
        ("SELECT 1 FROM runs WHERE state = 'running'", "runs_running"),
        ("SELECT 1 FROM files WHERE inode = 1 AND size = 1 AND mtime_ns = 1", "files_stat"),
        ("DELETE FROM compliance_records WHERE file = 1", "compliance_records_file"),
        ("SELECT 1 FROM contents WHERE size IN (1, 2)", "contents_size"),
    ],
)
def test_frequent_queries_use_an_index(library: Library, query: str, index: str) -> None:
    with library.pool.read() as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert f"INDEX {index}" in plan[0][3]


def test_known_query_reads_no_probes(library: Library) -> None:
    with library.pool.read() as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(files)")]
    assert columns == ["number", "id", "path", "size", "mtime_ns", "inode", "device"]


def test_took_returns_durations_of_last_files(library: Library) -> None:
    more: dict[str, Any] = {"strategy": "remux", "seconds": 2.5, "size_before": 900}
    library.record(ODD[0], status="changed", **more)
    library.record("/m/failed.mkv", status="failed", **more)
    library.record("/m/known.mkv", strategy="none")
    assert library.store.timings(["p"]) == [Timing(ODD[0], Cost("remux", 900), 900, 2.5)]
    assert library.store.timings(["other"]) == [
        Timing(ODD[0], Cost("remux", 900), 900, 2.5, alike=False)
    ]


def test_failure_that_may_be_the_machines_counts_when_it_happens_again(library: Library) -> None:
    failure: dict[str, Any] = {
        "status": "failed",
        "compliance": "suspect",
        "error_type": "VerifyError",
    }
    library.record("/m/a", error_message="first", **failure)
    assert library.store.failed(POLICY) == {}
    library.record("/m/a", fingerprint=OTHER, error_message="first", **failure)
    assert library.store.failed(OTHER) == {}
    library.record("/m/a", error_message="second", **failure)
    assert library.store.failed(POLICY) == {b"/m/a": (STAT, "VerifyError", "second")}
    library.record("/m/a", error_message="third", **failure)
    assert library.store.failed(POLICY) == {b"/m/a": (STAT, "VerifyError", "third")}


def test_failures_of_a_file_that_changed_in_between_do_not_add_up(library: Library) -> None:
    for stat in (STAT, NEW):
        library.record("/m/a", stat=stat, status="failed", compliance="suspect")
    assert library.store.failed(POLICY) == {}
