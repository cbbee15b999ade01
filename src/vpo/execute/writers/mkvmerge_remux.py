"""Remuxes from Matroska to Matroska with mkvmerge."""

from __future__ import annotations

from vpo.errors import VerifyError
from vpo.execute.proof import source_end_times
from vpo.execute.rewrite import rewrite
from vpo.execute.work import Applied, Work, Written
from vpo.execute.workspace import Workspace, tool_path
from vpo.execute.writers.writer import Writer
from vpo.media.containers import container
from vpo.plan.model import Plan
from vpo.policy.change_kind import ChangeKind
from vpo.tools import losses, mkvmerge
from vpo.tools.mkvmerge import MkvmergeOutput
from vpo.tools.process import Command
from vpo.tools.programs import Tools

_SALVAGE = (
    "Error in the Matroska file structure",
    "Resync failed",
    "Resyncing",
    "invalid data which were skipped",
)


class MkvmergeRemux(Writer):
    """Remuxes a Matroska file with mkvmerge, which keeps elements that ffmpeg drops."""

    strategy = "remux"

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:
        kinds = {change.kind for change in plan.changes}
        return (
            tools.mkvmerge is not None
            and plan.strategy != "transcode"
            and container(plan.before.container).matroska
            and plan.before.container == plan.after.container
            and all(track.matroska_id is not None for track in plan.before.tracks)
            and not any(losses.mkvmerge_loses(track) for track in plan.after.tracks)
            and kinds.isdisjoint({ChangeKind.TAG, ChangeKind.CODEC})
            # mkvmerge rejects WebM with the subtitles that ffmpeg writes into it (D_WEBVTT).
            and (
                container(plan.after.container).mkvmerge_subtitles or not plan.after.of("subtitle")
            )
        )

    def apply(self, work: Work) -> Applied:
        return rewrite(work, self._write, ends=source_end_times(self.plan, self.context.prober))

    def _write(self, work: Work, workspace: Workspace) -> Written:
        tools, lock = self.context.tools, work.lock
        source = tool_path(lock.path, lock.fd)
        output = tool_path(workspace.path, workspace.fd)
        argv = mkvmerge.argv(tools.need("mkvmerge"), self.plan, source, output)
        output_reader = MkvmergeOutput(work.report)
        tools.run(Command(argv, workspace.path, (0, 1), (lock.fd, workspace.fd)), output_reader)
        _refuse_salvage(output_reader.warnings)
        return Written(tuple(f"mkvmerge: {line}" for line in output_reader.warnings))


def _refuse_salvage(warnings: list[str]) -> None:
    """Raise ``VerifyError`` if mkvmerge skipped damaged parts of the source."""
    for line in warnings:
        if any(words in line for words in _SALVAGE):
            raise VerifyError(f"the file is damaged and parts of it would be lost: {line}")
