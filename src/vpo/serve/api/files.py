"""``/api/v1/files`` and ``/api/v1/library``: files by their facts, and counts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from vpo.db.facts import ORDERS, SEVERAL, SINGLE, Facts
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context

router = APIRouter(tags=["library"])
FilterValue = Annotated[str | None, Query(max_length=200)]


@router.get("/files", response_class=AsciiJSON)
def files(
    context: Context,
    container: FilterValue = None,
    video: FilterValue = None,
    resolution: FilterValue = None,
    hdr: FilterValue = None,
    audio: FilterValue = None,
    language: FilterValue = None,
    subtitles: FilterValue = None,
    compliance: FilterValue = None,
    health: FilterValue = None,
    name: FilterValue = None,
    sort: FilterValue = "path",
    cursor: Annotated[str | None, Query(max_length=20_000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AsciiJSON:
    """List files; "sort" is path, size or seconds, with "-" in front for the reverse."""
    given = {
        "container": container,
        "video": video,
        "resolution": resolution,
        "hdr": hdr,
        "audio": audio,
        "language": language,
        "subtitles": subtitles,
        "compliance": compliance,
        "health": health,
        "name": name,
    }
    filters = {key: value for key, value in given.items() if value is not None}
    order = (sort or "path").removeprefix("-")
    if order not in ORDERS:
        raise HTTPException(400, f"sort: {order} is none of {', '.join(ORDERS)}")
    descending = (sort or "").startswith("-")
    try:
        page = Facts(context.pool).page(
            filters, order, descending=descending, cursor=cursor, limit=limit
        )
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return AsciiJSON({"files": [row._asdict() for row in page.files], "cursor": page.cursor})


@router.get("/library")
def counts(context: Context) -> dict[str, Any]:
    """Count the files and bytes by each value of each fact."""
    facts = Facts(context.pool)
    total = facts.count({})
    values = {name: [item._asdict() for item in facts.values(name)] for name in (*SINGLE, *SEVERAL)}
    return {"files": total.files, "bytes": total.bytes, "facts": values}
