"""A rewrite in which ffmpeg encodes video: once, or twice where a bit rate is met in two passes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vpo.errors import SavingsError, ToolError
from vpo.execute.encoding import devices
from vpo.execute.encoding.crf_search import Source
from vpo.execute.encoding.prepare import Encodes, settled, without_hardware
from vpo.execute.workspace import Workspace
from vpo.plan.model import Plan
from vpo.probe.service import Prober
from vpo.tools import encoders, ffmpeg
from vpo.tools import process as processes
from vpo.tools.process import Tools

_SURE = 0.15
"""The part of a video after which its size is told by what is written so far."""
_MARGIN = 1.15
"""How far a projected size has to be over the limit for the encode to be ended early."""


@dataclass(frozen=True)
class Encoder:
    """Carries out the video encodes of a plan; ``progress`` takes ffmpeg's lines."""

    tools: Tools
    prober: Prober
    sessions: int
    progress: processes.Progress

    def write(
        self,
        plan: Plan,
        encodes: Encodes,
        source: Source,
        workspace: Workspace,
        output: str,
        covers: dict[int, str],
    ) -> Encodes:
        """Write the workspace's file, which a tool knows as ``output``; what encoded it.

        ``SavingsError`` if it would not be as much smaller than the source as the plan wants.
        """
        limit = _Limit(plan, self.progress)
        with devices.session(encodes.device, self.sessions):
            encodes = settled(encodes, self.tools, self.prober, source, workspace)
            try:
                self._run(plan, encodes, source, workspace, output, covers, limit)
            except ToolError as error:
                other = without_hardware(encodes, self.tools, str(error))
                if other is None:
                    raise
                encodes = settled(other, self.tools, self.prober, source, workspace)
                self._run(plan, encodes, source, workspace, output, covers, limit)
        limit.check(os.fstat(workspace.fd).st_size)
        return encodes

    def _run(
        self,
        plan: Plan,
        encodes: Encodes,
        source: Source,
        workspace: Workspace,
        output: str,
        covers: dict[int, str],
        limit: _Limit,
    ) -> None:
        program = self.tools.need("ffmpeg")
        encodings = dict(encodes.encodings)
        twice = [i for i, e in encodings.items() if encoders.passes(e.spec, e.encoder) == 2]
        with tempfile.TemporaryDirectory(prefix="vpo-passes-") as folder:
            for turn in (1, 2) if twice else (2,):
                for index in twice:
                    stats = os.path.join(folder, f"pass-{index}")
                    encodings[index] = replace(encodings[index], turn=(turn, stats))
                if turn == 1:
                    first = {index: encodings[index] for index in twice}
                    command = ffmpeg.first_pass(program, plan, source.name, first)
                    self._start(command, source.fds, None, self.progress)
            command = ffmpeg.argv(program, plan, source.name, output, covers, encodings)
            self._start(command, source.fds, workspace.path, limit.take)

    def _start(
        self,
        command: Sequence[str],
        fds: tuple[int, ...],
        output: str | None,
        progress: processes.Progress,
    ) -> None:
        processes.run(
            [os.fsencode(word) for word in command],
            stall_seconds=self.tools.stall_seconds,
            output=output,
            progress=progress,
            fds=fds,
        )


class _Limit:
    """How large the result may become; watches what ffmpeg tells of its progress."""

    def __init__(self, plan: Plan, progress: Callable[[str], object]) -> None:
        self._wanted = max(how.min_savings for how in plan.video_encodes.values())
        self._bytes = plan.before.size * (1 - self._wanted)
        self._duration = plan.before.duration
        self._progress = progress
        self._written = 0

    def take(self, line: str) -> object:
        """A line of progress. ``SavingsError`` once the whole would clearly be too large."""
        key, _, value = line.partition("=")
        if value.strip().isdigit():
            if key == "total_size":
                self._written = int(value)
            elif key == "out_time_us" and self._duration:
                part = int(value) / 1_000_000 / self._duration
                if part >= _SURE and self._written / part > self._bytes * _MARGIN:
                    raise self._error(int(self._written / part))
        return self._progress(line)

    def check(self, size: int) -> None:
        """``SavingsError`` if that is too large."""
        if size > self._bytes:
            raise self._error(size)

    def _error(self, size: int) -> SavingsError:
        return SavingsError(
            f"encoded, the file would have {size:,} bytes; that saves less than "
            f"{self._wanted:.0%} (min_savings), so its video stays as it is"
        )
