"""A file of 20 GB: a header edit reads and writes next to nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from tests.integration.facts import CLUSTER, SEGMENT, elements

from drill.bench import Bench, Rig, expect
from drill.checks import facts, litter, sha
from drill.mounts import mounted
from drill.policies import HEADER

SIZE = 20 * 10**9
MOST_WRITTEN = 64 << 20
MOST_SECONDS = 5.0
"""For the whole command on a machine that does other things as well; the work is a fraction."""
VOID = 0xEC
LATE = bytes.fromhex("e7820fa0")
"""A cluster's Timestamp of 4000."""
SEEK_HEAD, SEEK, SEEK_ID, SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC


def header_edit(bench: Bench) -> None:
    """Edit a real Matroska file with a huge last cluster, and elements behind it."""
    with bench.trial("20 GB, in place"):
        rig = bench.rig()
        path = rig.library / "large.mkv"
        _grow(bench.corpus / "wrong-flags.mkv", path)
        seconds, written = _edit(rig, path)
        bench.remarks.append(f"{seconds:.1f} s, {written >> 10:,} KiB written")
        # The tests run also on machines that are busy.
        expect(bench.short or seconds < MOST_SECONDS, f"it took {seconds:.1f} s")
        rig.throw_away()


def _edit(rig: Rig, path: Path) -> tuple[float, int]:
    """Return the seconds of the whole command, and the bytes that it wrote."""
    before, defaults = path.stat(), _defaults(path)
    began = time.monotonic()
    vpo = rig.start(*rig.words(HEADER))
    written = 0
    while vpo.process.poll() is None:
        written = max(written, _written(vpo.process.pid))
    ended = vpo.end()
    seconds = time.monotonic() - began
    after = path.stat()
    expect(after.st_ino == before.st_ino, "the file was copied")
    expect(written < MOST_WRITTEN, f"{written >> 20} MiB were written")
    expect((after.st_blocks - before.st_blocks) * 512 < MOST_WRITTEN, "it takes more room now")
    expect(not litter(rig.library), "left behind")
    expect(ended.status(path.name) == "changed", f"{ended}")
    expect(_defaults(path) != defaults, "the flags are as they were")
    return seconds, written


def _written(pid: int) -> int:
    """Return the bytes that vpo and its tools have written."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def _grow(sample: Path, target: Path) -> None:
    """Append a sparse cluster of nearly 20 GB, with only a timestamp and a void element."""
    data = sample.read_bytes()
    _, _, segment, stop = next(e for e in elements(data, 0, len(data)) if e[0] == SEGMENT)
    inner = list(elements(data, segment, stop))
    at = max(end for ident, _, _, end in inner if ident == CLUSTER)
    more = SIZE - len(data)
    void = more - len(_element(CLUSTER, 0)) - len(LATE) - len(_element(VOID, 0))
    cluster = LATE + _element(VOID, void)
    head = bytearray(data[:at]) + _element(CLUSTER, len(cluster) + void) + cluster
    _lengthen_segment(head, segment, stop - segment + more)
    seek_head = next(item for item in inner if item[0] == SEEK_HEAD)
    gap = next(item for item in inner if item[0] == VOID and item[1] == seek_head[3])
    head[seek_head[1] : gap[3]] = _seek_head(data, seek_head, gap[3], at - segment, more)
    with target.open("wb") as file:
        file.write(head)
        file.seek(at + more)
        file.write(data[at:])
    expect(target.stat().st_size == SIZE, "it has another size")
    expect(_defaults(target), "ffprobe does not know it")


def _defaults(path: Path) -> list[int]:
    """Return each stream's default flag; mkvmerge would read the whole file for it."""
    argv = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "stream_disposition=default"]
    done = subprocess.run([*argv, path], capture_output=True, check=True)
    return [stream["disposition"]["default"] for stream in json.loads(done.stdout)["streams"]]


def _lengthen_segment(head: bytearray, segment: int, size: int) -> None:
    expect(head[segment - 8] == 1, "the segment's size is not of eight bytes")
    head[segment - 8 : segment] = (size | 1 << 56).to_bytes(8, "big")


def _element(ident: int, size: int) -> bytes:
    """Return the start of an element, with a size of eight bytes."""
    return ident.to_bytes((ident.bit_length() + 7) // 8, "big") + (size | 1 << 56).to_bytes(
        8, "big"
    )


def _seek_head(
    data: bytes, old: tuple[int, int, int, int], stop: int, behind: int, by: int
) -> bytes:
    """Return the SeekHead with moved positions behind the clusters, and a void up to ``stop``."""
    entries = b""
    for _, _, body, end in elements(data, old[2], old[3]):
        fields = {ident: data[at:until] for ident, _, at, until in elements(data, body, end)}
        position = int.from_bytes(fields[SEEK_POSITION], "big")
        position += by if position >= behind else 0
        seek = _element(SEEK_ID, len(fields[SEEK_ID])) + fields[SEEK_ID]
        seek += _element(SEEK_POSITION, 8) + position.to_bytes(8, "big")
        entries += _element(SEEK, len(seek)) + seek
    made = _element(SEEK_HEAD, len(entries)) + entries
    rest = stop - old[1] - len(made) - 9
    expect(rest >= 0, "the new SeekHead has no room")
    return made + _element(VOID, rest) + bytes(rest)


def clones(bench: Bench) -> None:
    """Where files can be cloned, a header edit edits a clone and replaces the file with it."""
    for kind, size in (("xfs", 320 << 20), ("btrfs", 256 << 20))[: bench.scale(1, 2)]:
        with mounted(bench.folder, kind, size) as point, bench.trial(f"clone on {kind}"):
            rig = bench.rig()
            path = rig.add("wrong-flags.mkv", point)
            # So large that a second copy would not fit.
            padding = point / "padding"
            free = os.statvfs(point).f_bavail * os.statvfs(point).f_frsize
            with padding.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, free - (24 << 20)))
            before, digest = path.stat(), sha(path)
            ended = rig.process(HEADER, point)
            expect(ended.status(path.name) == "changed", f"{ended}")
            expect(path.stat().st_ino != before.st_ino, "it was edited in place")
            expect(sha(path) != digest, "it was not changed")
            facts(path)
            expect(not litter(point), "left behind")
