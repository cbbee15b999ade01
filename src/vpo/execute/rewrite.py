"""One file, one plan: choose the tools, run them, verify the result and put it in place."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from vpo.errors import BusyError, PlanError, PublishError, SpaceError, VerifyError
from vpo.execute import header_edit, originals, publish, undo
from vpo.execute.access import refuse_unwritable
from vpo.execute.encoding.crf_search import Source
from vpo.execute.encoding.encode import Encoder
from vpo.execute.encoding.prepare import Encodes, prepare
from vpo.execute.header_edit import Edit
from vpo.execute.lock import FileLock
from vpo.execute.originals import Kept
from vpo.execute.outcome import Encoded
from vpo.execute.preconditions import refuse_moving
from vpo.execute.proof import source_ends, verify, verify_headers
from vpo.execute.space import reserve
from vpo.execute.workspace import Workspace
from vpo.media.containers import MATROSKA, container
from vpo.media.model import MediaFile
from vpo.plan.evaluate import Plan, Strategy
from vpo.policy.desired_state import Timestamp
from vpo.probe import mp4
from vpo.probe.service import PendingEndTimes, Prober
from vpo.tools import capabilities, ffmpeg, losses, mkvmerge, mkvpropedit
from vpo.tools import process as processes
from vpo.tools.audio_encoders import ENCODERS
from vpo.tools.process import Tools

_SLACK = 1 << 20
_REMUX_FACTOR = 1.05
_ENCODE_FACTOR = 1.5
"""Beside the file itself: an encode that becomes larger is ended, if not at once."""
_FICLONE = 0x40049409
"""The request of ioctl_ficlone(2): share all blocks of another file, as btrfs and XFS can."""

_KNOWN_SINCE = {"vvc": 61}
"""The libavcodec from which on ffmpeg knows a codec that the parser knows."""
_SALVAGE = (
    "Error in the Matroska file structure",
    "Resync failed",
    "Resyncing",
    "invalid data which were skipped",
)
_FULL = (errno.ENOSPC, errno.EDQUOT)

Check = Callable[[MediaFile], None]
"""Raises if the policy is not content with a result that was probed."""


@dataclass(frozen=True)
class Handling:
    """What the configuration says of touching files.

    ``timestamp`` is what becomes of the modification time where the policy does not say;
    ``min_age`` in seconds, ``keep_free`` in bytes; ``temporary_folder`` is ``None`` for the
    folder of the file; ``hardware_sessions`` encodes use hardware at the same time.
    """

    timestamp: Timestamp = "preserve"
    hardlinks: Literal["replace", "skip", "edit"] = "replace"
    min_age: float = 0.0
    keep_free: int = 0
    temporary_folder: str | None = None
    keep_originals: bool = False
    hardware_sessions: int = 2


@dataclass(frozen=True)
class Written:
    """What to tell of a file that was written: warnings, and what encoded its video."""

    warnings: tuple[str, ...] = ()
    encoded: tuple[Encoded, ...] = ()


@dataclass(frozen=True)
class Applied:
    """A plan that was carried out: the result as it was probed, and what to tell."""

    media: MediaFile
    warnings: tuple[str, ...] = ()
    kept: Kept | None = None
    encoded: tuple[Encoded, ...] = ()


@dataclass(frozen=True)
class Rewriter:
    """How plans are carried out here; ``progress`` is told the part that is done, from 0 to 1.

    ``threads`` is what one encode may take of the processor, ``None`` for all of it.
    """

    tools: Tools
    handling: Handling = field(default_factory=Handling)
    prober: Prober = field(default_factory=Prober)
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    threads: int | None = None

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
            _refuse_what_ffmpeg_loses(plan, mkvmerge=bool(self.tools.mkvmerge))
            self._refuse_unknown_codecs(plan)
            self._need_encoders(plan)
        return "remux" if plan.strategy == "header" else plan.strategy

    def _refuse_unknown_codecs(self, plan: Plan) -> None:
        encoded = (track for track in plan.before.tracks if track.index in plan.video_encodes)
        for track in (*plan.after.tracks, *encoded):
            since = _KNOWN_SINCE.get(track.codec)
            if since is not None and capabilities.of(self.tools).libavcodec < since:
                raise PlanError(
                    f"this ffmpeg does not know the codec of {track}, and would lose what it is; "
                    "use a newer one, for example vpo's bundled one"
                )

    def _need_encoders(self, plan: Plan) -> None:
        for how in plan.audio_encodes.values():
            capabilities.of(self.tools).encoder([ENCODERS[how.codec]], how.codec)
        if plan.video_encodes:
            self._encodes(plan)

    def _encodes(self, plan: Plan) -> Encodes:
        return prepare(self.tools, plan.before, plan.after, plan.video_encodes, self.threads)

    def remarks(self, plan: Plan) -> tuple[str, ...]:
        """What is lost with the tools that are there, and not worth refusing the plan for."""
        if plan.strategy in ("none", "header") or self._by_mkvmerge(plan):
            return ()
        encodes = self._encodes(plan).warnings if plan.video_encodes else ()
        return (*losses.slight(plan), *encodes)

    def refuse_untouchable(self, path: str, status: os.stat_result) -> None:
        """``PublishError`` for a file that may not be written, ``BusyError`` for one that the
        configuration wants left alone.
        """
        if status.st_nlink > 1 and self.handling.hardlinks == "skip":
            raise BusyError('it has further hard links and [files] hardlinks is "skip"')
        refuse_unwritable(path, status)

    def apply(
        self,
        plan: Plan,
        lock: FileLock,
        check: Check,
        key: str = "",
        seen: tuple[int, int] | None = None,
    ) -> Applied:
        """Carry out the plan on the locked file; whatever is raised, it is byte for byte as it was.

        ``key`` names the original if it is kept; ``seen`` is the file's (size, mtime_ns) as the
        run found it. ``BusyError`` for a file that is not to be touched now.
        """
        self.refuse_untouchable(lock.path, lock.status)
        refuse_moving(lock, seen, self.handling.min_age)
        linked = lock.status.st_nlink > 1
        try:
            if self.strategy(plan) != "header":
                factor = _ENCODE_FACTOR if plan.video_encodes else _REMUX_FACTOR
                ends = source_ends(plan, self.prober)
                return self._rewrite(plan, lock, check, key, self._write, factor, ends)
            return self._edit(plan, lock, check, key, linked)
        except OSError as error:
            if error.errno in _FULL:
                raise SpaceError(
                    "the file system is full; the file is what it was; make room and run again"
                ) from None
            raise PublishError(
                f"the result could not be written ({error.strerror}); the file is what it was"
            ) from None

    def _by_mkvmerge(self, plan: Plan) -> bool:
        return (
            plan.before.container in MATROSKA
            and plan.before.container == plan.after.container
            and plan.strategy != "transcode"
            and bool(self.tools.mkvmerge)
            and all(track.matroska_id is not None for track in plan.before.tracks)
            and not any(losses.by_mkvmerge(track) for track in plan.after.tracks)
            and not any(change.kind.startswith("tag:") for change in plan.changes)
            and not any(change.kind == "codec" for change in plan.changes)
            # mkvmerge refuses WebM with the subtitles that ffmpeg writes into it (D_WEBVTT).
            and not (plan.after.container == "webm" and plan.after.of("subtitle"))
        )

    def _rewrite(
        self,
        plan: Plan,
        lock: FileLock,
        check: Check,
        key: str,
        write: Callable[[Plan, FileLock, Workspace], Written],
        factor: float = _REMUX_FACTOR,
        ends: PendingEndTimes | None = None,
    ) -> Applied:
        """Write a new file, of ``factor`` times the size, and put it in the place of the old.

        ``ends`` are the source's, if its packets are written anew.
        """
        folder = self._folder(lock)
        with Workspace(folder, lock.status.st_mode) as workspace:
            free = self.handling.keep_free
            size = int(lock.status.st_size * factor) + _SLACK
            with reserve(workspace.path, size, processes.is_cancelled, free):
                written = write(plan, lock, workspace)
                found = verify(plan, workspace.path, ends, self.prober, plan.video_encodes.keys())
                check(found)
                warnings = (*written.warnings, *publish.copy_attributes(lock, workspace.fd))
                publish.set_times(workspace.fd, lock.status, self._timestamp(plan))
                kept = self._publish(plan, lock, workspace, key)
            status = os.fstat(workspace.fd)
        media = _as_published(found, plan.after.path, status)
        return Applied(media, warnings, kept, written.encoded)

    def _folder(self, lock: FileLock) -> str:
        folder = self.handling.temporary_folder
        if folder is None:
            return os.path.dirname(lock.path)
        try:
            device = os.stat(folder).st_dev
        except OSError as error:
            raise PublishError(
                f"[files] temporary_folder {folder}: {error.strerror}; create it, or correct this"
            ) from None
        if device != lock.status.st_dev:
            raise PublishError(
                f"[files] temporary_folder {folder} is on another file system than the file; "
                "nothing can be moved into place from there in one step"
            )
        return folder

    def _timestamp(self, plan: Plan) -> Timestamp:
        return self.handling.timestamp if plan.timestamp is None else plan.timestamp

    def _publish(self, plan: Plan, lock: FileLock, workspace: Workspace, key: str) -> Kept | None:
        publish.check_ready(lock, workspace)
        kept = None
        if self.handling.keep_originals:
            kept = originals.keep_file(lock.path, key, os.fstat(workspace.fd))
        try:
            publish.replace(lock, workspace, plan.after.path)
        except BaseException:
            if kept is not None:
                originals.forget(kept.path)
            raise
        return kept

    def _write(self, plan: Plan, lock: FileLock, workspace: Workspace) -> Written:
        fds = (lock.fd, workspace.fd)
        source, output = _name(lock.path, lock.fd), _name(workspace.path, workspace.fd)
        if self._by_mkvmerge(plan):
            command = mkvmerge.argv(self.tools.need("mkvmerge"), plan, source, output)
            status, said = self._run(
                command, workspace.path, _mkvmerge_progress(self.progress), fds
            )
            warnings = _warnings(said) if status == 1 else []
            _refuse_salvage(warnings)
            return Written(tuple(f"mkvmerge: {line}" for line in warnings))
        covers = self._covers(plan, workspace)
        if plan.video_encodes:
            told = Source(source, plan.before.path, fds, plan.before.duration)
            return self._encode(plan, told, workspace, output, covers)
        command = ffmpeg.argv(self.tools.need("ffmpeg"), plan, source, output, covers)
        progress = _ffmpeg_progress(self.progress, plan.before.duration)
        _, said = self._run(command, workspace.path, progress, fds, ok=(0,))
        stored = mp4.sample_bytes(workspace.fd) if plan.after.container in ("mp4", "mov") else ()
        lost = list(ffmpeg.copied(plan, said, stored))
        if lost:
            raise VerifyError(f"ffmpeg did not write all that it read: {'; '.join(lost)}")
        return Written()

    def _encode(
        self,
        plan: Plan,
        source: Source,
        workspace: Workspace,
        output: str,
        covers: dict[int, str],
    ) -> Written:
        progress = _ffmpeg_progress(self.progress, plan.before.duration)
        encoder = Encoder(self.tools, self.prober, self.handling.hardware_sessions, progress)
        before = self._encodes(plan)
        done = encoder.write(plan, before, source, workspace, output, covers)
        # Those of the choice were told with the plan.
        new = tuple(text for text in done.warnings if text not in before.warnings)
        return Written(new, done.told())

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
            item.index: workspace.store(self.prober.cover_image(plan.before.path, item.index))
            for item in plan.after.attachments
            if item.cover
        }

    def _edit(self, plan: Plan, lock: FileLock, check: Check, key: str, linked: bool) -> Applied:
        """A header edit: in a copy that costs nothing or is needed, else in place."""
        ranges = undo.regions(lock.fd)
        if ranges is None:
            return self._rewrite(plan, lock, check, key, self._edit_copy)
        folder = self._folder(lock)
        edit = header_edit.try_edit(
            lock.fd, ranges, folder, lambda path, fd: self._propedit(plan, path, fd)
        )
        shared = linked and self.handling.hardlinks == "edit"
        # A kept original is a whole file, to be counted as one; an undo file is not.
        cheap = not shared and not self.handling.keep_originals and _clones(lock.fd, folder)
        if cheap or (linked and not shared):
            factor = 0.0 if cheap else _REMUX_FACTOR
            write = partial(_patched_copy, edit)
            return self._rewrite(plan, lock, check, key, write, factor)
        return self._edit_in_place(plan, lock, check, key, edit)

    def _edit_copy(self, plan: Plan, lock: FileLock, workspace: Workspace) -> Written:
        """The tool edits a copy, where it is not known what it would have to see."""
        _copy(lock, workspace)
        self._propedit(plan, _name(workspace.path, workspace.fd), workspace.fd)
        return Written()

    def _edit_in_place(
        self, plan: Plan, lock: FileLock, check: Check, key: str, edit: Edit
    ) -> Applied:
        """The edit in the file itself, rolled back if anything goes wrong."""
        fd = os.open(lock.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            # From here on ``fd`` is the locked file, whatever its path may come to name.
            lock.check()
            free = self.handling.keep_free
            saved = undo.save(lock.path, lock.fd, edit.patches, edit.length, free)
            try:
                edit.apply(fd)
                found = verify_headers(plan, lock.path, self.prober)
                check(found)
                publish.set_times(fd, lock.status, self._timestamp(plan))
                os.fsync(fd)
                kept = self._settle(saved, key, lock)
            except BaseException:
                _take_back(saved, fd)
                raise
            return Applied(_as_published(found, lock.path, os.fstat(fd)), kept=kept)
        finally:
            os.close(fd)

    def _settle(self, saved: str, key: str, lock: FileLock) -> Kept | None:
        """The edit is done and proven: its undo file is kept as the original, or goes."""
        if self.handling.keep_originals:
            return originals.keep_header(saved, key, lock.path, os.fstat(lock.fd))
        os.unlink(saved)
        return None

    def _propedit(self, plan: Plan, path: str, fd: int) -> None:
        command = mkvpropedit.argv(self.tools.need("mkvpropedit"), plan, path)
        processes.run(
            [os.fsencode(word) for word in command],
            stall_seconds=self.tools.stall_seconds,
            ok=(0, 1),
            fds=(fd,),
        )


def _take_back(saved: str, fd: int) -> None:
    """Roll an edit back; only then may its undo file go."""
    try:
        if not undo.roll_back(saved, fd):
            raise PublishError("the file was changed by another program during the edit")
    except OSError as error:
        raise PublishError(
            f"the header edit could not be taken back ({error.strerror}); "
            f"the next run does that from {saved}"
        ) from None
    os.unlink(saved)


def _as_published(found: MediaFile, path: str, status: os.stat_result) -> MediaFile:
    return replace(found, path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)


def _name(path: str, fd: int) -> str:
    """The path as a tool can take it: mkvtoolnix wants UTF-8, so others go by descriptor."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{fd}"
    return path


def _patched_copy(edit: Edit, plan: Plan, lock: FileLock, workspace: Workspace) -> Written:  # noqa: ARG001
    _copy(lock, workspace)
    edit.apply(workspace.fd)
    return Written()


def _copy(lock: FileLock, workspace: Workspace) -> None:
    if _clone(lock.fd, workspace.fd):
        return
    with open(lock.fd, "rb", closefd=False) as source, open(workspace.path, "wb") as copy:
        source.seek(0)
        shutil.copyfileobj(source, copy, 1 << 20)


def _clones(source: int, folder: str) -> bool:
    """Whether a file can be cloned there; tried with a file that has no name."""
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):
        return False
    try:
        return _clone(source, fd)
    finally:
        os.close(fd)


def _clone(source: int, target: int) -> bool:
    """Make the target share the source's blocks, where the file system can: no bytes are copied."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _refuse_what_ffmpeg_loses(plan: Plan, mkvmerge: bool) -> None:
    target = container(plan.after.container)
    if not target.muxer:
        raise PlanError(
            f"vpo cannot write {plan.after.container} files; convert it with container: target: mkv"
        )
    lost = list(losses.grave(plan))
    if lost:
        # What is encoded has to be ffmpeg's work.
        other = plan.after.container == "mkv" and plan.strategy != "transcode" and not mkvmerge
        advice = "; mkvmerge would keep it: install mkvtoolnix" * other
        raise PlanError(f"ffmpeg would lose {', '.join(lost)}; the file is left alone{advice}")


def _refuse_salvage(warnings: list[str]) -> None:
    """What mkvmerge could not read of a damaged source is not in its result."""
    for line in warnings:
        if any(words in line for words in _SALVAGE):
            raise VerifyError(f"the file is damaged, and not all of it would be kept: {line}")


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
