"""The pages of the runs: their list, and the report of each."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from vpo.errors import UsageError
from vpo.report.history import run_counts, run_subject
from vpo.report.page import report_body
from vpo.report.text import MIN_SAVED
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.rendering import drawing, render
from vpo.serve.paths_in_urls import file_url
from vpo.text import saved_text

router = APIRouter()
_SHOWN = 50


@router.get("/runs")
def runs_page(context: Context, cursor: str | None = None) -> Response:
    """List the runs, newest first."""
    found = context.store.runs(_SHOWN + 1, cursor)
    rows = []
    for run in found[:_SHOWN]:
        saved = (run.summary or {}).get("saved", 0)
        text = saved_text(saved) if abs(saved) >= MIN_SAVED else ""
        done = run_counts(run) or ("" if run.state == "running" else "nothing")
        rows.append((run, run_subject(run), done, text))
    older = found[_SHOWN - 1].id if len(found) > _SHOWN else None
    return render("runs.html", here="runs", rows=rows, newer=cursor is not None, older=older)


@router.get("/runs/{run_id}")
async def run_page(context: Context, run_id: str) -> Response:
    """Show the report of a run, which takes seconds for a run of very many files."""
    return await context.work.do(_report, context, run_id)


def _report(context: ServeContext, run_id: str) -> Response:
    try:
        run = context.store.run(run_id)
    except UsageError as error:
        raise HTTPException(404, str(error)) from None
    body = report_body(run, context.store.outcomes(run.id), file_url)
    return render("run.html", here="runs", run=run, body=drawing(body))
