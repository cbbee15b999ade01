"""``vpo process`` with several workers: overlap, order, errors, progress, and equal results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyte
import pytest
from tests.conftest import Library, Result, Vpo
from tests.integration.stage import Event, Stage, Terminal
from tests.reading import Reading, read, stream_hashes

SOUND_FIRST = """\
schema_version: 13
name: sound first
config: {{on_error: {on_error}}}
phases:
  - name: sound first
    track_order: [audio_main, audio_alternate, audio_music, audio_commentary, video]
"""
"""Every file is written anew, by mkvmerge, whose stand-ins see which file it is."""

STRICT = """\
schema_version: 13
name: strict
config: {{on_error: {on_error}}}
phases:
  - name: titles
    audio_actions: {{clear_all_titles: true}}
  - name: strict
    {strict}
    keep_audio: {{languages: [ger]}}
  - name: flags
    audio_actions: {{clear_all_default: true}}
"""
"""Fails on a file without German audio, between two phases that want something."""

CLEAR = "\x1b[J"
PROCESSING = re.compile(r"Processing: (?:\d+%, )?(\d+)/(\d+) files \[(\d+) active\](?:[,;] .+)?")


@pytest.fixture
def four_workers(vpo: Vpo) -> Vpo:
    """A cap that does not depend on the machine's cores."""
    vpo.config.write_text("[processing]\nmax_workers = 4\n")
    return vpo


def names(count: int) -> list[str]:
    return [f"{letter}.mkv" for letter in "abcdefghij"[:count]]


def copies(library: Library, count: int, sample: str = "wrong-flags.mkv") -> Path:
    return library(*(f"{name}={sample}" for name in names(count)))


def order_policy(vpo: Vpo, on_error: str = "continue") -> Path:
    return vpo.policy(SOUND_FIRST.format(on_error=on_error))


def statuses(result: Result) -> dict[str, str]:
    return {Path(file["path"]).name: file["status"] for file in result.json["files"]}


# Overlap and order


def test_two_workers_overlap(four_workers: Vpo, library: Library, stage: Stage) -> None:
    """Each of the first two tools goes on only once the other one has been started, too."""
    meet = """
case $name in
  a.mkv) wait_for "$stage/b.mkv.here" ;;
  b.mkv) wait_for "$stage/a.mkv.here" ;;
esac
real "$@"
"""
    stage.act("mkvmerge", meet)
    root = copies(library, 2)
    result = four_workers("process", "-w", "2", "-p", order_policy(four_workers), root)
    assert result.rc == 0, result
    assert sorted(stage.started()) == names(2)


def test_no_more_tools_run_than_workers(four_workers: Vpo, library: Library, stage: Stage) -> None:
    stage.record("mkvmerge")
    root = copies(library, 7)
    result = four_workers("process", "-w", "2", "-p", order_policy(four_workers), root)
    assert result.rc == 0, result
    assert sorted(stage.started()) == names(7)
    assert max(running(stage.events)) <= 2


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), ["a", "b", "c", "d"]),
        (("--order", "name"), ["a", "b", "c", "d"]),
        (("--order", "size"), ["c", "a", "d", "b"]),
    ],
)
def test_one_worker_keeps_the_queue_order(
    four_workers: Vpo, library: Library, stage: Stage, args: Sequence[str], expected: list[str]
) -> None:
    stage.record("mkvmerge")
    root = library(
        "a.mkv=wrong-flags.mkv",
        "b.mkv=und.mkv",
        "c.mkv=multi-audio.mkv",
        "d.mkv=bitmap-subtitles.mkv",
    )
    policy = order_policy(four_workers)
    result = four_workers("process", "-w", "1", *args, "-p", policy, root)
    assert result.rc == 0, result
    assert [name[0] for name in stage.started()] == expected
    assert max(running(stage.events)) == 1


def test_several_workers_start_with_the_largest_file(
    four_workers: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    root = library("a.mkv=und.mkv", "b.mkv=wrong-flags.mkv", "c.mkv=multi-audio.mkv")
    process = four_workers.start("process", "-w", "2", "-p", order_policy(four_workers), root)
    stage.arrived("b.mkv", "c.mkv")
    assert "a.mkv" not in stage.started()
    stage.release("b.mkv", "c.mkv", "a.mkv")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert stage.started()[-1] == "a.mkv"


def test_two_workers_process_both_hard_links_of_a_file(
    four_workers: Vpo, library: Library, stage: Stage
) -> None:
    """Two names of one file: with one worker both are done, so with two as well.

    The work on ``a`` or ``b`` is made to last until ``c`` is begun, which would be as
    soon as the other name had been given up as locked; or for a while, as that must not happen.
    """
    last = """
tries=0
until [ -e "$stage/c.mkv.here" ] || [ $tries -ge 10 ]; do tries=$((tries + 1)); sleep 0.05; done
real "$@"
"""
    stage.act("mkvmerge", last)
    with four_workers.config.open("a") as config:
        config.write('[files]\nhardlinks = "replace"\n')
    root = library("a.mkv=wrong-flags.mkv", "c.mkv=und.mkv")
    (root / "b.mkv").hardlink_to(root / "a.mkv")
    args = ("process", "-w", "2", "--order", "name", "--format", "json")
    result = four_workers(*args, "-p", order_policy(four_workers), root)
    assert set(statuses(result).values()) == {"changed"}, result


def running(events: Sequence[Event]) -> Iterator[int]:
    """How many tools were running after each event."""
    count = 0
    for event in events:
        count += {"start": 1, "stop": -1}[event.what]
        yield count


# Errors


def test_on_error_fail_cancels_pending_and_completes_running_files(
    four_workers: Vpo, library: Library, stage: Stage
) -> None:
    """``a`` fails while ``b`` is in progress; ``b`` goes on only after vpo knows of the failure."""
    stage.act(
        "mkvmerge",
        """
case $name in
  a.mkv) wait_for "$stage/b.mkv.here"; echo broken >&2; exit 2 ;;
  b.mkv) wait_for "$stage/b.mkv.go" ;;
esac
real "$@"
""",
    )
    root = copies(library, 6)
    policy = order_policy(four_workers)
    process = four_workers.start(
        *("process", "-w", "2", "--on-error", "fail", "--format", "jsonl", "-p", policy, root)
    )
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "file" and events[-1]["status"] == "failed":
            stage.release("b.mkv")
    assert process.wait(60) == 1
    process.communicate()
    found = {Path(e["path"]).name: e for e in events if e["event"] == "file"}
    expected = {"a.mkv": "failed", "b.mkv": "changed"}
    assert {name: found[name]["status"] for name in ("a.mkv", "b.mkv")} == expected
    assert "broken" in found["a.mkv"]["error"]["message"]
    assert {found[name]["status"] for name in names(6)[2:]} == {"not_started"}
    assert events[-1]["summary"]["stopped_early"] is True
    assert events[-1]["summary"]["not_started"] == 4
    assert sorted(stage.started()) == names(2)


def test_on_error_fail_with_one_worker_starts_nothing_more(
    four_workers: Vpo, library: Library, stage: Stage
) -> None:
    broken = 'case $name in b.mkv) echo broken >&2; exit 2 ;; esac\nreal "$@"'
    stage.act("mkvmerge", broken)
    root = copies(library, 5)
    before = {name: (root / name).read_bytes() for name in names(5)}
    result = four_workers(
        *("process", "-w", "1", "--format", "json"), "-p", order_policy(four_workers, "fail"), root
    )
    assert result.rc == 1
    assert list(statuses(result).values()) == ["changed", "failed", *["not_started"] * 3]
    assert result.json["summary"]["stopped_early"] is True
    for name, status in statuses(result).items():
        assert (before[name] == (root / name).read_bytes()) == (status != "changed")
    assert stage.started() == names(2)
    text = four_workers(*("process", "-w", "1"), "-p", order_policy(four_workers, "fail"), root)
    assert "stopped early after a failure" in text.stdout
    assert text.stderr.count("broken") == 1


@pytest.mark.parametrize("workers", ["1", "3"])
def test_on_error_skip_processes_and_reports_all_files(
    four_workers: Vpo, library: Library, stage: Stage, workers: str
) -> None:
    broken = 'case $name in b.mkv|d.mkv) echo broken >&2; exit 2 ;; esac\nreal "$@"'
    stage.act("mkvmerge", broken)
    root = copies(library, 6)
    before = {name: (root / name).read_bytes() for name in names(6)}
    policy = order_policy(four_workers)
    result = four_workers(
        *("process", "-w", workers, "--on-error", "skip", "--format", "json", "-p", policy, root)
    )
    assert result.rc == 1
    expected = dict.fromkeys(names(6), "changed") | {"b.mkv": "failed", "d.mkv": "failed"}
    assert statuses(result) == expected
    assert result.json["summary"]["stopped_early"] is False
    for name, status in expected.items():
        assert (before[name] == (root / name).read_bytes()) == (status == "failed")


def strict_policy(vpo: Vpo, on_error: str, strict: str = "") -> Path:
    return vpo.policy(STRICT.format(on_error=on_error, strict=strict))


@pytest.mark.parametrize(
    ("on_error", "own", "flag"),
    [
        ("continue", "", ""),
        ("skip", "on_error: continue", ""),
        ("skip", "", "continue"),
        ("skip", "", ""),
        ("continue", "on_error: skip", ""),
        ("continue", "", "skip"),
    ],
)
def test_on_error_decides_what_a_failed_phase_means_for_the_file(
    four_workers: Vpo, library: Library, on_error: str, own: str, flag: str
) -> None:
    """``continue``: the other phases take effect. ``skip``: the file is left as it was."""
    root = library("home-cinema.mkv", "multi-audio.mkv")
    broken, other = root / "home-cinema.mkv", root / "multi-audio.mkv"
    before, payload = broken.read_bytes(), stream_hashes(broken)
    args = ["--on-error", flag] if flag else []
    policy = strict_policy(four_workers, on_error, own)
    result = four_workers("process", *args, "--format", "json", "-p", policy, root)
    assert result.rc == 1
    assert statuses(result) == {"home-cinema.mkv": "failed", "multi-audio.mkv": "changed"}
    assert "strict" in file_of(result, broken)["error"]["message"]
    assert not [track for track in read(other).of("audio") if track.default or track.title]
    outcomes = {p["name"]: p["outcome"] for p in file_of(result, broken)["phases"]}
    if "continue" in (flag or own or on_error):
        assert outcomes == {"titles": "changed", "strict": "failed", "flags": "changed"}
        assert not [track for track in read(broken).of("audio") if track.default or track.title]
        assert stream_hashes(broken) == payload
    else:
        assert outcomes == {"titles": "changed", "strict": "failed"}
        assert broken.read_bytes() == before


def test_on_error_of_failed_phase_overrides_the_policy(four_workers: Vpo, library: Library) -> None:
    """Not the policy's stricter word, which the phase overrides."""
    root = library("a.mkv=home-cinema.mkv", "b.mkv=multi-audio.mkv")
    policy = strict_policy(four_workers, "fail", "on_error: skip")
    for args, wanted in ((["--dry-run"], "planned"), ([], "changed")):
        result = four_workers("process", *args, "-w", "1", "--format", "json", "-p", policy, root)
        assert statuses(result) == {"a.mkv": "failed", "b.mkv": wanted}


@pytest.mark.parametrize(("on_error", "own"), [("fail", ""), ("continue", "on_error: fail")])
def test_on_error_fail_of_a_phase_stops_the_batch(
    four_workers: Vpo, library: Library, on_error: str, own: str
) -> None:
    root = library("a.mkv=home-cinema.mkv", *(f"{n}.mkv=multi-audio.mkv" for n in "bcdefgh"))
    policy = strict_policy(four_workers, on_error, own)
    result = four_workers("process", "-w", "1", "--format", "json", "-p", policy, root)
    assert result.rc == 1
    assert statuses(result)["a.mkv"] == "failed"
    assert {statuses(result)[f"{name}.mkv"] for name in "bcdefgh"} == {"not_started"}
    assert result.json["summary"]["stopped_early"] is True


def file_of(result: Result, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in result.json["files"] if f["path"] == str(path))
    return found


# Progress


@pytest.mark.parametrize("flags", [(), ("-v",), ("-vv",)])
def test_progress_line_is_never_garbled_in_a_terminal(
    four_workers: Vpo, library: Library, stage: Stage, flags: Sequence[str]
) -> None:
    """In a terminal: whole lines between two movements of the cursor, nothing in between."""
    broken = 'case $name in c.mkv) echo broken >&2; exit 2 ;; esac\nreal "$@"'
    stage.act("mkvmerge", broken)
    root = copies(library, 9)
    (root / "text.mkv").write_text("no video")
    policy = order_policy(four_workers)
    terminal = Terminal(four_workers, ["process", "-w", "3", *flags, "-p", policy, root])
    assert terminal.end() == 1
    rows = list(drawn(terminal.output))
    progress = [tuple(map(int, found.groups())) for row in rows if (found := whole(row))]
    assert progress
    done, totals, active = zip(*progress, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == 10
    assert set(totals) == {10}
    assert set(active) <= {0, 1, 2, 3}
    assert active[-1] == 0
    assert "10 files in" in terminal.output
    assert screen(terminal.output).count("Processing") == 0


def drawn(output: str) -> Iterator[str]:
    """What the terminal is given, line by line and rewrite by rewrite, without what clears."""
    for row in re.split(r"\r|\n|\x1b\[\d+A", output):
        text = row.removeprefix(CLEAR).removesuffix(CLEAR).removesuffix("\x1b[K")
        assert "\x1b" not in text
        assert "Processing" not in text or row == text + CLEAR, row
        assert "Processing" not in text or PROCESSING.fullmatch(text), row
        yield text


def whole(row: str) -> re.Match[str] | None:
    return PROCESSING.fullmatch(row)


def screen(output: str) -> str:
    """What is left on the screen."""
    found = pyte.Screen(80, 200)
    found.set_mode(pyte.modes.LNM)
    pyte.Stream(found).feed(output)
    return "\n".join(found.display)


def test_progress_line_shows_active_files_from_the_start(
    four_workers: Vpo, library: Library, stage: Stage
) -> None:
    stage.hold("mkvmerge")
    policy, root = order_policy(four_workers), copies(library, 3)
    terminal = Terminal(four_workers, ["process", "-w", "2", "-p", policy, root])
    try:
        stage.arrived(*(name for name in names(2)))
        terminal.shows("Processing: 0/3 files [2 active]")
    finally:
        stage.release(*names(3))
        code = terminal.end()
    assert code == 0
    assert "Processing: 100%, 3/3 files [0 active]" in terminal.output


def test_output_to_a_pipe_has_no_control_characters(four_workers: Vpo, library: Library) -> None:
    root = copies(library, 4)
    for flags in ([], ["-v"], ["--dry-run"]):
        result = four_workers("process", *flags, "-p", order_policy(four_workers), root)
        assert result.rc == 0
        for text in (result.stdout, result.stderr):
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
            assert "Processing" not in text


def test_summary_counts_statuses_and_lists_failures(
    four_workers: Vpo, library: Library, stage: Stage
) -> None:
    """Succeeded, failed, skipped and the total time; each failure with its reason."""
    stage.act("mkvmerge", 'case $name in c.mkv) exit 2 ;; esac\nreal "$@"')
    root = copies(library, 3)
    (root / "d.mkv").write_bytes((root / "a.mkv").read_bytes())
    library("e.mkv=vfr.mkv")
    policy = order_policy(four_workers)
    four_workers("process", "-p", policy, root / "a.mkv")
    result = four_workers("process", "-w", "2", "-p", policy, root)
    assert result.rc == 1
    wanted = r"5 files in \d+\.\d s: 3 changed, 1 unchanged, 1 failed"
    assert re.search(wanted, result.stdout), result
    assert re.search(r"failed: .*c\.mkv: mkvmerge failed with exit status 2", result.stderr)


# The same results, however many workers

POLICY = """\
schema_version: 13
name: everything
config: {audio_languages: [eng, jpn, und], subtitle_languages: [eng]}
phases:
  - name: container
    container: {target: mkv}
  - name: tracks
    keep_audio: {languages: [eng, jpn, ger, und], fallback: {mode: keep_all}}
    keep_subtitles: {languages: [eng, ger, und], preserve_forced: true}
  - name: order
    depends_on: [tracks]
    track_order: [video, audio_main, audio_alternate, audio_commentary, subtitle_main]
  - name: flags
    default_flags: {set_preferred_subtitle_default: true}
"""


def test_one_and_four_workers_give_the_same_results(
    four_workers: Vpo, library: Library, corpus: Path
) -> None:
    """Sample files, good and bad, in two libraries."""
    policy = four_workers.policy(POLICY)
    found = {}
    for workers in ("1", "4"):
        root = everything(library, corpus, f"with-{workers}")
        result = four_workers(
            "process", "-R", "-w", workers, "--format", "json", "-p", policy, root
        )
        assert result.rc == 1, result  # of the bad ones
        assert result.json["workers"] == int(workers)
        files = [timeless(file, root) for file in result.json["files"]]
        summary = {**result.json["summary"], "seconds": 0}
        found[workers] = (
            sorted(files, key=lambda file: str(file["path"])),
            summary,
            {p.relative_to(root): contents(p, corpus) for p in root.rglob("*") if p.is_file()},
        )
    assert found["1"][1]["changed"] > 10
    assert found["1"][0] == found["4"][0]
    assert found["1"][1:] == found["4"][1:]


_ALIKE = [
    "broadcast.ts",
    "chapters.mkv",
    "clip.webm",
    "data-first.mp4",
    "late-subtitle.mkv",
    "many-tracks.mkv",
    "no-language.mkv",
    "no-seekhead.mkv",
    "stale-statistics.mkv",
    "statistics.mkv",
    "vfr.mkv",
    "webvtt.mkv",
]
"""Samples that differ from others in nothing that matters here."""


def everything(library: Library, corpus: Path, folder: str) -> Path:
    """Sample files, each in a folder of its own: some names differ by suffix only. Of those
    that differ by name only there is one; ffprobe and mkvmerge disagree on ``deu`` in the TS."""
    files = [p.relative_to(corpus) for p in sorted(corpus.rglob("*.*")) if p.is_file()]
    wanted = [p for p in files if p.parent.name != "names" and p.name not in _ALIKE]
    wanted.append(Path("names/-i.mkv"))
    return library(*(f"{n:03}/{p.name}={p}" for n, p in enumerate(wanted)), folder=folder)


def timeless(file: dict[str, Any], root: Path) -> dict[str, Any]:
    """The JSON of a file without times, and without what tells the two libraries apart."""
    del file["seconds"], file["size_after"]
    text = json.dumps(file).replace(json.dumps(str(root))[1:-1], "ROOT")
    plain: dict[str, Any] = json.loads(text)
    return plain


def contents(path: Path, corpus: Path) -> object:
    """An independent reading, without what mkvmerge makes up anew each time (UIDs, dates)."""
    data = path.read_bytes()
    if any(data == p.read_bytes() for p in corpus.rglob(path.name)):
        return "as it was"
    return facts(read(path)), stream_hashes(path)


def facts(reading: Reading) -> object:
    return (
        reading.container,
        reading.summary,
        [(track.channels, track.ietf) for track in reading.tracks],
        reading.attachments,
        reading.chapters,
        reading.tags.get("title"),
    )
