"""Video Policy Orchestrator: keeps a video library the way its owner wants it.

What is named in ``__all__`` is the public API, imported when it is first used; ``docs/api.md``
describes it. Everything else is private and may change at any time.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vpo.discover import Discovery
    from vpo.errors import (
        ApprovalError,
        BusyError,
        CancelledError,
        ConfigError,
        ConvergeError,
        DamagedError,
        DatabaseError,
        DiscoverError,
        ExcludedError,
        FileError,
        InUseError,
        LinkedError,
        LockedError,
        PlanError,
        PolicyError,
        ProbeError,
        PublishError,
        SavingsError,
        SourceChangedError,
        SpaceError,
        ToolError,
        ToolMissingError,
        UsageError,
        VerifyError,
        VpoError,
    )
    from vpo.execute.outcome import Outcome
    from vpo.execute.work import Applied
    from vpo.media.model import Attachment, Chapter, MediaFile, Track
    from vpo.plan.evaluate import evaluate
    from vpo.plan.model import Change, Plan
    from vpo.policy.document import Policy
    from vpo.policy.loader import load_policy
    from vpo.run.api import RunOptions, apply, probe, run
    from vpo.run.observer import Observer, Silent
    from vpo.run.progress import ProgressSource, RunningFile, RunProgress
    from vpo.run.request import Interrupt, Request
    from vpo.run.summary import Summary

__all__ = [
    "Applied",
    "ApprovalError",
    "Attachment",
    "BusyError",
    "CancelledError",
    "Change",
    "Chapter",
    "ConfigError",
    "ConvergeError",
    "DamagedError",
    "DatabaseError",
    "DiscoverError",
    "Discovery",
    "ExcludedError",
    "FileError",
    "InUseError",
    "Interrupt",
    "LinkedError",
    "LockedError",
    "MediaFile",
    "Observer",
    "Outcome",
    "Plan",
    "PlanError",
    "Policy",
    "PolicyError",
    "ProbeError",
    "ProgressSource",
    "PublishError",
    "Request",
    "RunOptions",
    "RunProgress",
    "RunningFile",
    "SavingsError",
    "Silent",
    "SourceChangedError",
    "SpaceError",
    "Summary",
    "ToolError",
    "ToolMissingError",
    "Track",
    "UsageError",
    "VerifyError",
    "VpoError",
    "apply",
    "evaluate",
    "load_policy",
    "probe",
    "run",
]

_MODULES = {
    "vpo.discover": "Discovery",
    "vpo.execute.outcome": "Outcome",
    "vpo.execute.work": "Applied",
    "vpo.media.model": "Attachment Chapter MediaFile Track",
    "vpo.plan.evaluate": "evaluate",
    "vpo.plan.model": "Change Plan",
    "vpo.policy.document": "Policy",
    "vpo.policy.loader": "load_policy",
    "vpo.run.api": "RunOptions apply probe run",
    "vpo.run.observer": "Observer Silent",
    "vpo.run.progress": "ProgressSource RunProgress RunningFile",
    "vpo.run.request": "Interrupt Request",
    "vpo.run.summary": "Summary",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}
"""The module of each public name; the others are errors."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'vpo' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "vpo.errors")), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps ``vpo.probe`` and ``vpo.run`` the functions of the public API.

    The import system would put the packages of these names in their place; it is ignored.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
