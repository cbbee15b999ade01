"""``/api/v1/runs``: past runs, and what they did."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from vpo.errors import UsageError
from vpo.report.history import record_json
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context

router = APIRouter(tags=["runs"])


@router.get("/runs", response_class=AsciiJSON)
def list_runs(
    context: Context,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AsciiJSON:
    """List past runs, newest first."""
    found = context.store.runs(limit + 1, cursor)
    behind = cursor + limit if len(found) > limit else None
    return AsciiJSON({"runs": [record_json(run) for run in found[:limit]], "cursor": behind})


@router.get("/runs/{run_id}", response_class=AsciiJSON)
def read_run(context: Context, run_id: str) -> AsciiJSON:
    """Return what a run did to each file; "last" is the newest one."""
    try:
        run = context.store.run(run_id)
    except UsageError as error:
        raise HTTPException(404, str(error)) from None
    outcomes = context.store.outcomes(run.id)
    return AsciiJSON({"run": record_json(run), "files": [record_json(each) for each in outcomes]})
