"""``/api/v1/events``: the events of the server as a stream."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from vpo.serve.context import Context

router = APIRouter(tags=["events"])


@router.get("/events", response_class=StreamingResponse)
async def stream(context: Context) -> StreamingResponse:
    """Stream what happens as server-sent events."""
    return StreamingResponse(context.events.stream(), media_type="text/event-stream")
