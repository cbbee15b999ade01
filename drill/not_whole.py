"""Files that are not whole: cut off, with zeros or other bits in them; and whole ones beside them."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.reading import read, stream_hashes

from drill.bench import Bench, Ended, Rig, expect
from drill.checks import database_sound, hashes, litter, sha
from drill.damaged import all_packets, sources
from drill.policies import CONTAINER, HEADER, REMUX, TRANSCODE

BATCH = 25
POLICIES = {
    "header edit": HEADER,
    "remux": REMUX,
    "container change": CONTAINER,
    "encode": TRANSCODE,
}
_PIECE = 1 << 16
"""Bytes of the smallest source: in a smaller one, a hole can lie within one packet."""
_LEAST = 0.05
"""The smallest part of a file that is taken away."""

Damage = Callable[[bytes, random.Random], bytes]


def _cut_off(data: bytes, chance: random.Random) -> bytes:
    return data[: int(len(data) * chance.uniform(_LEAST, 1 - _LEAST))]


def _zero_tail(data: bytes, chance: random.Random) -> bytes:
    return _cut_off(data, chance).ljust(len(data), b"\0")


def _hole(data: bytes, chance: random.Random) -> bytes:
    """Zeros in the middle: pieces of a download that are not there yet."""
    size = int(len(data) * chance.uniform(_LEAST, 0.4))
    at = chance.randrange(len(data) // 10, len(data) - size)
    return data[:at] + bytes(size) + data[at + size :]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    """Other bits: what a bad disk or memory makes of a file."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 5, 20))):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


DAMAGES: tuple[Damage, ...] = (_cut_off, _zero_tail, _hole, _flipped)


def damaged(bench: Bench) -> None:
    """No file that is not whole is changed.

    Other bits within a packet are for a decoder to find. Such a file may be changed if every packet
    is still there.
    """
    found = [path for path in sources(bench) if path.stat().st_size >= _PIECE]
    total = bench.scale(8, 500)
    refused = 0
    for begin in range(0, total, BATCH):
        kind = list(POLICIES)[begin // BATCH % len(POLICIES)] if not bench.short else "remux"
        rig = bench.rig()
        made = _make(bench, rig, found, min(BATCH, total - begin))
        with bench.trial(f"batch {begin // BATCH}, {kind}", len(made)):
            refused += _run(bench, rig, kind, made)
        rig.throw_away()
    bench.remarks.append(f"{refused} failed")


def _make(bench: Bench, rig: Rig, found: list[Path], count: int) -> dict[Path, Path]:
    """Write damaged files into the library; return the source of each."""
    made = {}
    for number in range(count):
        source = bench.random.choice(found)
        damage = bench.random.choice(DAMAGES)
        path = rig.library / f"{number:03} {damage.__name__} {source.stem}{source.suffix.lower()}"
        path.write_bytes(damage(source.read_bytes(), bench.random))
        made[path] = source
    return made


def _run(bench: Bench, rig: Rig, kind: str, made: Mapping[Path, Path]) -> int:
    before = hashes(sorted(rig.library.iterdir()))
    harmless = {path for path in before if _is_harmless(path, made[path])}
    ended = rig.process(POLICIES[kind], limit=600)
    expect("Traceback" not in ended.stderr, f"{ended}")
    for path, digest in before.items():
        with bench.trial(f"{kind}, {path.name}", 0):
            if _flipped.__name__ in path.name:
                _nothing_lost(ended, path, digest, made[path])
            elif path not in harmless:
                _same(ended, path, digest)
    expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
    database_sound(rig)
    return sum(ended.status(path.name) == "failed" for path in before)


def _is_harmless(path: Path, source: Path) -> bool:
    """Return whether only padding was damaged: every packet is still the same.

    Zeros within the packets of uncompressed sound are silence: nobody can know that they are none.
    """
    try:
        raw = any(track.codec.startswith("pcm_") for track in read(source).tracks)
        maps = ("0:v?", "0:s?") if raw else ("0",)
        return stream_hashes(path, maps) == stream_hashes(source, maps)
    except (AssertionError, subprocess.CalledProcessError):
        return False


def _same(ended: Ended, path: Path, digest: str) -> None:
    status = ended.status(path.name)
    if status == "changed" and ended.files[path.name]["strategy"] == "header":
        return  # an edit of the header moves no packet
    expect(status in ("failed", "unchanged"), f"is {status}")
    expect(path.exists() and sha(path) == digest, f"is {status}, and was changed")


def _nothing_lost(ended: Ended, path: Path, digest: str, source: Path) -> None:
    outcome = ended.files.get(path.name, {})
    if ended.status(path.name) != "changed" or outcome["strategy"] == "header":
        _same(ended, path, digest)
        return
    encoded = bool((outcome["proof"] or {}).get("encoded_streams"))
    all_packets(source, Path(outcome["new_path"] or path), outcome, encoded)


def _complains(path: Path) -> bool:
    """Return whether ffmpeg reports an error when it reads all packets."""
    words = ("-nostdin", "-v", "error", "-i", path, "-map", "0", "-c", "copy", "-f", "streamhash")
    done = subprocess.run(["ffmpeg", *words, "-"], capture_output=True, check=False)
    return bool(done.stderr)


def whole(bench: Bench) -> None:
    """Whole files are never refused as damaged, however unusual they are.

    Among further media there may be damaged ones: those of which ffmpeg says so, too.
    """
    found = sources(bench)
    chosen = found if not bench.short else bench.random.sample(found, 6)
    for kind in ("remux", "container change")[: bench.scale(1, 2)]:
        rig = bench.rig()
        for number, source in enumerate(chosen):
            (rig.library / f"{number:03} {source.name}").write_bytes(source.read_bytes())
        ended = rig.process(POLICIES[kind], limit=600)
        for path in sorted(rig.library.iterdir()):
            with bench.trial(f"{kind}, {path.name}"):
                error = ended.error(path.name)
                expect("DamagedError" not in error or _complains(path), error)
        rig.throw_away()
