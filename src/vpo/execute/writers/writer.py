"""The base class of the writers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from vpo.execute.context import RunContext
from vpo.execute.work import Applied, Work
from vpo.plan.model import Plan, Strategy
from vpo.tools.programs import Tools


class Writer(ABC):
    """One way to carry out a plan.

    The constructor checks the plan: ``PlanError`` for what this writer would lose. ``warnings``
    name minor losses, which are no reason to refuse the plan.
    """

    strategy: Strategy
    warnings: tuple[str, ...] = ()

    def __init__(self, plan: Plan, context: RunContext) -> None:
        self.plan, self.context = plan, context

    @classmethod
    @abstractmethod
    def suits(cls, plan: Plan, tools: Tools) -> bool:
        """Return whether this writer can carry out the plan with these tools."""

    @abstractmethod
    def apply(self, work: Work) -> Applied:
        """Carry out the plan on the locked file."""
