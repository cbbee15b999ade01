"""Subtitle tracks as files beside the film: written, compared with the film, and published.

They get their names before the film is replaced, so that nothing is ever in neither; a run that is
killed between finds them, and goes on. A name that anything has is never taken.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import NamedTuple

from vpo.errors import PlanError, PublishError, SpaceError, ToolError, VerifyError
from vpo.execute import made_subtitles, originals
from vpo.execute.folder import Folder
from vpo.execute.made_subtitles import MadeFile
from vpo.execute.rename import NO_LINKS
from vpo.execute.space import FULL_ERRNOS, is_full
from vpo.execute.work import Applied, Work
from vpo.execute.workspace import Workspace, tool_path
from vpo.execute.written_sidecars import WrittenSidecar
from vpo.media.model import MediaFile
from vpo.media.sidecar_names import second_name
from vpo.media.subtitle_source import AS_IT_IS, Extract
from vpo.policy.codec_conversion import is_nameless_webvtt
from vpo.probe.cues import alike
from vpo.tools import subtitles
from vpo.tools.process import Command
from vpo.tools.subtitles import TrackFile

_MODE = 0o666
"""The permissions that a sidecar may have: nobody executes it."""


class _Ready(NamedTuple):
    """A temporary file, and the name that it gets."""

    path: str
    name: str


class Extraction:
    """A context manager that writes the sidecars of a plan into temporary files.

    ``check`` publishes them when the film is about to be replaced; what was published is removed
    if an error leaves the film as it was.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stack = contextlib.ExitStack()
        self._ready: list[_Ready] = []
        self._folder: Folder
        self._published: list[tuple[str, os.stat_result]] = []

    def __enter__(self) -> Extraction:
        if self._work.plan.extracts:
            with contextlib.ExitStack() as stack:
                lock = self._work.lock
                self._folder = stack.enter_context(Folder(os.path.dirname(lock.path)))
                self._write(stack.enter_context(Workspace(self._folder.path, lock.status.st_mode)))
                self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if kind is not None and self._work.lock.holds_path:
                self._withdraw()

    def check(self, found: MediaFile) -> None:
        """Check the result of the film, then publish the sidecars."""
        self._work.check(found)
        for ready in self._ready:
            self._publish(ready)
        if self._ready:
            self._folder.sync()

    def complete(self, applied: Applied) -> Applied:
        """Return what was done to the film, with what undoes the sidecars if that is to be kept."""
        if not self._published or not self._work.options.keep_originals:
            return applied
        written = [WrittenSidecar.of(name, found) for name, found in self._published]
        try:
            film = None if applied.kept is not None else os.stat(applied.media.path)
            kept = originals.keep_sidecars(self._work.lock, self._work.key, written, film)
        except (OSError, PublishError) as error:
            warning = f"vpo undo will not remove {self._published[0][0]}: {error}"
            return replace(applied, warnings=(*applied.warnings, warning))
        return replace(applied, kept=applied.kept or kept)

    def _write(self, place: Workspace) -> None:
        nameless = {t.index for t in self._work.plan.before.tracks if is_nameless_webvtt(t)}
        contents = {
            number: made_subtitles.made(self._work, one.track, one.source or AS_IT_IS, False)
            for number, one in enumerate(self._work.plan.extracts)
            if one.source is not None or one.track in nameless
        }
        made = made_subtitles.stored(place, contents)
        try:
            self._run_tools(place, made)
            self._prove(made)
        except (ToolError, VerifyError):
            if is_full(place.fd):
                raise self._full() from None
            raise

    def _full(self) -> SpaceError:
        where = self._folder.path
        return SpaceError(f"the file system of {where} is full; free some space and run again")

    def _run_tools(self, place: Workspace, made: Mapping[int, MadeFile]) -> None:
        work, tools = self._work, self._work.context.tools
        source = tool_path(work.lock.path, work.lock.fd)
        files, pairs = [], {}
        for number, found in enumerate(work.plan.extracts):
            if (second := second_name(found.name)) is not None:
                stem = place.place.join(f"{place.prefix()}{number}")
                pairs[_matroska_id(work, found)] = f"{stem}.idx"
                self._ready += [_Ready(f"{stem}.sub", second), _Ready(f"{stem}.idx", found.name)]
                continue
            self._ready.append(_Ready(place.store(b""), found.name))
            files.append(self._track_file(found, self._ready[-1].path, made.get(number)))
        if pairs:
            argv = subtitles.vobsub_argv(tools.need("mkvextract"), source, pairs)
            tools.run(Command(argv, ok=(0, 1), fds=work.lock.fds), subtitles.Reading())
        if files:
            name = work.plan.before.container
            argv = subtitles.argv(tools.need("ffmpeg"), name, source, files)
            tools.run(Command(argv, fds=work.lock.fds), subtitles.Reading())

    def _track_file(self, found: Extract, path: str, made: MadeFile | None) -> TrackFile:
        if made is not None:
            return TrackFile(path, found.codec, made.codec, found.track, made.path)
        tracks = self._work.plan.before.tracks
        read = next(track.codec for track in tracks if track.index == found.track)
        return TrackFile(path, found.codec, read, found.track)

    def _prove(self, made: Mapping[int, MadeFile]) -> None:
        """Compare what was written with the film."""
        extracts, prober = self._work.plan.extracts, self._work.context.prober
        paths = {ready.name: ready.path for ready in self._ready}
        indexes = sorted({one.track for n, one in enumerate(extracts) if n not in made})
        tracks = prober.cues(self._work.lock.path, indexes) if indexes else {}
        for number, found in enumerate(extracts):
            one = made.get(number)
            wanted = prober.sidecar(one.path, one.codec, None).cues if one else tracks[found.track]
            codec = subtitles.codec_in_file(found.codec)
            written = prober.sidecar(paths[found.name], codec, None).cues
            if not alike(wanted, written):
                raise VerifyError(f"{found.name} does not say what its track does; discarded")

    def _publish(self, ready: _Ready) -> None:
        """Give a file its name, which must be free."""
        folder, part = self._folder, os.path.basename(ready.path)
        fd = folder.open(part, os.O_RDWR)
        try:
            self._copy_rights(fd)
            os.fsync(fd)
            status = os.fstat(fd)
        finally:
            os.close(fd)
        try:
            _claim(folder, part, ready.name)
        except FileExistsError:
            raise PublishError(
                f"{folder.join(ready.name)} has come since the film was read; run again"
            ) from None
        except OSError as error:
            if error.errno in FULL_ERRNOS:
                raise self._full() from None
            raise PublishError(
                f"{folder.join(ready.name)} could not be written: {error.strerror}"
            ) from None
        self._published.append((ready.name, status))

    def _copy_rights(self, fd: int) -> None:
        film = self._work.lock.status
        with contextlib.suppress(OSError):
            os.fchown(fd, film.st_uid, film.st_gid)
        with contextlib.suppress(OSError):
            os.fchmod(fd, film.st_mode & _MODE)

    def _withdraw(self) -> None:
        for name, status in self._published:
            if self._folder.names(name, status):
                with contextlib.suppress(OSError):
                    self._folder.unlink(name)


def _claim(folder: Folder, part: str, name: str) -> None:
    """Give a temporary file a name; raise ``FileExistsError`` if anything has it, a link too."""
    try:
        folder.link(part, name)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Without hard links, an empty file holds the name until the other takes its place.
        os.close(folder.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            folder.rename(part, name)
        except BaseException:
            if folder.status(part) is not None:
                folder.unlink(name)
            raise


def _matroska_id(work: Work, found: Extract) -> int:
    track = next(one for one in work.plan.before.tracks if one.index == found.track)
    if track.matroska_id is None:
        raise PlanError(f"{track} can be written as a file only from Matroska")
    return track.matroska_id
