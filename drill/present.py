"""The path is never absent, in a thousand replacements and in real runs."""

from __future__ import annotations

import os
from pathlib import Path

from drill.bench import Bench, Watch, expect
from drill.killed import WORKS
from vpo.execute import publish
from vpo.execute.lock import FileLock
from vpo.execute.workspace import Workspace


def replacements(bench: Bench) -> None:
    """Replace files with vpo's own function, as fast as possible."""
    total = bench.scale(200, 1000)
    paths = [bench.folder / f"{name}.mkv" for name in "abc"]
    for path in paths:
        path.write_bytes(b"0")
    with bench.trial("replacements", total), Watch([[path] for path in paths], pause=0) as watch:
        for number in range(total):
            path = paths[number % len(paths)]
            _replace(path, str(number).encode())
            expect(path.read_bytes() == str(number).encode(), f"{path.name} was not replaced")
    expect(not watch.absent, f"gone for a moment: {watch.absent}")
    expect(not list(bench.folder.glob(".vpo-*")), "left behind")
    bench.remarks.append(f"{watch.looks} looks during {total} replacements")


def _replace(path: Path, content: bytes) -> None:
    with FileLock(os.fspath(path)) as lock, Workspace(os.fspath(path.parent), 0o644) as workspace:
        os.pwrite(workspace.fd, content, 0)
        publish.replace_original(lock, workspace, os.fspath(path))


def runs(bench: Bench) -> None:
    """Watch the paths in real runs of every kind."""
    for number in range(bench.scale(1, 20)):
        for work in WORKS if not bench.short else WORKS[:1]:
            with bench.trial(f"run {number}, {work.name}"):
                rig = work.rig(bench)
                names = [work.names(path) for path in work.paths(rig)]
                with Watch(names, pause=0) as watch:
                    ended = rig.process(work.policy)
                expect(ended.rc == 0, f"{ended}")
                expect(watch.looks, "nobody looked")
                expect(not watch.absent, f"gone for a moment: {watch.absent}")
                rig.throw_away()
