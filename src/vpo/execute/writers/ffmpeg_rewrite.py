"""Rewrites with ffmpeg: remuxes between all containers, and transcodes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from vpo.errors import PlanError, ToolError, VerifyError
from vpo.execute import made_subtitles
from vpo.execute.context import RunContext
from vpo.execute.encoding import loudness
from vpo.execute.encoding.crf_search import SourceVideo
from vpo.execute.encoding.encode import encode
from vpo.execute.encoding.prepare import prepare_encodes
from vpo.execute.made_subtitles import Made
from vpo.execute.rewrite import REMUX_FACTOR, rewrite
from vpo.execute.work import Applied, Work, Written
from vpo.execute.workspace import Workspace, tool_path
from vpo.execute.writers import substitutes
from vpo.execute.writers.writer import Writer
from vpo.execute.writers.written_languages import write_languages
from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.containers import container
from vpo.plan.model import Plan
from vpo.probe import mp4
from vpo.tools import ffmpeg, losses, mkvpropedit
from vpo.tools.ffmpeg import FfmpegJob, SideFiles
from vpo.tools.ffmpeg_output import FfmpegOutput, lost_packets
from vpo.tools.mkvmerge import MkvmergeOutput
from vpo.tools.process import Command
from vpo.tools.programs import Tools

_ENCODE_FACTOR = 1.5
"""The free space that an encode needs, as a multiple of the size of the source."""
_MOST_WRITTEN = 1000
"""The streams of a file that ffmpeg writes (``max_streams``, which it has for input alone)."""
_KNOWN_SINCE = {"vvc": 61}
"""The first libavcodec that supports a codec which the probe recognizes."""


class _Read(NamedTuple):
    """What vpo itself reads of the source for ffmpeg, by stream index: covers, cues, and
    the subtitles that are made."""

    covers: Mapping[int, bytes]
    texts: Mapping[int, bytes]
    made: Mapping[int, Made]


class FfmpegRewrite(Writer):
    """Writes a file with ffmpeg; streams that are not encoded are copied in the same run."""

    def __init__(self, plan: Plan, context: RunContext) -> None:
        super().__init__(plan, context)
        self.strategy = "transcode" if plan.strategy == "transcode" else "remux"
        context.tools.need("ffmpeg")
        self._refuse_losses()
        self._refuse_unknown_codecs()
        substitutes.need_tools(plan, context)
        self._need_audio_encoders()
        self.encodes = prepare_encodes(plan, context)
        self.warnings = (
            *losses.warned_losses(plan),
            *substitutes.header_warnings(plan),
            *self.encodes.warnings,
        )

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:  # noqa: ARG003
        return True

    def apply(self, work: Work) -> Applied:
        factor = _ENCODE_FACTOR if self.plan.video_encodes else REMUX_FACTOR
        if substitutes.reordered(self.plan) is not None:
            factor += 1  # the video is written twice
        # Before the parser begins to read the source: it answers one request after the other.
        texts = substitutes.texts(self.plan, self.context)
        made = {i: made_subtitles.made(work, i, how, True) for i, how in self.plan.sources}
        write = partial(self._write, _Read(self._cover_images(), texts, made))
        return rewrite(work, write, factor, prove=True)

    def _write(self, read: _Read, work: Work, workspace: Workspace) -> Written:
        written = self._run_ffmpeg(work, workspace, read)
        limited = loudness.limited(self.plan, work.levels)
        warnings = (*written.warnings, *self._finish(workspace), *limited)
        return replace(written, warnings=warnings)

    def _finish(self, workspace: Workspace) -> Iterator[str]:
        """Write what ffmpeg cannot: languages with regions and, with mkvpropedit, statistics.

        Without the statistics a file is as good, but not if the tool failed while it was writing:
        the proof need not see what other programs make of half an edit.
        """
        tools, target = self.context.tools, container(self.plan.after.container)
        if target.matroska:
            write_languages(workspace.fd, self.plan)
        if tools.mkvpropedit is None or not target.statistics_tags:
            return
        path = tool_path(workspace.path, workspace.fd)
        argv = mkvpropedit.finishing_argv(tools.mkvpropedit, path, [], statistics=True)
        before = _state(workspace.fd)
        try:
            tools.run(Command(argv, ok=(0, 1), fds=(workspace.fd,)), MkvmergeOutput(_ignore))
        except ToolError as error:
            if _state(workspace.fd) != before:
                raise
            yield f"the statistics tags (bit rate, number of bytes) are missing: {error}"

    def _run_ffmpeg(self, work: Work, workspace: Workspace, read: _Read) -> Written:
        texts = substitutes.make(work, workspace, read.texts)
        covers = {index: workspace.store(image) for index, image in read.covers.items()}
        made = made_subtitles.stored(workspace, read.made)
        paths = {index: one.path for index, one in made.items()}
        formats = {index: one.format for index, one in made.items()}
        starts = {index: one.start for index, one in made.items() if one.start is not None}
        files = SideFiles(covers, {**texts, **paths}, formats, starts)
        written = self._with_files(work, workspace, files)
        made_subtitles.prove(work, workspace.path, made)
        return written

    def _with_files(self, work: Work, workspace: Workspace, files: SideFiles) -> Written:
        source = tool_path(work.lock.path, work.lock.fd)
        output = tool_path(workspace.path, workspace.fd)
        fds = (*work.lock.fds, workspace.fd)
        if self.plan.video_encodes:
            before = self.plan.before
            video = SourceVideo(source, before.path, fds, before.duration, before.container)
            return self._encode(work, video, workspace, files)
        tools = self.context.tools
        job = FfmpegJob(self.plan, source, output, files, levels=work.levels)
        argv = ffmpeg.argv(tools.need("ffmpeg"), job)
        output_reader = FfmpegOutput(self.plan.before.duration, work.report)
        tools.run(Command(argv, workspace.path, fds=fds), output_reader)
        mp4_family = container(self.plan.after.container).mp4_family
        stored = mp4.sample_bytes(workspace.fd) if mp4_family else ()
        lost = list(lost_packets(self.plan, output_reader, stored))
        if lost:
            raise VerifyError(f"ffmpeg did not write all that it read: {'; '.join(lost)}")
        return Written()

    def _encode(
        self, work: Work, video: SourceVideo, workspace: Workspace, files: SideFiles
    ) -> Written:
        done = encode(self.encodes, work, video, workspace, files)
        # The warnings about the choice of the encoder were reported with the plan.
        new = tuple(text for text in done.warnings if text not in self.encodes.warnings)
        return Written(new, done.encoded())

    def _cover_images(self) -> dict[int, bytes]:
        """Return the covers that go into Matroska, by stream index."""
        plan = self.plan
        if not container(plan.after.container).matroska:
            return {}
        prober = self.context.prober
        return {
            item.index: prober.cover_image(plan.before.path, item.index)
            for item in plan.after.attachments
            if item.cover
        }

    def _refuse_losses(self) -> None:
        plan = self.plan
        if not container(plan.after.container).muxer:
            raise PlanError(
                f"vpo cannot write {plan.after.container} files; "
                "convert it with container: target: mkv"
            )
        streams = len(plan.after.tracks) + len(plan.after.attachments)
        if streams > _MOST_WRITTEN:
            raise PlanError(
                f"ffmpeg cannot write {streams} tracks and attachments, only {_MOST_WRITTEN}; "
                "remove attachments first (filter_attachments)"
            )
        lost = list(losses.refused_losses(plan))
        if lost:
            raise PlanError(
                f"ffmpeg would lose {', '.join(lost)}; the file is unchanged{self._advice()}"
            )

    def _advice(self) -> str:
        # mkvmerge cannot encode.
        target = container(self.plan.after.container)
        can_remux = target.kept_by_mkvmerge and self.plan.strategy != "transcode"
        if can_remux and not self.context.tools.mkvmerge:
            return "; mkvmerge would keep it: install mkvtoolnix"
        return ""

    def _refuse_unknown_codecs(self) -> None:
        plan = self.plan
        encoded = (track for track in plan.before.tracks if track.index in plan.video_encodes)
        for track in (*plan.after.tracks, *encoded):
            since = _KNOWN_SINCE.get(track.codec)
            if since is not None and self.context.tools.capabilities().libavcodec < since:
                raise PlanError(
                    f"this ffmpeg does not support the codec of {track} and would lose its name; "
                    "use a newer one, for example vpo's bundled one"
                )

    def _need_audio_encoders(self) -> None:
        for how in self.plan.audio_encodes.values():
            self.context.tools.capabilities().encoder([AUDIO_ENCODERS[how.codec]], how.codec)


def _state(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_size, status.st_mtime_ns


def _ignore(part: float) -> None:
    """Discard the progress, which would begin again."""
