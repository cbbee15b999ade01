"""Rewrites in which ffmpeg encodes video, in one pass, or in two for a bit rate."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vpo.errors import ToolError
from vpo.execute.encoding.crf_search import SourceVideo
from vpo.execute.encoding.prepare import PreparedEncodes, with_crfs, without_hardware
from vpo.execute.size_limit import SizeLimit
from vpo.execute.undecodable import decode_error
from vpo.execute.work import Work
from vpo.execute.workspace import Workspace, tool_path
from vpo.media.containers import container
from vpo.probe.media_input import DEMUXERS
from vpo.tools import ffmpeg, video_options
from vpo.tools.ffmpeg import FfmpegJob, SideFiles
from vpo.tools.ffmpeg_output import FfmpegOutput
from vpo.tools.isolation import NEUTRAL_FOLDER
from vpo.tools.process import Command
from vpo.tools.video_options import EncodePass, Encoding


def encode(
    encodes: PreparedEncodes,
    work: Work,
    source: SourceVideo,
    workspace: Workspace,
    files: SideFiles,
) -> PreparedEncodes:
    """Encode into the temporary file; return the encodes that were used.

    Raises ``SavingsError`` once the result clearly saves less than the plan's ``min_savings``; the
    proof measures what is close.
    """
    context = work.context
    limit = work.proof.size_limit if work.proof is not None else SizeLimit(work.plan)
    encoding = _Encoding(work, source, workspace, files, limit)
    try:
        with context.devices.session(encodes.device):
            encodes = with_crfs(encodes, context, source, workspace)
            encoding.run(encodes)
    except ToolError as error:
        other = without_hardware(encodes, context, str(error))
        if other is None:
            raise
        encodes = with_crfs(other, context, source, workspace)
        encoding.run(encodes)
    limit.project(os.fstat(workspace.fd).st_size, 1.0)
    return encodes


@dataclass(frozen=True)
class _Encoding:
    """The runs of ffmpeg for one file."""

    work: Work
    source: SourceVideo
    workspace: Workspace
    files: SideFiles
    limit: SizeLimit

    def run(self, encodes: PreparedEncodes) -> None:
        encodings, tools = dict(encodes.encodings), self.work.context.tools
        twice = {i: e for i, e in encodings.items() if video_options.passes(e.spec, e.encoder) == 2}
        # x265 cuts the path of its statistics off at 255 bytes, so that they get a relative one.
        folder = self.workspace.folder if twice else NEUTRAL_FOLDER
        if twice:
            encodings |= self._first_pass(twice, folder)
        argv = ffmpeg.argv(tools.need("ffmpeg"), self._job(encodings))
        output = _LimitedOutput(self.work, self.limit, 0.5 if twice else 0.0)
        tools.run(
            self._command(argv, folder, encodings)._replace(output=self.workspace.path), output
        )
        self._refuse_damage(output, argv)

    def _first_pass(self, twice: Mapping[int, Encoding], folder: str) -> dict[int, Encoding]:
        """Write the statistics; return the encodings of the second pass."""
        tools, stats = self.work.context.tools, self.workspace.prefix()
        first = {i: replace(e, encode_pass=EncodePass(1, f"{stats}{i}")) for i, e in twice.items()}
        argv = ffmpeg.first_pass(tools.need("ffmpeg"), self._job(first))
        output = FfmpegOutput(
            self.work.plan.before.duration, lambda part: self.work.report(part / 2)
        )
        tools.run(self._command(argv, folder, first), output)
        return {i: replace(e, encode_pass=EncodePass(2, f"{stats}{i}")) for i, e in twice.items()}

    def _command(self, argv: list[str], folder: str, encodings: Mapping[int, Encoding]) -> Command:
        memory = video_options.memory(encodings.values())
        return Command(argv, fds=self.source.fds, folder=folder, memory=memory)

    def _refuse_damage(self, output: FfmpegOutput, argv: Sequence[str]) -> None:
        """Raise an error if frames could not be decoded: concealed, they are no error to ffmpeg.

        What the demuxer, or a part that ffmpeg does not name, could not read is damage only if
        vpo's own reader finds it, too.
        """
        if output.first_error is None or self.work.options.damaged == "salvage":
            return
        at, part, message = output.first_error
        recorded = container(self.work.plan.before.container).transport_stream
        if recorded and not at:
            return  # a recording may begin before its first key frame
        if part is None or part in DEMUXERS:
            problem = f"at {at:.1f} s, ffmpeg could not read all of the file ({message})"
            raise ToolError(problem, tuple(argv), 0, message)
        raise decode_error(at, message)

    def _job(self, encodings: Mapping[int, Encoding]) -> FfmpegJob:
        output = tool_path(self.workspace.path, self.workspace.fd)
        plan, levels = self.work.plan, self.work.levels
        return FfmpegJob(plan, self.source.name, output, self.files, encodings, levels)


class _LimitedOutput(FfmpegOutput):
    """Ends the encode early once its projected size is clearly over the limit.

    ``done`` is the fraction of the work that was done before.
    """

    def __init__(self, work: Work, limit: SizeLimit, done: float) -> None:
        super().__init__(
            work.plan.before.duration, lambda part: work.report(done + (1 - done) * part)
        )
        self._limit = limit

    def stdout(self, line: str) -> bool:
        progressed = super().stdout(line)
        if progressed:
            self._limit.project(self.size, self.part)
        return progressed
