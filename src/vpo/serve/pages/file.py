"""The page of one file: what it is, what would change and why, its history, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from vpo.errors import CancelledError, FileError, UsageError, VpoError
from vpo.execute.outcome import Outcome
from vpo.media.facts import facts_of
from vpo.media.model import MediaFile, Track
from vpo.report.diff import plan_rows
from vpo.report.history import changes_made
from vpo.report.media import columns_of, damage_lines
from vpo.report.text import shows_changes
from vpo.serve.context import Context, ServeContext
from vpo.serve.file_actions import (
    end_leaving_alone,
    leave_alone,
    picture_of,
    picture_time,
    plan_file,
    process_now,
    restore_file,
)
from vpo.serve.file_view import FileView, file_view
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.rendering import render
from vpo.serve.paths_in_urls import file_url, query_path
from vpo.text import format_bit_rate

router = APIRouter()
_DONE = {
    "process": "It is at the front of the queue.",
    "ignore": "vpo leaves this file alone from now on.",
    "unignore": "vpo processes this file again from now on.",
    "undo": "The original is back.",
}
"""What a page says after an action."""
_TIMES = (0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9)
_TYPES = {"video": "Video", "audio": "Audio", "subtitle": "Subtitles", "data": "Data"}


class TrackRow(NamedTuple):
    """A track in the words of `vpo inspect`."""

    number: int
    codec: str
    language: str
    form: str
    title: str
    flags: str
    rate: str


class PlanView(NamedTuple):
    """The plan of a file, or why there is none."""

    outcome: Outcome | None
    rows: list[Any]
    notes: list[str]
    problem: str = ""


@router.get("/file")
async def file_page(request: Request, context: Context) -> Response:
    """Show a file; with "plan" also its plan, with "pictures" a picture of it."""
    query, path = request.query_params, query_path(request)
    view = await run_in_threadpool(file_view, context, path)
    if view is None:
        return render("file_missing.html", 404, here="library")
    plan = await _plan(context, view) if "plan" in query else None
    at = _seconds(query.get("at")) if "pictures" in query or "at" in query else None
    shown = "pictures" in query or at is not None
    return _page(view, plan=plan, done=_DONE.get(query.get("done", ""), ""), at=at, pictures=shown)


@router.get("/file/picture")
async def picture(request: Request, context: Context) -> Response:
    """Answer with a picture of the file, or of its original, at a time."""
    view = await run_in_threadpool(file_view, context, query_path(request))
    if view is None:
        raise HTTPException(404, "there is no such file")
    original = request.query_params.get("of") == "original"
    at = _seconds(request.query_params.get("at"))
    return await picture_response(context, view, original, at)


async def picture_response(
    context: ServeContext, view: FileView, original: bool, at: float | None
) -> Response:
    """Return a picture as the answer to a request."""
    try:
        data = await context.work.do(picture_of, context, view, original, at)
    except (FileError, UsageError) as error:
        raise HTTPException(404, str(error)) from None
    return Response(data, media_type="image/jpeg")


@router.post("/file")
async def change_file(request: Request, context: Context) -> Response:
    """Do what the form asks, and show the file again."""
    fields, path = await form_fields(request), query_path(request)
    action = one(fields, "action")
    if action not in _DONE:
        raise HTTPException(400, "the form names no action")
    try:
        if action == "undo":
            alone = one(fields, "alone") == "yes"
            path = await context.work.do(restore_file, context, path, alone)
        else:
            await context.work.do(_ACTIONS[action], context, path)
    except (FileError, UsageError) as error:
        view = await run_in_threadpool(file_view, context, path)
        if view is None:
            return render("file_missing.html", 404, here="library")
        status = 400 if isinstance(error, UsageError) else 409
        return _page(view, status=status, problem=str(error))
    return RedirectResponse(f"{file_url(path)}&done={action}", 303)


_ACTIONS: Mapping[str, Callable[[ServeContext, str], None]] = {
    "process": process_now,
    "ignore": leave_alone,
    "unignore": end_leaving_alone,
}


async def _plan(context: ServeContext, view: FileView) -> PlanView:
    if view.library is None:
        return PlanView(None, [], [], "The file is not in a library, or is not there now.")
    try:
        outcome, notes = await context.work.do(plan_file, context, view.path)
    except CancelledError:
        return PlanView(None, [], [], "The server ends.")
    except VpoError as error:
        return PlanView(None, [], [], str(error))
    shown = shows_changes(outcome, dry_run=True)
    rows = list(plan_rows(outcome.plan, effective=shown)) if outcome.plan else []
    return PlanView(outcome, rows, notes)


def _page(view: FileView, status: int = 200, **values: Any) -> Response:
    media = view.detail.media
    at = values.pop("at", None)
    shown: dict[str, Any] = {"plan": None, "problem": "", "done": "", "pictures": False}
    return render(
        "file.html",
        status,
        **(shown | values),
        here="library",
        view=view,
        url=file_url(view.path),
        media=media,
        facts=facts_of(media) if media else None,
        groups=_groups(media) if media else [],
        damage=list(damage_lines(view.health)) if view.health else [],
        history=[(row, list(changes_made(row))) for row in view.detail.history],
        at=picture_time(view, at),
        times=[media.duration * part for part in _TIMES] if media and media.duration else [],
    )


def _groups(media: MediaFile) -> list[tuple[str, list[TrackRow]]]:
    """Return the tracks by type."""
    found = [(title, [_row(track) for track in media.of(kind)]) for kind, title in _TYPES.items()]
    return [(title, rows) for title, rows in found if rows]


def _row(track: Track) -> TrackRow:
    _, codec, language, form, _, flags = columns_of(track)
    rate = format_bit_rate(track.bit_rate) if track.bit_rate else ""
    return TrackRow(track.index, codec, language, form, track.title or "", flags, rate)


def _seconds(text: str | None) -> float | None:
    """Return a time in seconds; ``None`` for what is none."""
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if 0 <= found < 1e6 else None
