"""The source is changed or removed during processing: changes by others are never overwritten."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from drill.bench import Bench, Ended, Rig, Started, expect, until
from drill.checks import database_sound, litter, sha
from drill.mounts import mounted
from drill.policies import CONTAINER, HEADER, NOTHING, REMUX

HOLD = ': > "$here/running"; until [ -e "$here/go" ]; do sleep 0.05; done; exec real'
WORKS = {
    "remux": ("mkvmerge", REMUX, "multi-audio.mkv"),
    "MP4 to MKV": ("ffmpeg", CONTAINER, "mov-text.mp4"),
    "header edit": ("mkvpropedit", HEADER, "wrong-flags.mkv"),
}
MEBIBYTE = 1 << 20


def changing(bench: Bench) -> None:
    """Another program changes the file while the tool runs."""
    changes: dict[str, Callable[[Rig, Path], Callable[[Ended], None]]] = {
        "replaced": _replaced,
        "appended to": _appended,
        "deleted": _deleted,
        "made read-only": _read_only,
        "renamed": _renamed,
        "folder removed": _folder_removed,
        "folder renamed": _folder_renamed,
    }
    works = list(WORKS.items())
    for name, change in changes.items():
        for work, (tool, policy, sample) in works[: bench.scale(1, 3)]:
            with bench.trial(f"{name}, {work}"):
                _trial(bench, tool, policy, sample, change)


def _held(rig: Rig, tool: str, policy: str) -> Started:
    rig.fake_tool(tool, HOLD)
    vpo = rig.start(*rig.words(policy))
    until((rig.folder / "running").exists, f"{tool} was not started")
    return vpo


def _trial(
    bench: Bench,
    tool: str,
    policy: str,
    sample: str,
    change: Callable[[Rig, Path], Callable[[Ended], None]],
) -> None:
    rig = bench.rig()
    path = rig.add(sample, rig.library / "show")
    vpo = _held(rig, tool, policy)
    judge = change(rig, path)
    (rig.folder / "go").touch()
    ended = vpo.end()
    expect("unexpected" not in ended.error(path.name), ended.error(path.name))
    judge(ended)
    rig.process(NOTHING)
    expect(not litter(rig.folder), f"left behind: {litter(rig.folder)}")
    database_sound(rig)
    rig.throw_away()


def _recorded(ended: Ended, path: Path) -> None:
    expect(ended.status(path.name) in ("failed", "skipped"), f"{ended}")
    error = ended.error(path.name)
    expect(error, "no reason is given")


def _replaced(rig: Rig, path: Path) -> Callable[[Ended], None]:
    new = rig.folder / "new"
    new.write_bytes(b"another program's file")
    new.replace(path)

    def judge(ended: Ended) -> None:
        _recorded(ended, path)
        expect(path.read_bytes() == b"another program's file", "the new file was overwritten")
        expect(len(list(path.parent.iterdir())) == 1, "a second file was put beside it")

    return judge


def _appended(rig: Rig, path: Path) -> Callable[[Ended], None]:  # noqa: ARG001
    with path.open("ab") as file:
        file.write(b"more")
    digest = sha(path)

    def judge(ended: Ended) -> None:
        _recorded(ended, path)
        expect(sha(path) == digest, "what was appended is gone")

    return judge


def _deleted(rig: Rig, path: Path) -> Callable[[Ended], None]:  # noqa: ARG001
    path.unlink()

    def judge(ended: Ended) -> None:
        _recorded(ended, path)
        expect(not list(path.parent.iterdir()), "a deleted file came back")

    return judge


def _read_only(rig: Rig, path: Path) -> Callable[[Ended], None]:  # noqa: ARG001
    digest = sha(path)
    path.chmod(0o444)

    def judge(ended: Ended) -> None:
        there = Path(ended.files[path.name]["new_path"] or path)
        expect(there.stat().st_mode & 0o777 == 0o444, "it is not read-only any more")
        if ended.status(path.name) != "changed":
            _recorded(ended, path)
            expect(sha(path) == digest, "it was changed")

    return judge


def _renamed(rig: Rig, path: Path) -> Callable[[Ended], None]:  # noqa: ARG001
    digest = sha(path)
    new = path.with_name(f"new-{path.name}")
    path.rename(new)

    def judge(ended: Ended) -> None:
        _recorded(ended, path)
        expect(sha(new) == digest, "it was changed under its new name")
        expect(list(path.parent.iterdir()) == [new], "its old name came back")

    return judge


def _folder_removed(rig: Rig, path: Path) -> Callable[[Ended], None]:  # noqa: ARG001
    shutil.rmtree(path.parent)

    def judge(ended: Ended) -> None:
        _recorded(ended, path)
        expect(not path.parent.exists(), "the folder came back")

    return judge


def _folder_renamed(rig: Rig, path: Path) -> Callable[[Ended], None]:  # noqa: ARG001
    digest = sha(path)
    new = path.parent.with_name("new show")
    path.parent.rename(new)

    def judge(ended: Ended) -> None:
        _recorded(ended, path)
        expect(sha(new / path.name) == digest, "it was changed in its new folder")

    return judge


def mount_gone(bench: Bench) -> None:
    """The library's file system disappears during processing, and before it."""
    for work, (tool, policy, sample) in list(WORKS.items())[: bench.scale(1, 3)]:
        with mounted(bench.folder, "ext4", 16 * MEBIBYTE) as point, bench.trial(f"gone, {work}"):
            rig = bench.rig()
            path = rig.add(sample, point)
            # A second place of the same file system, to look at it when the first is gone.
            behind = rig.folder / "behind"
            behind.mkdir()
            subprocess.run(["mount", "--bind", point, behind], check=True)
            digest = sha(path)
            try:
                rig.fake_tool(tool, HOLD)
                vpo = rig.start(*rig.words(policy), point)
                until((rig.folder / "running").exists, f"{tool} was not started")
                subprocess.run(["umount", "-l", point], check=True)
                (rig.folder / "go").touch()
                ended = vpo.end()
                _recorded(ended, path)
                expect("unexpected" not in ended.error(path.name), ended.error(path.name))
                expect(not list(point.iterdir()), "something was put where the mount was")
                expect(sha(behind / path.name) == digest, "the file was changed")
                rig.process(NOTHING, behind)
                expect(not litter(behind), f"left behind: {litter(behind)}")
                gone = rig.process(NOTHING, point)
                expect(gone.rc in (0, 1), f"{gone}")
                database_sound(rig)
            finally:
                subprocess.run(["umount", behind], capture_output=True, check=False)
