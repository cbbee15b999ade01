"""Disk full: too small from the beginning, filled midway, the database's disk, keep_free."""

from __future__ import annotations

import shlex
from pathlib import Path

from drill.bench import Bench, Ended, Rig, expect
from drill.checks import database_sound, facts, hashes, litter, sha, unchanged
from drill.mounts import fill, mounted
from drill.policies import CONTAINER, HEADER, REMUX

WORKS = {
    "remux with mkvmerge": ("mkvmerge", REMUX, "multi-audio.mkv"),
    "MP4 to MKV": ("ffmpeg", CONTAINER, "mov-text.mp4"),
    "header edit": ("mkvpropedit", HEADER, "many-tracks.mkv"),
}
MEBIBYTE = 1 << 20


def full(bench: Bench) -> None:
    """The file without enough free space fails with that reason; the others are processed."""
    kinds = ("tmpfs",) if bench.short else ("tmpfs", "ext4")
    for kind in kinds:
        with mounted(bench.folder, kind, 8 * MEBIBYTE) as small:
            for number, (name, (tool, policy, sample)) in enumerate(WORKS.items()):
                if bench.short and number > 0:
                    break
                for midway in (False, True):
                    when = "midway" if midway else "from the beginning"
                    with bench.trial(f"{name}, {kind}, {when}"):
                        _full(bench, small / f"{number}{midway}", tool, policy, sample, midway)


def _full(bench: Bench, small: Path, tool: str, policy: str, sample: str, midway: bool) -> None:
    rig = bench.rig(f"other-{sample}={sample}")
    rig.configure(processing="workers = 1")
    path = rig.add(sample, small)
    before = hashes([path])
    if midway:
        # Only for the file on the small file system: the other one is to succeed.
        rig.fake_tool(tool, _TAKE.format(small=shlex.quote(str(small))))
    else:
        fill(small)
    try:
        ended = rig.process(policy, "--order", "name", small)
    finally:
        (small / "fill").unlink(missing_ok=True)
    unchanged(before)
    expect(ended.rc == 1, f"{ended}")
    error = ended.error(sample)
    expect("SpaceError" in error and "free" in error, f"the reason is {error or ended}")
    expect(ended.status(f"other-{sample}") == "changed", f"the other file: {ended}")
    expect(not litter(small, rig.library), f"left behind: {litter(small)}")
    database_sound(rig)
    if midway:
        (rig.folder / "stand-ins" / tool).unlink()
    again = rig.process(policy, "--force", small)
    expect(again.status(sample) == "changed", f"with room again: {again}")
    rig.throw_away()


_TAKE = """\
case "$*" in *{small}*|*/proc/self/fd/*) head -c 100000000 /dev/zero > {small}/fill 2>/dev/null;; esac
exec real"""


def keep_free(bench: Bench) -> None:
    """[files] keep_free is never used, not even by an undo file."""
    for name, policy, sample in (
        ("remux", REMUX, "multi-audio.mkv"),
        ("header edit", HEADER, "wrong-flags.mkv"),
    ):
        with bench.trial(f"keep_free, {name}"):
            rig = bench.rig(sample)
            rig.configure(files='keep_free = "900000GB"')
            before = hashes([rig.library / sample])
            ended = rig.process(policy)
            unchanged(before)
            expect("keep_free" in ended.error(sample), f"the reason is {ended.error(sample)!r}")
            rig.configure(files='keep_free = "1MB"')
            expect(rig.process(policy).status(sample) == "changed", "with room it is not done")
            rig.throw_away()


def database(bench: Bench) -> None:
    """If the database's disk is full, media are still processed correctly."""
    with mounted(bench.folder, "tmpfs", MEBIBYTE) as small:
        with bench.trial("database's disk full from the beginning"):
            rig, before = _rig(bench)
            fill(small)
            ended = _run(rig, small)
            unchanged(before)
            expect(ended.rc == 1 and "space" in ended.stderr, f"not told: {ended}")
            (small / "fill").unlink()
        with bench.trial("database's disk full midway"):
            rig, before = _rig(bench)
            rig.fake_tool("mkvmerge", f"head -c 10000000 /dev/zero > {small}/fill; exec real")
            ended = _run(rig, small)
            expect(ended.rc == 1 and "space" in ended.stderr, f"not told: {ended}")
            for path, digest in before.items():
                if sha(path) != digest:
                    facts(path)
            expect(not litter(rig.library), f"left behind: {litter(rig.library)}")
            (small / "fill").unlink()
            (rig.folder / "stand-ins" / "mkvmerge").unlink()
            again = _run(rig, small)
            expect(again.rc == 0, f"with room again: {again}")
            for path in before:
                facts(path)


def _rig(bench: Bench) -> tuple[Rig, dict[Path, str]]:
    rig = bench.rig(*(f"{letter}.mkv=multi-audio.mkv" for letter in "abc"))
    return rig, hashes(sorted(rig.library.iterdir()))


def _run(rig: Rig, small: Path) -> Ended:
    return rig.run(*rig.words(REMUX), env={"VPO_DATA_DIR": str(small / "data")})
