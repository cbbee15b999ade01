"""``/api/v1/runs``: past runs, and what they did."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from vpo.errors import UsageError
from vpo.report.history import record_json
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context

router = APIRouter(tags=["runs"])
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/runs", response_class=AsciiJSON)
def list_runs(context: Context, cursor: str | None = None, limit: Limit = 50) -> AsciiJSON:
    """List past runs, newest first."""
    found = context.store.runs(limit + 1, cursor)
    behind = found[limit - 1].id if len(found) > limit else None
    return AsciiJSON({"runs": [record_json(run) for run in found[:limit]], "cursor": behind})


@router.get("/runs/{run_id}", response_class=AsciiJSON)
def read_run(
    context: Context, run_id: str, cursor: str | None = None, limit: Limit = 500
) -> AsciiJSON:
    """Return what a run did to each file; "last" is the newest one."""
    try:
        run = context.store.run(run_id)
    except UsageError as error:
        raise HTTPException(404, str(error)) from None
    found = context.store.outcomes(run.id, limit + 1, cursor)
    files = [record_json(each) for each in found[:limit]]
    behind = found[limit - 1].id if len(found) > limit else None
    return AsciiJSON({"run": record_json(run), "files": files, "cursor": behind})
