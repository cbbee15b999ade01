"""Damaged input: thousands of files with bytes changed, lost, doubled, cut off; parsers that crash."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.reading import stream_hashes

from drill.bench import Bench, Ended, Rig, expect, until
from drill.checks import database_sound, hashes, litter, sha
from drill.policies import CONTAINER, HEADER, REMUX

BATCH = 40
STALL = 10
LARGEST = 8 << 20
"""Larger media are not mutated: it would only take longer."""
POLICIES = {"header edit": HEADER, "remux": REMUX, "container change": CONTAINER}
SUFFIXES = (".mkv", ".webm", ".mp4", ".mov", ".avi", ".ts", ".m4v", ".flv", ".ogv", ".wmv")

Mutation = Callable[[bytearray, random.Random], bytearray]


def _place(data: bytearray, chance: random.Random) -> int:
    """Return a position; half of them are in headers, where parsers fail."""
    head = min(len(data), 4096)
    return chance.randrange(head) if chance.random() < 0.5 else chance.randrange(len(data))


def _bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 3, 20))):
        data[_place(data, chance)] ^= 1 << chance.randrange(8)
    return data


def _noise(data: bytearray, chance: random.Random) -> bytearray:
    at, size = _place(data, chance), chance.choice((1, 4, 64, 2000))
    data[at : at + size] = chance.randbytes(min(size, len(data) - at))
    return data


def _zeros(data: bytearray, chance: random.Random) -> bytearray:
    at, size = _place(data, chance), chance.choice((1, 8, 512, 8192))
    data[at : at + size] = bytes(min(size, len(data) - at))
    return data


def _ones(data: bytearray, chance: random.Random) -> bytearray:
    """Sizes become huge, or unknown."""
    at = _place(data, chance)
    data[at : at + 8] = b"\xff" * min(chance.choice((1, 4, 8)), len(data) - at)
    return data


def _cut_off(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _cut_out(data: bytearray, chance: random.Random) -> bytearray:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 7, 300, 5000))]
    return data


def _doubled(data: bytearray, chance: random.Random) -> bytearray:
    at, size = _place(data, chance), chance.choice((1, 12, 700, 9000))
    data[at:at] = data[at : at + size]
    return data


def _swapped(data: bytearray, chance: random.Random) -> bytearray:
    a, b = sorted(chance.randrange(len(data)) for _ in range(2))
    size = min(512, b - a, len(data) - b)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return data


MUTATIONS: tuple[Mutation, ...] = (
    _bits, _noise, _zeros, _ones, _cut_off, _cut_out, _doubled, _swapped,
)  # fmt: skip


def mutated(bench: Bench) -> None:
    """Every mutated file stays unchanged, or becomes an intact result."""
    kinds = ("header edit",) if bench.short else tuple(POLICIES)
    mutate(bench, SUFFIXES, kinds, bench.scale(24, 2000))


def mutate(bench: Bench, suffixes: tuple[str, ...], kinds: tuple[str, ...], total: int) -> None:
    """Process mutated files with these endings, in turns by the policies of these names."""
    found = [path for path in sources(bench) if path.suffix.lower() in suffixes]
    seen = {"changed": 0, "failed": 0, "unchanged": 0}
    for begin in range(0, total, BATCH):
        kind = kinds[begin // BATCH % len(kinds)]
        names = _batch(bench, found, min(BATCH, total - begin))
        with bench.trial(f"batch {begin // BATCH}, {kind}", len(names)):
            _run(bench, kind, names, seen)
    bench.remarks.append(", ".join(f"{count} {what}" for what, count in seen.items()))


def sources(bench: Bench) -> list[Path]:
    folders = [bench.corpus, *([bench.media] if bench.media else [])]
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    small = [p for p in found if p.suffix.lower() in SUFFIXES and 0 < p.stat().st_size <= LARGEST]
    return [path for path in small if path.parent.name not in ("names", "bad")]


def _batch(bench: Bench, sources: list[Path], count: int) -> dict[str, bytes]:
    made = {}
    for number in range(count):
        source = bench.random.choice(sources)
        data = bytearray(source.read_bytes())
        for _ in range(bench.random.choice((1, 1, 1, 2, 4))):
            if data:
                data = bench.random.choice(MUTATIONS)(data, bench.random)
        made[f"{number:03} {source.stem}{source.suffix.lower()}"] = bytes(data)
    return made


def _run(bench: Bench, kind: str, files: dict[str, bytes], seen: dict[str, int]) -> None:
    rig = bench.rig()
    rig.configure(tools=f"stall_seconds = {STALL}")
    for name, data in files.items():
        (rig.library / name).write_bytes(data)
    keep = rig.folder / "originals"
    shutil.copytree(rig.library, keep)
    before = hashes(sorted(keep.iterdir()))
    ended = rig.process(POLICIES[kind], limit=600)
    expect(ended.rc in (0, 1), f"{ended}")
    expect("Traceback" not in ended.stderr, f"{ended}")
    for original, digest in before.items():
        with bench.trial(f"{kind}, {original.name}", 0):
            _one(rig, ended, original, digest, seen)
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    database_sound(rig)
    if len(bench.lost) < 5:
        rig.throw_away()


def _one(rig: Rig, ended: Ended, original: Path, digest: str, seen: dict[str, int]) -> None:
    status, error = ended.status(original.name), ended.error(original.name)
    expect(status in seen, f"is {status}")
    seen[status] += 1
    expect("unexpected" not in error, error)
    path = rig.library / original.name
    if status != "changed":
        expect(path.exists() and sha(path) == digest, f"was changed, and is {status}: {error}")
        return
    outcome = ended.files[original.name]
    result = Path(outcome["new_path"] or path)
    expect(result.exists(), "its result is gone")
    expect(result == path or not path.exists(), "there are original and result")
    if outcome["strategy"] == "header":
        _same_packets(original, result)
    else:
        all_packets(original, result, outcome)
        expect(_readable(result) or not _readable(original), "its result cannot be read")


def _same_packets(original: Path, result: Path) -> None:
    """After a header edit, all packets are at the same position."""
    try:
        before = stream_hashes(original)
    except subprocess.CalledProcessError:
        # ffmpeg cannot copy it; then nothing behind the header may differ.
        old, new = original.read_bytes(), result.read_bytes()
        at = old.find(bytes.fromhex("1f43b675"))
        expect(old[at : at + 4096] == new[at : at + 4096], "its clusters have changed")
        return
    expect(before == stream_hashes(result), "its packets are others now")


def all_packets(
    original: Path, result: Path, outcome: dict[str, Any], encoded: bool = False
) -> None:
    """After a rewrite, all kept streams are there with all packets; of encoded sound, any number."""
    removed = {c["track"] for c in outcome["changes"] if c["kind"] == "remove"}
    before, after = _packets(original), _packets(result)
    kept = [item for item in before if item[0] not in removed]
    for (index, kind, count), (_, other, found) in zip(kept, after, strict=False):
        if kind == other and found < count and not (encoded and kind == "audio"):
            # Empty subtitles mark the gaps in MP4; Matroska has no need of them.
            share = f"{found} of {count} packets of {kind} {index} are left"
            expect(kind == "subtitle", f"{share}; {outcome['warnings']}")


def _readable(path: Path) -> bool:
    argv = ["ffprobe", "-v", "quiet", "-show_format", f"file:{path}"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _packets(path: Path) -> list[tuple[int, str, int]]:
    """Return index, type and number of packets of each stream, as ffmpeg reads them."""
    argv = ["ffprobe", "-v", "quiet", "-count_packets", "-show_entries"]
    argv += ["stream=index,codec_type,nb_read_packets:stream_disposition=attached_pic"]
    done = subprocess.run([*argv, "-of", "json", f"file:{path}"], capture_output=True, check=False)
    try:
        streams = json.loads(done.stdout).get("streams", [])
    except ValueError:  # ffprobe gave up in the middle
        return []
    return [
        (s["index"], s["codec_type"], int(s.get("nb_read_packets", 0)))
        for s in streams
        if s.get("codec_type") in ("video", "audio", "subtitle")
        and not s["disposition"]["attached_pic"]
    ]


_ASKED = 0.5
"""Seconds from the start of a file until its parser has been asked, and less than it may take."""


def parser(bench: Bench) -> None:
    """A parser that crashes or hangs fails only the current file."""
    signals = {"crashes": signal.SIGSEGV, "is killed": signal.SIGKILL, "hangs": signal.SIGSTOP}
    for what, number in list(signals.items())[bench.scale(2, 0) :]:
        with bench.trial(f"the parser {what}"):
            _parser(bench, number)


def _parser(bench: Bench, number: int) -> None:
    names = ("wrong-flags.mkv", "many-tracks.mkv", "front-tags.mkv", "multi-audio.mkv")
    rig = bench.rig(*names)
    rig.configure(processing="workers = 1", tools="stall_seconds = 2")
    before = hashes(rig.library / name for name in names)
    vpo = rig.start(*rig.words(HEADER), anew=True)
    parsers: list[int] = []

    def found() -> bool:
        parsers.extend(pid for pid in vpo.relatives() if _is_parser(pid))
        return bool(parsers)

    until(found, "no parser was started")
    # One that dies before it is asked is no matter: another takes its place. So it waits.
    os.kill(parsers[0], signal.SIGSTOP)
    until(lambda: '"started"' in vpo.shown, "no file was begun")
    time.sleep(_ASKED)
    os.kill(parsers[0], number)
    if number != signal.SIGSTOP:
        os.kill(parsers[0], signal.SIGCONT)
    ended = vpo.end()
    states = {name: ended.status(name) for name in names}
    expect(sorted(states.values()) == ["changed"] * 3 + ["failed"], f"{states}")
    failed = next(name for name, state in states.items() if state == "failed")
    expect("the parser" in ended.error(failed), ended.error(failed))
    expect(sha(rig.library / failed) == before[rig.library / failed], f"{failed} was changed")
    expect(not litter(rig.library), "left behind")


def _is_parser(pid: int) -> bool:
    try:
        return b"vpo.probe.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def not_media(bench: Bench) -> None:
    """Empty files, text and other data with names of videos."""
    with bench.trial("empty, text, zeros, a program, half a file"):
        rig = bench.rig("bad/zero.mkv", "bad/text.mkv", "bad/truncated.mkv", "bad/no-moov.mp4")
        (rig.library / "zeros.mkv").write_bytes(bytes(100_000))
        shutil.copyfile("/bin/sh", rig.library / "program.mp4")
        (rig.library / "playlist.mkv").write_text("#EXTM3U\nfile:///etc/passwd\n")
        (rig.library / "list.mkv").write_text("ffconcat version 1.0\nfile 'truncated.mkv'\n")
        (rig.library / "options.mkv").write_text('["--output", "/tmp/nothing"]\n')
        before = hashes(sorted(rig.library.iterdir()))
        for policy in POLICIES.values():
            ended = rig.process(policy, "--force")
            expect(ended.rc == 1, f"{ended}")
            for path, digest in before.items():
                if ended.status(path.name) != "changed":
                    expect(sha(path) == digest, f"{path.name} was changed")
                else:
                    expect(path.name == "truncated.mkv", f"{path.name} was worked on")
        expect(not litter(rig.library), "left behind")
