"""A rewrite in which ffmpeg encodes video: in one pass, or two where a bit rate is to be met."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vpo.errors import SavingsError, ToolError
from vpo.execute.encoding.crf_search import SourceVideo
from vpo.execute.encoding.prepare import PreparedEncodes, with_crfs, without_hardware
from vpo.execute.work import Work
from vpo.execute.workspace import Workspace, tool_path
from vpo.plan.model import Plan
from vpo.tools import encoders, ffmpeg
from vpo.tools.encoders import Encoding
from vpo.tools.ffmpeg import FfmpegJob
from vpo.tools.ffmpeg_output import FfmpegOutput
from vpo.tools.process import Command

_SURE = 0.15
"""The part of a video after which its size can be projected from what is written so far."""
_MARGIN = 1.15
"""How far a projected size has to be over the limit for the encode to be ended early."""


def encode(
    encodes: PreparedEncodes,
    work: Work,
    source: SourceVideo,
    workspace: Workspace,
    covers: dict[int, str],
) -> PreparedEncodes:
    """Write the workspace's file; return what encoded it.

    ``SavingsError`` if it would not be as much smaller than the source as the plan wants.
    """
    context = work.context
    limit = SizeLimit(work.plan)
    encoding = _Encoding(work, source, workspace, covers, limit)
    with context.devices.session(encodes.device, context.hardware_sessions):
        encodes = with_crfs(encodes, context, source, workspace)
        try:
            encoding.run(encodes)
        except ToolError as error:
            other = without_hardware(encodes, context, str(error))
            if other is None:
                raise
            encodes = with_crfs(other, context, source, workspace)
            encoding.run(encodes)
    limit.check(os.fstat(workspace.fd).st_size)
    return encodes


@dataclass(frozen=True)
class _Encoding:
    """The runs of ffmpeg for one file."""

    work: Work
    source: SourceVideo
    workspace: Workspace
    covers: dict[int, str]
    limit: SizeLimit

    def run(self, encodes: PreparedEncodes) -> None:
        tools = self.work.context.tools
        program = tools.need("ffmpeg")
        encodings = dict(encodes.encodings)
        twice = [i for i, e in encodings.items() if encoders.passes(e.spec, e.encoder) == 2]
        with tempfile.TemporaryDirectory(prefix="vpo-passes-") as folder:
            for turn in (1, 2) if twice else (2,):
                for index in twice:
                    stats = os.path.join(folder, f"pass-{index}")
                    encodings[index] = replace(encodings[index], turn=(turn, stats))
                if turn == 1:
                    first = self._job({index: encodings[index] for index in twice})
                    argv = ffmpeg.first_pass(program, first)
                    tools.run(Command(argv, fds=self.source.fds), self._output())
            argv = ffmpeg.argv(program, self._job(encodings))
            command = Command(argv, self.workspace.path, fds=self.source.fds)
            tools.run(command, _LimitedOutput(self.work, self.limit))

    def _job(self, encodings: Mapping[int, Encoding]) -> FfmpegJob:
        output = tool_path(self.workspace.path, self.workspace.fd)
        return FfmpegJob(self.work.plan, self.source.name, output, self.covers, encodings)

    def _output(self) -> FfmpegOutput:
        return FfmpegOutput(self.work.plan.before.duration, self.work.report)


class SizeLimit:
    """How large the result may become for the ``min_savings`` of the plan."""

    def __init__(self, plan: Plan) -> None:
        self._wanted = max(how.min_savings for how in plan.video_encodes.values())
        self._bytes = plan.before.size * (1 - self._wanted)

    def project(self, written: int, part: float) -> None:
        """Raise ``SavingsError`` once the whole would clearly be too large."""
        if part >= _SURE and written / part > self._bytes * _MARGIN:
            raise self._error(int(written / part))

    def check(self, size: int) -> None:
        """Raise ``SavingsError`` if that is too large."""
        if size > self._bytes:
            raise self._error(size)

    def _error(self, size: int) -> SavingsError:
        return SavingsError(
            f"encoded, the file would have {size:,} bytes; that saves less than "
            f"{self._wanted:.0%} (min_savings), so its video stays as it is"
        )


class _LimitedOutput(FfmpegOutput):
    """Ends the encode early where its size is clearly going to be over the limit."""

    def __init__(self, work: Work, limit: SizeLimit) -> None:
        super().__init__(work.plan.before.duration, work.report)
        self._limit = limit

    def stdout(self, line: str) -> bool:
        progressed = super().stdout(line)
        if progressed:
            self._limit.project(self.size, self.part)
        return progressed
