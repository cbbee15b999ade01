"""What a shell offers behind a command: runs and phases. Whatever goes wrong, it is silent."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from vpo.errors import VpoError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The ids of the latest runs, with when they began."""
    from click.shell_completion import CompletionItem  # late, as all of this: only shells need it

    from vpo.config.builder import build
    from vpo.db.connection import DaemonConnectionPool
    from vpo.db.store import Store

    with contextlib.suppress(VpoError):
        path = build({}).data_dir / "vpo.db"
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
    """The same, and files."""
    from click.shell_completion import CompletionItem

    return [*runs(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def phases(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The phases of the policies that stand before, behind those that are named already."""
    from click.shell_completion import CompletionItem

    from vpo.policy.loader import load_policy

    before, comma, begun = incomplete.rpartition(",")
    named = before.split(",")
    found: list[CompletionItem] = []
    for path in ctx.params.get("policies") or ():
        with contextlib.suppress(VpoError):
            found += [
                CompletionItem(f"{before}{comma}{phase.name}")
                for phase in load_policy(path).phases
                if phase.name.startswith(begun) and phase.name not in named
            ]
    return found
