"""Subtitle tracks that are not copied: from files beside the film, from captions, or changed.

vpo makes a file of each, which the tools read in place of a track, and compares the cues of the
result with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from vpo.errors import BusyError, PlanError, ProbeError, VerifyError
from vpo.execute.work import Work
from vpo.execute.workspace import Workspace
from vpo.media.sidecar_names import SidecarName, sidecar_names
from vpo.media.subtitle_source import SubtitleSource
from vpo.probe.cues import alike
from vpo.tools import subtitles
from vpo.tools.process import Command

_STARTED = frozenset({"hdmv_pgs_subtitle"})
"""Codecs of files of which ffmpeg takes the first time for the start of all."""


class Made(NamedTuple):
    """The content of a subtitle track: ``data`` in the format of a codec, or the file ``path``.

    ``start`` is when pictures begin, in milliseconds, where ffmpeg would begin at zero.
    """

    codec: str
    data: bytes = b""
    path: str | None = None
    start: int | None = None


class MadeFile(NamedTuple):
    """A file that tools read in place of a subtitle track."""

    path: str
    codec: str
    start: int | None = None

    @property
    def format(self) -> str:
        """FFmpeg's name of its format."""
        return subtitles.FORMATS[self.codec]


def made(work: Work, index: int, source: SubtitleSource, shifted: bool) -> Made:
    """Return the content of a track that is made from a source.

    ``shifted``: times count from the start of the film, as ffmpeg counts where it reads both. Ask
    before the film is read to be proven: the parser answers one request after the other.
    """
    if source.captions is not None:
        return _captions(work)
    if source.sidecar is not None:
        return _from_sidecar(work, source)
    prober, path = work.context.prober, work.lock.path
    codec = next(track.codec for track in work.plan.before.tracks if track.index == index)
    written = codec if codec in ("ass", "webvtt") else "subrip"
    return Made(written, prober.text_file(path, index, source.plain, shifted))


def stored(place: Workspace, contents: Mapping[int, Made]) -> dict[int, MadeFile]:
    """Return the contents as files, which go with the workspace."""
    return {
        index: MadeFile(one.path or place.store(one.data), one.codec, one.start)
        for index, one in contents.items()
    }


def prove(work: Work, output: str, files: Mapping[int, MadeFile]) -> None:
    """Raise ``VerifyError`` unless the tracks of a result say what they are made from."""
    prober = work.context.prober
    numbers = {t.index: n for n, t in enumerate(work.plan.after.tracks) if t.index in files}
    found = prober.cues(output, sorted(numbers.values())) if numbers else {}
    for index, number in numbers.items():
        wanted = prober.sidecar(files[index].path, files[index].codec, None).cues
        if not alike(wanted, found[number]):
            track = work.plan.after.tracks[number]
            raise VerifyError(
                f"the result was discarded: {track} does not say what it is made from"
            )


def _from_sidecar(work: Work, source: SubtitleSource) -> Made:
    folder, codec = os.path.dirname(work.lock.path), source.codec or ""
    parsed = _sidecar_name(work.lock.path, source)
    path, prober = os.path.join(folder, parsed.name), work.context.prober
    try:
        if codec not in subtitles.TEXTS:
            first = prober.sidecar(path, codec, parsed.language).cues[0].start
            return Made(codec, path=path, start=first if codec in _STARTED else None)
        return Made(codec, prober.sidecar_text(path, codec, parsed.language, source.plain))
    except ProbeError as error:
        raise BusyError(f"{path} has changed since the film was read: {error.problem}") from None


def _sidecar_name(film: str, source: SubtitleSource) -> SidecarName:
    found = sidecar_names(film, [source.sidecar or ""])
    return next(iter(found))


def _captions(work: Work) -> Made:
    """Return the captions of a film's video, by decoding all of it."""
    tools, lock = work.context.tools, work.lock
    with Workspace(work.folder, lock.status.st_mode) as place:
        path = place.store(b"")
        argv = subtitles.captions_argv(tools.need("ffmpeg"), f"/dev/fd/{lock.fd}", path)
        tools.run(Command(argv, fds=lock.fds), subtitles.Reading())
        try:
            text = work.context.prober.captions_text(path, lock.path)
        except ProbeError:
            text = b""
    if not text.strip():
        raise PlanError(
            "ffmpeg finds no text in its closed captions (it reads EIA-608 only); keep them with "
            "an encode to h264, or lose them with captions: drop"
        )
    return Made("subrip", text)
