"""One file, one plan: choose the tools, run them, verify the result and put it in place."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vpo import tools as processes
from vpo.commands import ffmpeg, mkvmerge, mkvpropedit
from vpo.containers import MATROSKA, container
from vpo.draft import Timestamp
from vpo.errors import PlanError, PublishError
from vpo.execute import publish, undo
from vpo.execute.lock import FileLock
from vpo.execute.space import reserve
from vpo.execute.verify import verify
from vpo.execute.workspace import Workspace
from vpo.media import MediaFile
from vpo.plan import Plan, Strategy
from vpo.prober import Prober
from vpo.tools import Tools

_SLACK = 1 << 20
_REMUX_FACTOR = 1.05

Check = Callable[[MediaFile], None]
"""Raises if the policy is not content with a result that was probed."""


@dataclass(frozen=True)
class Rewriter:
    """How plans are carried out here.

    ``timestamp`` is what becomes of the modification time where the policy does not say.
    ``progress`` is told the part that is done, from 0 to 1.
    """

    tools: Tools
    timestamp: Timestamp = "preserve"
    prober: Prober = field(default_factory=Prober)
    progress: Callable[[float], None] | None = field(default=None, compare=False)

    def strategy(self, plan: Plan) -> Strategy:
        """How this plan is carried out with the tools that are there.

        Raises ``PlanError`` for what no tool here can write, ``ToolMissingError`` where one lacks.
        """
        if plan.strategy == "none":
            return "none"
        if plan.strategy == "header" and self.tools.mkvpropedit:
            return "header"
        if not self._by_mkvmerge(plan):
            self.tools.need("ffmpeg")
            _refuse_what_ffmpeg_loses(plan)
        return "remux" if plan.strategy == "header" else plan.strategy

    def apply(self, plan: Plan, lock: FileLock, check: Check) -> tuple[MediaFile, list[str]]:
        """Carry out the plan on the locked file; the result as probed, and warnings.

        Whatever is raised, the original is byte for byte what it was.
        """
        _refuse_read_only(lock)
        if self.strategy(plan) != "header":
            return self._rewrite(plan, lock, check, self._write)
        ranges = undo.regions(lock.fd) if lock.status.st_nlink == 1 else None
        if ranges is None:
            return self._rewrite(plan, lock, check, self._edit_copy)
        return self._edit(plan, lock, check, ranges), []

    def _by_mkvmerge(self, plan: Plan) -> bool:
        return (
            plan.before.container in MATROSKA
            and plan.before.container == plan.after.container
            and plan.strategy != "transcode"
            and bool(self.tools.mkvmerge)
            and all(track.matroska_id is not None for track in plan.before.tracks)
            and not any(change.kind.startswith("tag:") for change in plan.changes)
            and not any(change.kind == "codec" for change in plan.changes)
        )

    def _rewrite(
        self,
        plan: Plan,
        lock: FileLock,
        check: Check,
        write: Callable[[Plan, FileLock, Workspace], list[str]],
    ) -> tuple[MediaFile, list[str]]:
        folder = os.path.dirname(lock.path)
        size = int(lock.status.st_size * _REMUX_FACTOR) + _SLACK
        with Workspace(folder, lock.status.st_mode) as workspace:
            with reserve(workspace.path, size, processes.is_cancelled):
                warnings = write(plan, lock, workspace)
                found = verify(plan, workspace.path, self.prober)
                check(found)
                warnings += publish.copy_attributes(lock.status, lock.path, workspace.fd)
                publish.set_times(workspace.fd, lock.status, plan.timestamp or self.timestamp)
                publish.replace(lock, workspace, plan.after.path)
            status = os.fstat(workspace.fd)
        return _as_published(found, plan.after.path, status), warnings

    def _write(self, plan: Plan, lock: FileLock, workspace: Workspace) -> list[str]:
        fds = (lock.fd, workspace.fd)
        source, output = _name(lock.path, lock.fd), _name(workspace.path, workspace.fd)
        if self._by_mkvmerge(plan):
            command = mkvmerge.argv(self.tools.need("mkvmerge"), plan, source, output)
            status, said = self._run(
                command, workspace.path, _mkvmerge_progress(self.progress), fds
            )
            return [f"mkvmerge: {line}" for line in _warnings(said)] if status == 1 else []
        covers = self._covers(plan, workspace)
        command = ffmpeg.argv(self.tools.need("ffmpeg"), plan, source, output, covers)
        progress = _ffmpeg_progress(self.progress, plan.before.duration)
        self._run(command, workspace.path, progress, fds, ok=(0,))
        return []

    def _run(
        self,
        command: Sequence[str],
        output: str,
        progress: processes.Progress,
        fds: Sequence[int],
        ok: Sequence[int] = (0, 1),
    ) -> tuple[int, str]:
        return processes.run(
            [os.fsencode(word) for word in command],
            stall_seconds=self.tools.stall_seconds,
            output=output,
            progress=progress,
            ok=ok,
            fds=fds,
        )

    def _covers(self, plan: Plan, workspace: Workspace) -> dict[int, str]:
        if plan.after.container not in MATROSKA:
            return {}
        return {
            item.index: workspace.store(self.prober.picture(plan.before.path, item.index))
            for item in plan.after.attachments
            if item.cover
        }

    def _edit_copy(self, plan: Plan, lock: FileLock, workspace: Workspace) -> list[str]:
        """A header edit on a copy: for hard links, and where an edit in place is not safe."""
        with open(lock.fd, "rb", closefd=False) as source, open(workspace.path, "wb") as copy:
            source.seek(0)
            shutil.copyfileobj(source, copy, 1 << 20)
        self._propedit(plan, workspace.path, workspace.fd)
        return []

    def _edit(
        self, plan: Plan, lock: FileLock, check: Check, ranges: list[tuple[int, int]]
    ) -> MediaFile:
        """A header edit in place, rolled back if anything goes wrong."""
        fd = os.open(lock.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            lock.check()
            saved = undo.save(lock.path, lock.fd, ranges)
            try:
                self._propedit(plan, lock.path, lock.fd)
                found = verify(plan, lock.path, self.prober)
                check(found)
                publish.set_times(fd, lock.status, plan.timestamp or self.timestamp)
                os.fsync(fd)
            except BaseException:
                undo.roll_back(saved, fd)
                os.unlink(saved)
                raise
            os.unlink(saved)
            return _as_published(found, lock.path, os.fstat(fd))
        finally:
            os.close(fd)

    def _propedit(self, plan: Plan, path: str, fd: int) -> None:
        command = mkvpropedit.argv(self.tools.need("mkvpropedit"), plan, _name(path, fd))
        processes.run(
            [os.fsencode(word) for word in command],
            stall_seconds=self.tools.stall_seconds,
            ok=(0, 1),
            fds=(fd,),
        )


def _as_published(found: MediaFile, path: str, status: os.stat_result) -> MediaFile:
    return replace(found, path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)


def _name(path: str, fd: int) -> str:
    """The path as a tool can take it: mkvtoolnix wants UTF-8, so others go by descriptor."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{fd}"
    return path


def _refuse_read_only(lock: FileLock) -> None:
    if not stat.S_IMODE(lock.status.st_mode) & 0o222:
        raise PublishError("the file is read-only; make it writable (chmod u+w) to have it changed")


def _refuse_what_ffmpeg_loses(plan: Plan) -> None:
    target = container(plan.after.container)
    if not target.muxer:
        raise PlanError(
            f"vpo cannot write {plan.after.container} files; convert it with container: target: mkv"
        )
    for track in plan.after.tracks:
        if track.type == "data":
            raise PlanError(
                f"{track} is a data track that no tool here can carry over; the file is left alone"
            )


def _warnings(said: str) -> list[str]:
    lines = [line.strip() for line in said.splitlines()]
    return [line.removeprefix("#GUI#warning ") for line in lines if "#GUI#warning" in line][:10]


def _mkvmerge_progress(report: Callable[[float], None] | None) -> processes.Progress:
    last = ""

    def take(line: str) -> bool:
        nonlocal last
        found = re.match(r"#GUI#progress (\d+)%", line)
        if not found or found[1] == last:
            return False
        last = found[1]
        if report:
            report(int(last) / 100)
        return True

    return take


def _ffmpeg_progress(
    report: Callable[[float], None] | None, duration: float | None
) -> processes.Progress:
    last = 0

    def take(line: str) -> bool:
        nonlocal last
        key, _, value = line.partition("=")
        if key != "out_time_us" or not value.strip().isdigit() or int(value) <= last:
            return False
        last = int(value)
        if report and duration:
            report(min(1.0, last / 1_000_000 / duration))
        return True

    return take
