"""Plans that write files beside the film, and do not change it."""

from __future__ import annotations

from vpo.execute.work import Applied, Work
from vpo.execute.writers.writer import Writer
from vpo.plan.model import Plan
from vpo.tools.programs import Tools


class ExtractOnly(Writer):
    """Leaves the film as it is; the files beside it are written with every plan."""

    strategy = "extract"

    @classmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:  # noqa: ARG003
        return plan.strategy == "extract"

    def apply(self, work: Work) -> Applied:
        work.lock.check()
        work.check(self.plan.before)
        return Applied(self.plan.before)
