"""Odd files: names, links, pipes, folders that look like files, owners, permissions and attributes."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
from pathlib import Path

from drill.bench import Bench, Ended, Rig, Skip, expect
from drill.checks import database_sound, facts, litter, sha
from drill.policies import CONTAINER, HEADER, REMUX

MKV, MP4 = "multi-audio.mkv", "mov-text.mp4"
NAMES = (
    b"-o.%s",
    b"--help.%s",
    b"'single' \"double\" `back` $(touch x) $HOME;&|.%s",
    b"two\nlines.%s",
    b"tab\tand\rreturn.%s",
    b"\x1b[31mred.%s",
    "emoji \U0001f3ac\U0001f468\u200d\U0001f469\u200d\U0001f467.%s".encode(),
    b"latin-1 \xe9\xff.%s",
    b"%%d %%s %%.%s",
    b"@options.%s",
    b"http:x.%s",
    b"concat:a|b.%s",
    b"(brackets) [0-9] {a,b} *?.%s",
    b" .%s",
    b"a.b.c.mkv.%s",
    b"back\\slash.%s",
)
STRANGER = 12345
"""A user who is not there."""
_ENTRIES = (
    (0x01, 6, 0xFFFFFFFF),
    (0x02, 6, STRANGER),
    (0x04, 4, 0xFFFFFFFF),
    (0x10, 6, 0xFFFFFFFF),
)
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry) for entry in (*_ENTRIES, (0x20, 0, 0xFFFFFFFF))
)
"""Owner, the stranger, group, mask, others, as Linux stores them (linux/posix_acl_xattr.h)."""


def names(bench: Bench) -> None:
    """A file with any name is processed, and keeps its name."""
    works = {"header edit": (HEADER, MKV), "remux": (REMUX, MKV), "MP4 to MKV": (CONTAINER, MP4)}
    for work, (policy, sample) in list(works.items())[: bench.scale(1, 3)]:
        rig = bench.rig()
        suffix = sample[-3:].encode()
        longest = b"x" * (255 - 4) + b".%s"
        wanted = [name.replace(b"%s", suffix).replace(b"%%", b"%") for name in (*NAMES, longest)]
        for name in wanted:
            path = os.path.join(os.fsencode(rig.library), name)
            shutil.copyfile(os.fsencode(bench.corpus / sample), path)
        ended = rig.process(policy)
        for name in wanted:
            with bench.trial(f"{work} of {name[:60]!r}"):
                old = Path(os.fsdecode(os.path.join(os.fsencode(rig.library), name)))
                new = old.with_suffix(".mkv") if policy is CONTAINER else old
                expect(ended.status(old.name) == "changed", f"{ended.error(old.name) or ended}")
                expect(new.exists(), "it has another name now")
                expect(facts(new)[0] == "mkv", "it is no Matroska file")
        with bench.trial(f"{work} of odd names, what is left"):
            expect(len(os.listdir(rig.library)) == len(wanted), f"{os.listdir(rig.library)}")
            database_sound(rig)


def too_long(bench: Bench) -> None:
    """A name that would become too long."""
    with bench.trial("a name of 255 bytes with a suffix that is to become longer"):
        rig = bench.rig("x" * 252 + ".ts=broadcast.ts")
        path = next(rig.library.iterdir())
        digest = sha(path)
        ended = rig.process(CONTAINER)
        expect(ended.status(path.name) == "failed", f"{ended}")
        expect("unexpected" not in ended.error(path.name), ended.error(path.name))
        expect(sha(path) == digest and not litter(rig.library), "changed, or something was left")


def links(bench: Bench) -> None:
    """Symbolic links stay links; loops end; their targets are processed once."""
    with bench.trial("symbolic links and loops"):
        rig = bench.rig(MKV)
        outside = rig.add("outside.mkv=multi-audio.mkv", rig.folder / "elsewhere")
        library = rig.library
        (library / "link.mkv").symlink_to(outside)
        (library / "link again.mkv").symlink_to(library / MKV)
        (library / "broken.mkv").symlink_to("nowhere.mkv")
        (library / "a.mkv").symlink_to("b.mkv")
        (library / "b.mkv").symlink_to("a.mkv")
        (library / "round").symlink_to(library)
        (library / "up").symlink_to("..")
        ended = rig.process(REMUX)
        changed = sorted(n for n, f in ended.files.items() if f["status"] == "changed")
        expect(changed == [MKV, "outside.mkv"], f"changed: {changed}; {ended}")
        expect(os.readlink(library / "link.mkv") == str(outside), "the link is another")
        expect((library / "link again.mkv").is_symlink(), "the link is none any more")
        for path in (outside, library / MKV):
            expect(not path.is_symlink(), f"{path.name} has become a link")
            facts(path)
        for name in ("broken.mkv", "a.mkv", "b.mkv"):
            expect((library / name).is_symlink(), f"{name} is gone")
        expect(not litter(rig.folder), "left behind")


def hard_links(bench: Bench) -> None:
    """[files] hardlinks: the other names keep the old content, share the new, or the file is skipped."""
    for work, policy in (("header edit", HEADER), ("remux", REMUX)):
        for mode in ("replace", "skip", "edit"):
            with bench.trial(f"hardlinks = {mode}, {work}"):
                _hard_link(bench, mode, work, policy)


def _hard_link(bench: Bench, mode: str, work: str, policy: str) -> None:
    rig = bench.rig(MKV)
    rig.configure(files=f'hardlinks = "{mode}"')
    path, other = rig.library / MKV, rig.folder / "other"
    os.link(path, other)
    digest = sha(path)
    ended = rig.process(policy)
    state = ended.status(MKV)
    if mode == "skip":
        expect(state == "skipped" and "hard links" in ended.error(MKV), f"{ended}")
        expect(sha(path) == digest and path.samefile(other), "it was changed")
    elif mode == "edit" and work == "header edit":
        expect(state == "changed" and path.samefile(other), "the names are two files now")
        expect(sha(path) != digest, "it was not changed")
        facts(path)
    else:
        expect(state == "changed" and not path.samefile(other), "the other name was changed, too")
        expect(sha(other) == digest, "the other name has lost its content")
        facts(path)
    expect(not litter(rig.library), "left behind")


def not_files(bench: Bench) -> None:
    """Pipes, sockets, devices and folders with names of videos are reported and skipped."""
    with bench.trial("FIFO, socket, device, folder"):
        rig = bench.rig(MKV)
        os.mkfifo(rig.library / "pipe.mkv")
        (rig.library / "folder.mkv").mkdir()
        rig.add("inside.mkv=multi-audio.mkv", rig.library / "folder.mkv")
        with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as stack:
            here = os.open(rig.library, os.O_RDONLY)
            stack.callback(os.close, here)
            server.bind(f"/proc/self/fd/{here}/socket.mkv")
            ended = rig.process(REMUX, limit=30)
        for name in (MKV, "inside.mkv"):
            expect(ended.status(name) == "changed", f"{name}: {ended}")
        for name in ("pipe.mkv", "socket.mkv"):
            expect(ended.status(name) in ("failed", "skipped"), f"{name}: {ended.status(name)}")
            expect("regular file" in ended.error(name), ended.error(name))
        expect((rig.library / "pipe.mkv").is_fifo(), "the pipe is gone")


def rights(bench: Bench) -> None:
    """Folders and files without write permission stay unchanged, with a reason."""
    drop = _without_privileges()
    works = {"header edit": HEADER, "remux": REMUX}
    for work, policy in list(works.items())[: bench.scale(1, 2)]:
        with bench.trial(f"read-only file, {work}"):
            rig = bench.rig(MKV)
            path = rig.library / MKV
            path.chmod(0o444)
            _refused(rig, rig.process(policy), path, sha(bench.corpus / MKV))
        with bench.trial(f"read-only folder, {work}"):
            rig = bench.rig(MKV)
            path = rig.library / MKV
            os.chown(rig.library, STRANGER, STRANGER)
            rig.library.chmod(0o555)
            ended = rig.run(*rig.words(policy), before=drop)
            _refused(rig, ended, path, sha(bench.corpus / MKV))
        with bench.trial(f"another owner's file, {work}"):
            rig = bench.rig(MKV)
            path = rig.library / MKV
            os.chown(path, STRANGER, STRANGER)
            path.chmod(0o644)
            ended = rig.run(*rig.words(policy), before=drop)
            if ended.status(MKV) != "changed":
                _refused(rig, ended, path, sha(bench.corpus / MKV))
            else:
                # It was replaced, which the folder's owner may; that its owner is lost is told.
                facts(path)
                said = " ".join(ended.files[MKV]["warnings"])
                expect(path.stat().st_uid == STRANGER or "owner" in said, f"not told: {said!r}")
    with bench.trial("a folder that cannot be read"):
        rig = bench.rig(MKV)
        secret = rig.library / "secret"
        rig.add("hidden.mkv=multi-audio.mkv", secret)
        os.chown(secret, STRANGER, STRANGER)
        secret.chmod(0o700)
        ended = rig.run(*rig.words(REMUX), before=drop)
        expect(ended.status(MKV) == "changed", f"{ended}")
        expect("cannot be read" in ended.error("secret"), f"not told: {ended}")


def _refused(rig: Rig, ended: Ended, path: Path, digest: str) -> None:
    expect(ended.status(path.name) in ("failed", "skipped"), f"{ended}")
    error = ended.error(path.name)
    expect(error and "unexpected" not in error, f"the reason: {error!r}")
    expect(sha(path) == digest, "it was changed")
    expect(not litter(rig.library), "left behind")


def _without_privileges() -> tuple[str, ...]:
    """Return the prefix of a command that drops root's privileges."""
    if os.geteuid() != 0:
        raise Skip("changing owners needs root")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Skip("setpriv is not installed")
    lost = "-dac_override,-dac_read_search,-fowner,-chown"
    return (setpriv, "--bounding-set", lost, "--inh-caps", lost, "--")


def attributes(bench: Bench) -> None:
    """Owner, mode, times, extended attributes and ACLs are kept."""
    works = {
        "header edit": (HEADER, MKV),
        "remux": (REMUX, MKV),
        "MP4 to MKV": (CONTAINER, MP4),
    }
    for work, (policy, sample) in works.items():
        for keep in (True, False):
            with bench.trial(f"{work}, preserve_mtime = {str(keep).lower()}"):
                _attributes(bench, policy, sample, keep)


def _attributes(bench: Bench, policy: str, sample: str, keep: bool) -> None:
    rig = bench.rig(sample)
    rig.configure(files=f"preserve_mtime = {str(keep).lower()}")
    path = rig.library / sample
    owned = os.geteuid() == 0
    if owned:
        os.chown(path, STRANGER, STRANGER + 1)
    path.chmod(0o640)
    wanted = {"user.rating": b"five", "system.posix_acl_access": ACL}
    there = {name for name, value in wanted.items() if _set(bench, path, name, value)}
    then = 1_000_000_000_123_456_789
    os.utime(path, ns=(then, then))
    before = path.stat()
    ended = rig.process(policy)
    expect(ended.status(sample) == "changed", f"{ended}")
    now = Path(ended.files[sample]["new_path"] or path)
    after = now.stat()
    expect(after.st_mode == before.st_mode, f"mode {before.st_mode:o} became {after.st_mode:o}")
    if owned:
        expect((after.st_uid, after.st_gid) == (STRANGER, STRANGER + 1), "another owner")
    expect((after.st_mtime_ns == then) == keep, f"modified at {after.st_mtime_ns}")
    for name in there:
        expect(os.getxattr(now, name) == wanted[name], f"{name} is another")
    rig.throw_away()


def _set(bench: Bench, path: Path, name: str, value: bytes) -> bool:
    """Set an attribute; return whether the system and file system support it."""
    try:
        os.setxattr(path, name, value)
    except (AttributeError, OSError) as error:
        bench.skipped.append(f"{name}: {error}")
        return False
    return True
