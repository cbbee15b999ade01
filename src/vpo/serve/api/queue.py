"""``/api/v1/queue``: the files that wait, and what can be done about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from vpo.db.queue import FileQueue, Place, QueueState
from vpo.report.queue_json import item_json
from vpo.run.enqueue import FRONT, new_items
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context

router = APIRouter(tags=["queue"])
Ids = Annotated[list[int], Field(min_length=1, max_length=10_000)]


class NewPaths(BaseModel):
    """Files or folders in a library; ``front``: before all that waits."""

    model_config = ConfigDict(extra="forbid")
    paths: Annotated[list[str], Field(min_length=1, max_length=1000)]
    front: bool = False


class QueuedIds(BaseModel):
    """Files of the queue by their ids."""

    model_config = ConfigDict(extra="forbid")
    ids: Ids


class Destination(BaseModel):
    """Where files go: to the front or the back, or to before another one."""

    model_config = ConfigDict(extra="forbid")
    ids: Ids
    to: Place | None = None
    before: int | None = None


@router.get("/queue", response_class=AsciiJSON)
def list_queue(
    context: Context,
    state: QueueState | None = None,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AsciiJSON:
    """List the files in the order in which they go."""
    queue = FileQueue(context.pool)
    # One more than asked for says whether there are any behind.
    found = queue.items(state, cursor + limit + 1)[cursor:]
    behind = cursor + limit if len(found) > limit else None
    listed = [item_json(item) for item in found[:limit]]
    return AsciiJSON({"queue": listed, "counts": queue.counts(), "cursor": behind})


@router.post("/queue")
def add_files(context: Context, wanted: NewPaths) -> dict[str, Any]:
    """Add the videos at these paths."""
    new = new_items(context.settings, wanted.paths, "person", FRONT if wanted.front else 0)
    added = FileQueue(context.pool).add(new)
    return {"added": added, "known": len(new) - added}


@router.post("/queue/move")
def move_files(context: Context, wanted: Destination) -> dict[str, Any]:
    """Move files."""
    queue = FileQueue(context.pool)
    if wanted.before is not None and wanted.to is None:
        return {"moved": queue.move_before(wanted.ids, wanted.before)}
    if wanted.to is not None and wanted.before is None:
        return {"moved": queue.move(wanted.ids, wanted.to)}
    raise HTTPException(422, 'give either "to" or "before"')


@router.post("/queue/{action}")
def change_files(
    context: Context, action: Literal["hold", "release", "cancel"], wanted: QueuedIds
) -> dict[str, Any]:
    """Hold files, have held ones wait again, or take files out and end those that run."""
    done = {
        "hold": ("held", FileQueue.hold),
        "release": ("released", FileQueue.release),
        "cancel": ("cancelled", FileQueue.cancel),
    }
    name, method = done[action]
    return {name: method(FileQueue(context.pool), wanted.ids)}
