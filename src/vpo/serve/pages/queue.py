"""The page of the queue: what runs and waits, and what a person does about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from vpo.db.queue import FileQueue
from vpo.errors import UsageError
from vpo.run.enqueue import new_items
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.rendering import render

router = APIRouter()
_SHOWN = 200
"""The most files on the page; the others are counted."""
_ACTIONS: Mapping[str, Callable[[FileQueue, list[int]], int]] = {
    "front": lambda queue, ids: queue.move(ids, "front"),
    "back": lambda queue, ids: queue.move(ids, "back"),
    "hold": FileQueue.hold,
    "release": FileQueue.release,
    "cancel": FileQueue.cancel,
}


@router.get("/queue")
def queue_page(context: Context) -> Response:
    """Show the files that run and wait."""
    return _page(context)


@router.post("/queue")
async def change_queue(request: Request, context: Context) -> Response:
    """Move, hold, release or cancel one file."""
    fields = await form_fields(request)
    action, number = _ACTIONS.get(one(fields, "action")), one(fields, "id")
    if action is None or not (number.isascii() and number.isdigit()):
        raise HTTPException(400, "the form names no action and file of the queue")
    await run_in_threadpool(action, FileQueue(context.pool), [int(number)])
    return RedirectResponse("/queue", 303)


@router.post("/queue/add")
async def add_to_queue(request: Request, context: Context) -> Response:
    """Add the videos of a path in a library."""
    path = one(await form_fields(request), "path")
    return await run_in_threadpool(_add, context, path)


def _add(context: ServeContext, path: str) -> Response:
    if not path:
        return _page(context, "Name a file or a folder in a library.", 400)
    try:
        FileQueue(context.pool).add(new_items(context.settings, [path], "person"))
    except UsageError as error:
        return _page(context, str(error), 400)
    return RedirectResponse("/queue", 303)


def _page(context: ServeContext, problem: str = "", status: int = 200) -> Response:
    queue = FileQueue(context.pool)
    counts = queue.counts()
    items = queue.items(limit=_SHOWN)
    return render(
        "queue.html",
        status,
        here="queue",
        items=items,
        counts=counts,
        more=sum(counts.values()) - len(items),
        problem=problem,
        libraries=context.settings.config.libraries,
    )
