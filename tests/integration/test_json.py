"""The JSON of ``vpo process``, as docs/json.md has it; and the dry run, which is the plan."""

from __future__ import annotations

import csv
import fcntl
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Library, Vpo
from tests.integration.facts import rows, tree

DOCUMENT = "schema_version run_id library policies dry_run workers summary files"
SUMMARY = "total changed unchanged skipped failed planned cancelled not_started"
SUMMARY += (
    " seconds stopped_early warned acknowledged excluded hard_links_skipped hard_links_replaced"
    " digest estimate"
)
FILE = "path new_path status strategy changes phases warnings error seconds size_before"
FILE += " size_after encoded proof"
CHANGE = "kind track from to phase operation reason"
PHASE = "policy name outcome detail"
STRATEGIES = {"none", "header", "remux", "transcode"}
EVENTS = {"begin", "note", "started", "file", "progress", "end"}

POLICY = """\
schema_version: 13
name: mixed
config: {audio_languages: [eng, jpn, und], subtitle_languages: [eng]}
phases:
  - name: container
    container: {target: mkv}
  - name: tracks
    keep_audio: {languages: [eng, jpn, ger, und]}
    keep_subtitles: {languages: [eng, und]}
  - name: order
    depends_on: [tracks]
    track_order: [video, audio_main, audio_alternate, audio_commentary, subtitle_main]
  - name: flags
    default_flags: {set_preferred_subtitle_default: true}
"""
SAMPLES = (
    "multi-audio.mkv",
    "wrong-flags.mkv",
    "mov-text.mp4",
    "old.avi",
    "clip.webm",
    "attachments.mkv",
    "chapters.mkv",
    "data-first.mp4",
    "bad/zero.mkv",
    "no-seekhead.mkv",
)


def check_file(file: dict[str, Any]) -> None:
    assert list(file) == FILE.split()
    assert file["strategy"] in STRATEGIES
    assert Path(file["path"]).is_absolute()
    for change in file["changes"]:
        assert list(change) == CHANGE.split()
        assert change["reason"]
    for phase in file["phases"]:
        assert list(phase) == PHASE.split()
        assert phase["outcome"] in {"changed", "unchanged", "skipped", "failed"}
    assert (file["error"] is not None) == (file["status"] in ("failed", "skipped"))
    if file["error"]:
        assert list(file["error"]) == ["type", "message"]
        assert all(isinstance(text, str) and text for text in file["error"].values())
    assert (file["new_path"] is not None) == (
        file["status"] == "changed" and "container" in [c["kind"] for c in file["changes"]]
    )


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_json_document_has_its_keys(vpo: Vpo, library: Library, dry: list[str]) -> None:
    """Even when there is much to say on the side: warnings, failures, a locked file."""
    vpo.config.write_text("[processing]\nmax_workers = 2\n")
    root = library(*SAMPLES, "locked.mkv=wrong-flags.mkv")
    policy = vpo.policy(POLICY)
    with (root / "locked.mkv").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        args = ["--workers", "9", "--format", "json", *dry]
        result = vpo("process", *args, "-p", policy, root, root / "missing.mkv")
    assert result.rc == 1
    document = result.json
    assert list(document) == DOCUMENT.split()
    assert list(document["summary"]) == SUMMARY.split()
    assert document["schema_version"] == 1
    assert document["policies"] == [str(policy)]
    assert (document["dry_run"], document["workers"]) == (bool(dry), 2)
    for file in document["files"]:
        check_file(file)
    statuses = [file["status"] for file in document["files"]]
    summary = document["summary"]
    for status in SUMMARY.split()[1:-9]:
        assert summary[status] == statuses.count(status)
    assert summary["total"] == len(statuses) == len(SAMPLES) + 2
    assert summary["planned" if dry else "changed"] >= 5
    assert summary["skipped"] == (0 if dry else 1)


def test_jsonl_events_have_their_keys(vpo: Vpo, library: Library) -> None:
    vpo.config.write_text("[processing]\nmax_workers = 2\n")
    root = library(*SAMPLES)
    result = vpo("process", "--workers", "9", "--format", "jsonl", "-p", vpo.policy(POLICY), root)
    events = result.jsonl
    assert {event["event"] for event in events} <= EVENTS
    head, end = events[0], events[-1]
    assert (head["event"], end["event"]) == ("begin", "end")
    assert set(head) == {"event", "total", *DOCUMENT.split()} - {"summary", "files"}
    assert list(end["summary"]) == SUMMARY.split()
    files = [event for event in events if event["event"] == "file"]
    for file in files:
        check_file({key: value for key, value in file.items() if key != "event"})
    assert len(files) == head["total"] == end["summary"]["total"]
    for event in events:
        if event["event"] == "progress":
            keys = {"done", "total", "active", "part", "eta_seconds", "running", "waiting"}
            assert set(event) == {"event", *keys}


def test_dry_run_changes_nothing_and_predicts_the_run(vpo: Vpo, library: Library) -> None:
    root = library(*SAMPLES)
    args = ("process", "--format", "json", "-p", vpo.policy(POLICY), root)
    before = tree(root)
    dry = vpo(*args, "--dry-run")
    assert tree(root) == before
    assert rows(vpo.data) == 0
    real = vpo(*args)
    assert rows(vpo.data) > 0
    assert dry.rc == real.rc == 1
    assert "planned" in [file["status"] for file in dry.json["files"]]
    planned = {"planned": "changed"}
    wanted = {
        f["path"]: (planned.get(f["status"], f["status"]), *plan(f)) for f in dry.json["files"]
    }
    got = {f["path"]: (f["status"], *plan(f)) for f in real.json["files"]}
    assert got == wanted


def plan(file: dict[str, Any]) -> list[object]:
    return [file[key] for key in ("strategy", "changes", "phases", "warnings", "error")]


def test_dry_run_text_shows_planned_changes(vpo: Vpo, library: Library) -> None:
    root = library("multi-audio.mkv")
    result = vpo("process", "-n", "-p", vpo.policy(POLICY), root)
    assert result.rc == 0
    assert "1 to be changed" in result.stdout
    removed = [line for line in result.stdout.splitlines() if line.startswith("  - ")]
    assert len(removed) == 2, result  # the French and the Japanese subtitles
    assert all("subtitle" in line for line in removed)


def test_json_is_the_only_output_without_files(vpo: Vpo, library: Library) -> None:
    result = vpo("process", "--format", "json", "-p", vpo.policy(POLICY), library())
    assert result.rc == 0
    assert json.loads(result.stdout)["files"] == []


KEYS: dict[tuple[str, ...], set[str]] = {
    ("init",): {"files"},
    ("config", "show"): {"config", "data", "workers", "cores", "settings"},
    ("policy", "check", "POLICY"): {"policies"},
    ("policy", "migrate", "POLICY"): {"policies"},
    ("process", "-p", "POLICY", "LIBRARY"): {"run_id", "policies", "summary", "files"},
    ("report", "last", "--html", "TARGET"): {"path", "run_id"},
    ("undo", "-n", "last"): {"dry_run", "files"},
    ("status",): {"paused", "runs", "libraries"},
    ("ignore", "--list"): {"ignored"},
    ("library", "failed", "--acknowledge"): {"acknowledged", "failed"},
    ("pause",): {"paused", "until"},
    ("resume",): {"resumed"},
    ("db", "check"): {"path", "problems"},
    ("db", "backup", "TARGET"): {"path", "size"},
    ("db", "rebuild"): {"old", "saved", "notes"},
}


def test_every_command_prints_one_json_document(vpo: Vpo, library: Library) -> None:
    root = library("wrong-flags.mkv")
    vpo.config.write_text('[originals]\nkeep = "trash"\n')
    assert vpo("init", "--keep-originals", "3", "--format", "json").json["files"][1]["written"]
    names = {"POLICY": str(vpo.policy(POLICY)), "LIBRARY": str(root)}
    for number, (args, keys) in enumerate(KEYS.items()):
        target = str(vpo.folder / f"target{number}.html")
        words = [{**names, "TARGET": target}.get(arg, arg) for arg in args]
        result = vpo(*words, "--format", "json")
        assert result.rc == 0, result
        assert {"schema_version", *keys} <= set(result.json), args


def test_history_and_settings_as_csv(vpo: Vpo, library: Library) -> None:
    assert vpo("process", "-p", vpo.policy(POLICY), library("wrong-flags.mkv")).rc == 0
    (run,) = csv.DictReader(io.StringIO(vpo("history", "--format", "csv").stdout))
    assert (run["changed"], run["state"]) == ("1", "finished")
    text = vpo("history", "show", "last", "--format", "csv").stdout
    assert [row["status"] for row in csv.DictReader(io.StringIO(text))] == ["changed"]
    settings = csv.DictReader(io.StringIO(vpo("config", "show", "--format", "csv").stdout))
    assert {"processing", "files"} <= {row["section"] for row in settings}
