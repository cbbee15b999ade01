"""The public interface of plugins; everything else in this package is internal.

The names are imported on first use, because most runs use no plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpo.plugins.interface import (
        GROUP,
        ConfigError,
        Fields,
        FileReport,
        RunReport,
        SourceError,
        Value,
        hookimpl,
        vpo_after_file,
        vpo_after_run,
        vpo_changed,
        vpo_metadata,
        vpo_rename,
    )

__all__ = [
    "GROUP",
    "ConfigError",
    "Fields",
    "FileReport",
    "RunReport",
    "SourceError",
    "Value",
    "hookimpl",
    "vpo_after_file",
    "vpo_after_run",
    "vpo_changed",
    "vpo_metadata",
    "vpo_rename",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("vpo.plugins.interface"), name)
