"""The first page: what runs, what waits and why, and what was saved."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from vpo.config.libraries import opening, settings_of
from vpo.db.queue import FileQueue
from vpo.db.savings import Saved, Savings
from vpo.report.status_json import status_json
from vpo.run.schedule import pause, resume
from vpo.run.worker_number import set_worker_number, worker_number
from vpo.run.workers import MOST_WORKERS
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.rendering import render

router = APIRouter()
_NEXT = 5
"""How many of the waiting files are shown."""


class Amount(NamedTuple):
    """What was saved in a time."""

    title: str
    saved: Saved


@router.get("/")
def now_page(context: Context) -> Response:
    """Show what runs and what waits."""
    return HTMLResponse(context.now_page.get(lambda: bytes(_page(context).body)))


def _page(context: ServeContext) -> Response:
    status = status_json(context.settings, context.pool)
    return render(
        "now.html",
        here="now",
        paused=status["paused"],
        own=os.getpid(),  # of the queue's runs, the total is what was taken so far
        runs=status["runs"],
        counts=status["queue"],
        following=FileQueue(context.pool).items("waiting", _NEXT),
        workers=worker_number(context.settings.data_dir) or context.settings.workers,
        most=MOST_WORKERS,
        amounts=_amounts(Savings(context.pool)),
        closed=_closed(context),
        libraries=context.settings.config.libraries,
    )


@router.post("/")
async def change_now(request: Request, context: Context) -> Response:
    """Pause, resume, or set the number of workers."""
    fields = await form_fields(request)
    action = one(fields, "action")
    if action == "pause":
        await run_in_threadpool(pause, context.settings.data_dir)
    elif action == "resume":
        await run_in_threadpool(resume, context.settings.data_dir)
    elif action in ("more", "fewer"):
        await run_in_threadpool(_change_workers, context, 1 if action == "more" else -1)
    else:
        raise HTTPException(400, "the form names no action")
    context.now_page.forget()
    return RedirectResponse("/", 303)


def _change_workers(context: ServeContext, by: int) -> None:
    folder = context.settings.data_dir
    number = (worker_number(folder) or context.settings.workers) + by
    set_worker_number(folder, min(max(number, 1), MOST_WORKERS))


def _amounts(savings: Savings) -> list[Amount]:
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        Amount("today", savings.since(today)),
        Amount("this month", savings.since(today.replace(day=1))),
        Amount("ever", savings.since()),
    ]


def _closed(context: ServeContext) -> list[tuple[str, str]]:
    """Return the libraries outside their hours, and when these begin."""
    now, found = datetime.now(), []
    for library in context.settings.config.libraries:
        opens = opening(settings_of(context.settings, library), now)
        if opens is not None:
            found.append((library.name, f"{opens:%a %H:%M}"))
    return found
