"""``/api/v1/files/{id}``: one file, its plan, its pictures, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from vpo.db.file_details import FileDetails
from vpo.errors import BusyError
from vpo.media.model import media_to_json
from vpo.report import JSON_SCHEMA_VERSION
from vpo.report.history import record_json
from vpo.report.jsonl import file_json
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context, ServeContext
from vpo.serve.file_actions import (
    end_leaving_alone,
    leave_alone,
    plan_file,
    process_now,
    restore_file,
)
from vpo.serve.file_view import FileView, file_view
from vpo.serve.file_work import Answer
from vpo.serve.pages.file import picture_response

router = APIRouter(tags=["file"])
_Time = Annotated[float | None, Query(ge=0, le=1e6)]


@router.get("/files/{file_id}", response_class=AsciiJSON)
def show_file(file_id: str, context: Context) -> AsciiJSON:
    """Show what the database has about a file; "media" is as `vpo inspect` has it."""
    return AsciiJSON(_file(_view(context, file_id)))


@router.get("/files/{file_id}/plan", response_class=AsciiJSON)
async def show_plan(file_id: str, context: Context) -> AsciiJSON:
    """Plan the file by the policy of its library, as `vpo process --dry-run` does."""
    outcome, notes = await context.work.do(_on_file, plan_file, context, file_id)
    return AsciiJSON(
        {"schema_version": JSON_SCHEMA_VERSION, "notes": notes, "file": file_json(outcome)}
    )


@router.get("/files/{file_id}/picture", responses={200: {"content": {"image/jpeg": {}}}})
async def show_picture(
    file_id: str, context: Context, original: bool = False, at: _Time = None
) -> Response:
    """Answer with a picture of the file, or of its kept original, at a time in seconds."""
    view = await run_in_threadpool(_view, context, file_id)
    return await picture_response(context, view, original, at)


@router.post("/files/{file_id}/process", response_class=AsciiJSON)
async def post_process(file_id: str, context: Context) -> AsciiJSON:
    """Put the file at the front of the queue."""
    return await _changed(process_now, context, file_id)


@router.post("/files/{file_id}/ignore", response_class=AsciiJSON)
async def post_ignore(file_id: str, context: Context) -> AsciiJSON:
    """Leave the file alone from now on, as `vpo ignore`."""
    return await _changed(leave_alone, context, file_id)


@router.post("/files/{file_id}/unignore", response_class=AsciiJSON)
async def post_unignore(file_id: str, context: Context) -> AsciiJSON:
    """Process the file again from now on, as `vpo ignore --remove`."""
    return await _changed(end_leaving_alone, context, file_id)


@router.post("/files/{file_id}/undo", response_class=AsciiJSON)
async def post_undo(file_id: str, context: Context, ignore: bool = False) -> AsciiJSON:
    """Restore the last original of the file, as `vpo undo`; "ignore": and leave it alone."""
    try:
        restored = await context.work.do(_on_file, restore_file, context, file_id, ignore)
    except BusyError as error:
        raise HTTPException(409, str(error)) from None
    return AsciiJSON({"path": restored})


async def _changed(
    action: Callable[[ServeContext, str], None], context: ServeContext, file_id: str
) -> AsciiJSON:
    """Do what a person wants with a file, and answer with the file."""
    await context.work.do(_on_file, action, context, file_id)
    return AsciiJSON(_file(await run_in_threadpool(_view, context, file_id)))


def _on_file(
    action: Callable[..., Answer], context: ServeContext, file_id: str, *more: object
) -> Answer:
    return action(context, _path(context, file_id), *more)


def _path(context: ServeContext, file_id: str) -> str:
    path = FileDetails(context.pool).path_of(file_id)
    if path is None:
        raise HTTPException(404, "there is no file with this id")
    return path


def _view(context: ServeContext, file_id: str) -> FileView:
    view = file_view(context, _path(context, file_id))
    if view is None:  # it has gone from the index since
        raise HTTPException(404, "there is no file with this id")
    return view


def _file(view: FileView) -> dict[str, Any]:
    detail, health = view.detail, None
    if view.health is not None and detail.is_health_current:
        health = {"intact": view.health.intact, **asdict(view.health)}
    return {
        "schema_version": JSON_SCHEMA_VERSION,
        "id": detail.id,
        "path": view.path,
        "library": view.library.name if view.library else None,
        "media": {**media_to_json(detail.media), "health": health} if detail.media else None,
        "probed_at": detail.probed_at.isoformat() if detail.probed_at else None,
        "compliance": [{**item._asdict(), "at": item.at.isoformat()} for item in detail.judged],
        "ignored": view.ignored,
        "queued": view.queued.state if view.queued else None,
        "can_undo": view.kept is not None and view.kept_problem is None,
        "history": [record_json(row) for row in detail.history],
    }
