"""Shell completion of runs, files, policies, libraries and phases. Errors are silent."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import click

from vpo.errors import VpoError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the ids of the latest runs, with the time at which they started."""
    from click.shell_completion import CompletionItem  # imported late: only for completion

    from vpo.config.builder import build
    from vpo.db.connection import DaemonConnectionPool
    from vpo.db.store import Store

    with contextlib.suppress(VpoError):
        path = build({}).database_path
        if path.exists():
            with DaemonConnectionPool(path, reading=True) as pool:
                return [
                    CompletionItem(run.id[:8], help=f"{run.started_at:%Y-%m-%d %H:%M}")
                    for run in Store(pool).runs()
                    if run.id.startswith(incomplete)
                ]
    return []


def runs_or_files(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the ids of the latest runs, and have the shell complete files."""
    from click.shell_completion import CompletionItem

    return [*runs(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def known_policies(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the policies of the configuration folder, and have the shell complete files."""
    from click.shell_completion import CompletionItem

    from vpo.config.builder import config_file
    from vpo.policy.policy_files import policy_names

    names = policy_names(os.path.join(config_file().parent, "policies"))
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


def known_libraries(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Return the libraries of the configuration."""
    from click.shell_completion import CompletionItem

    from vpo.config.builder import build

    with contextlib.suppress(VpoError):
        return [
            CompletionItem(library.name, help=library.policy)
            for library in build({}).config.libraries
            if library.name.startswith(incomplete)
        ]
    return []


def phases(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the phases of the policies given before, except those already listed."""
    from click.shell_completion import CompletionItem

    from vpo.policy.loader import load_policy

    before, comma, prefix = incomplete.rpartition(",")
    listed = before.split(",")
    found: list[CompletionItem] = []
    for path in ctx.params.get("policies") or ():
        with contextlib.suppress(VpoError):
            found += [
                CompletionItem(f"{before}{comma}{phase.name}")
                for phase in load_policy(path).phases
                if phase.name.startswith(prefix) and phase.name not in listed
            ]
    return found
