"""Remuxes from Matroska to Matroska with mkvmerge."""

from __future__ import annotations

from vpo.execute.context import RunContext
from vpo.execute.rewrite import rewrite
from vpo.execute.work import Applied, Work, Written
from vpo.execute.workspace import Workspace, tool_path
from vpo.execute.writers.writer import Writer
from vpo.media.containers import container
from vpo.plan.model import Plan
from vpo.policy.change_kind import ChangeKind
from vpo.tools import losses, mkvmerge, mkvpropedit
from vpo.tools.mkvmerge import MkvmergeOutput
from vpo.tools.process import Command
from vpo.tools.programs import Tools


class MkvmergeRemux(Writer):
    """Remuxes a Matroska file with mkvmerge, which keeps elements that ffmpeg drops."""

    strategy = "remux"

    def __init__(self, plan: Plan, context: RunContext) -> None:
        super().__init__(plan, context)
        self.warnings = tuple(f"mkvmerge does not keep {what}" for what in plan.before.outside)

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:
        kinds = {change.kind for change in plan.changes}
        return (
            tools.mkvmerge is not None
            and plan.strategy != "transcode"
            and container(plan.before.container).matroska
            and plan.before.container == plan.after.container
            and not plan.sources
            and all(track.matroska_id is not None for track in plan.before.tracks)
            and not any(losses.mkvmerge_loses(track) for track in plan.after.tracks)
            and not losses.has_broken_texts(plan.after)
            # Of a name like "fonts/a.ttf", mkvmerge keeps what stands behind the last slash.
            and not any("/" in (item.filename or "") for item in plan.after.attachments)
            and (tools.mkvpropedit is not None or not mkvpropedit.restored_fields(plan))
            and kinds.isdisjoint({ChangeKind.TAG, ChangeKind.CODEC})
            # mkvmerge rejects WebM with the subtitles that ffmpeg writes into it (D_WEBVTT).
            and (
                container(plan.after.container).mkvmerge_subtitles or not plan.after.of("subtitle")
            )
        )

    def apply(self, work: Work) -> Applied:
        return rewrite(work, self._write, prove=True)

    def _write(self, work: Work, workspace: Workspace) -> Written:
        tools, lock = self.context.tools, work.lock
        source = tool_path(lock.path, lock.fd)
        output = tool_path(workspace.path, workspace.fd)
        argv = mkvmerge.argv(tools.need("mkvmerge"), self.plan, source, output)
        heard = MkvmergeOutput(work.report)
        tools.run(Command(argv, workspace.path, (0, 1), (*lock.fds, workspace.fd)), heard)
        self._restore_fields(workspace)
        return Written(tuple(f"mkvmerge: {line}" for line in heard.warnings))

    def _restore_fields(self, workspace: Workspace) -> None:
        tools, edits = self.context.tools, mkvpropedit.restored_fields(self.plan)
        if edits:
            path = tool_path(workspace.path, workspace.fd)
            argv = mkvpropedit.finishing_argv(tools.need("mkvpropedit"), path, edits, False)
            tools.run(Command(argv, ok=(0, 1), fds=(workspace.fd,)))
