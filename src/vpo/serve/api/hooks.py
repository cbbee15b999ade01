"""``/api/v1/hooks``: Sonarr and Radarr say what they have imported, renamed and deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from vpo.db.queue import FileQueue
from vpo.errors import UsageError
from vpo.plugins.server_paths import ServerPaths
from vpo.run.enqueue import new_items
from vpo.serve.context import Context, ServeContext
from vpo.serve.hooks import HookEvent, Program, read_hook

router = APIRouter(tags=["hooks"])
_RAISED = 100
"""What is added to the priority of a library: somebody waits for what has just arrived."""


@router.post("/hooks/{program}")
def take_hook(
    program: Program, context: Context, body: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """Queue the files that a program has imported or renamed; forget those that are gone."""
    try:
        event = read_hook(program, body)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    paths = ServerPaths(getattr(context.settings.config, program).path_map)
    removed = _remove(context, event, paths)
    return {"event": event.event, "added": _add(context, program, event, paths), "removed": removed}


def _add(context: ServeContext, program: Program, event: HookEvent, paths: ServerPaths) -> int:
    """Queue the new files. Raises ``HTTPException``, which the program shows to its user."""
    local = [paths.to_local(path) for path in event.new]
    try:
        items = new_items(context.settings, [path or "" for path in local], "hook", _RAISED)
    except UsageError as error:
        raise HTTPException(
            422,
            f"{error} (if {program.capitalize()} sees its files at other paths than vpo, set"
            f" path_map in [plugins.{program}])",
        ) from None
    return FileQueue(context.pool).add(items)


def _remove(context: ServeContext, event: HookEvent, paths: ServerPaths) -> int:
    """Take out of the queue what is gone."""
    if not event.gone and not event.gone_folders:
        return 0
    queue = FileQueue(context.pool)
    gone = {paths.to_local(path) for path in event.gone}
    folders = [path for each in event.gone_folders if (path := paths.to_local(each))]
    ids = [
        item.id
        for item in queue.items()
        if item.path in gone or any(item.path.startswith(f"{folder}/") for folder in folders)
    ]
    return queue.cancel(ids) if ids else 0
