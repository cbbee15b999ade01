"""``/api/v1/status``: what runs and waits; pausing, and the number of workers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vpo.db.savings import Savings
from vpo.report.status_json import libraries_json, status_json
from vpo.run.schedule import pause, resume
from vpo.run.worker_number import set_worker_number, worker_number
from vpo.run.workers import MOST_WORKERS
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context, ServeContext

router = APIRouter(tags=["status"])


class PauseEnd(BaseModel):
    """Until when nothing starts; without it, until it is resumed."""

    model_config = ConfigDict(extra="forbid")
    until: AwareDatetime | None = None


class WorkerNumber(BaseModel):
    """How many files are processed at once; null: as configured."""

    model_config = ConfigDict(extra="forbid")
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] | None


@router.get("/status", response_class=AsciiJSON)
def read_status(context: Context) -> AsciiJSON:
    """Return what runs and what waits, as ``vpo status`` does, and what was saved ever."""
    saved = Savings(context.pool).since()
    return AsciiJSON(
        {
            **status_json(context.settings, context.pool),
            "libraries": list(libraries_json(context.settings, context.pool)),
            "changed": saved.files,
            "saved": saved.bytes,
            **_workers(context),
        }
    )


@router.post("/pause")
def pause_runs(
    context: Context, wanted: Annotated[PauseEnd | None, Body()] = None
) -> dict[str, Any]:
    """Pause all runs, as ``vpo pause`` does."""
    until = wanted.until.astimezone(timezone.utc) if wanted and wanted.until else None
    pause(context.settings.data_dir, until)
    return {"paused": True, "until": _text(until)}


@router.post("/resume")
def resume_runs(context: Context) -> dict[str, Any]:
    """End the pause, as ``vpo resume`` does."""
    return {"resumed": resume(context.settings.data_dir)}


@router.put("/workers")
def set_workers(context: Context, wanted: WorkerNumber) -> dict[str, Any]:
    """Set the number of workers, as ``vpo queue workers`` does."""
    set_worker_number(context.settings.data_dir, wanted.workers)
    return _workers(context)


def _workers(context: ServeContext) -> dict[str, Any]:
    chosen = worker_number(context.settings.data_dir)
    return {"workers": chosen or context.settings.workers, "default": chosen is None}


def _text(until: datetime | None) -> str | None:
    return None if until is None else until.isoformat()
