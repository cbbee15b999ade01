"""Hostile folder: another user may write to the library, which vpo processes as root."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from pathlib import Path

from tests.unsized import without_size

from drill.bench import Bench, Rig, Skip, expect
from drill.checks import sha, unchanged
from drill.policies import HEADER, NOTHING, REMUX

_NOBODY = 65534
_NAME = ".vpo-" + "0123456789abcdef" * 2
_KEPT = "01234567-89ab-cdef-0123-456789abcdef.1.2.3.mkv"
_WRITTEN = b"written by nobody"


def hostile(bench: Bench) -> None:
    """Files with vpo's names, of another user, and folders that become links in the midst."""
    if os.geteuid() != 0:
        raise Skip("changing owners needs root")
    for name, attack in {"undo file": _undo, "note": _note, "originals": _originals}.items():
        with bench.trial(f"{name} of another user"):
            rig = bench.rig("film.mkv=multi-audio.mkv", "other.mkv=wrong-flags.mkv")
            rig.library.chmod(0o1777)
            attack(rig)
            before = {path: sha(path) for path in rig.folder.rglob("*.mkv")}
            for words in (rig.library, rig.library / "film.mkv"):
                wanted = rig.policy(NOTHING)
                ended = rig.run("process", "--format", "jsonl", "-R", "-p", wanted, words)
                expect(ended.rc == 0, f"{ended}")
            unchanged(before)
            rig.throw_away()
    for keep in ("none", "trash"):
        for policy in (HEADER, REMUX):
            with bench.trial(f"folder swapped for a link, originals: {keep}"):
                _swapped(bench, policy, keep)


def _undo(rig: Rig) -> None:
    film = rig.library / "film.mkv"
    content, status = film.read_bytes(), film.stat()
    old = content[40000 : 40000 + len(_WRITTEN)]
    header = {
        "name": base64.b64encode(b"film.mkv").decode(),
        "inode": status.st_ino,
        "size": status.st_size,
        "length": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "atime_ns": status.st_atime_ns,
        # What is there counts as written by the edit, and is to be "rolled back".
        "patches": [(40000, len(_WRITTEN), len(old))],
    }
    body = json.dumps(header).encode() + b"\n" + _WRITTEN + old
    digest = hashlib.sha256(body).hexdigest().encode()
    _theirs(rig.library / f"{_NAME}.undo", b"vpo undo 2\n" + digest + b"\n" + body)


def _note(rig: Rig) -> None:
    victim = (rig.library / "other.mkv").stat()
    note = {
        "source": base64.b64encode(b"film.mkv").decode(),
        "target": base64.b64encode(b"other.mkv").decode(),
        "inode": victim.st_ino,
        "size": victim.st_size,
        "mtime_ns": victim.st_mtime_ns,
        "part": base64.b64encode(f"{_NAME}.part".encode()).decode(),
    }
    _theirs(rig.library / f"{_NAME}.rename", json.dumps(note).encode())


def _originals(rig: Rig) -> None:
    elsewhere = rig.folder / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(rig.library / "film.mkv", elsewhere / _KEPT)
    (rig.library / ".vpo-originals").symlink_to(elsewhere)
    rig.configure(originals='max_size = "1 B"')


def _theirs(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.chown(path, _NOBODY, _NOBODY)


def _swapped(bench: Bench, policy: str, keep: str) -> None:
    """The tool's stand-in swaps the folder for a link to another one, where the film is another."""
    rig = bench.rig("show/film.mkv=multi-audio.mkv")
    rig.configure(originals=f'keep = "{keep}"')
    if policy == HEADER:
        without_size(rig.library / "show" / "film.mkv")
    show, victim = rig.library / "show", rig.folder / "victim"
    victim.mkdir()
    shutil.copyfile(show / "film.mkv", victim / "film.mkv")
    for tool in ("mkvpropedit", "mkvmerge"):
        script = f"mv '{show}' '{rig.folder}/moved'; ln -s '{victim}' '{show}'"
        rig.fake_tool(
            tool,
            f'(exec real)\nstatus=$?\ncase "$*" in *-V*|*--version*) ;; *) {script};; esac\nexit $status',
        )
    before = {path: sha(path) for path in (show / "film.mkv", victim / "film.mkv")}
    ended = rig.process(policy)
    expect(ended.status("film.mkv") in ("failed", "skipped"), f"{ended}")
    expect(os.listdir(victim) == ["film.mkv"], f"there is now {os.listdir(victim)}")
    expect(sha(victim / "film.mkv") == before[victim / "film.mkv"], "the other film was changed")
    moved = rig.folder / "moved" / "film.mkv"
    expect(sha(moved) == before[show / "film.mkv"], "the film was changed")
    rig.throw_away()
