"""The page of the system: what doctor finds, the end of the log, and the settings in force."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from vpo import __version__
from vpo.config.listing import list_settings, settings_json
from vpo.doctor import CheckResult, run_checks
from vpo.serve.context import Context
from vpo.serve.pages.rendering import render

router = APIRouter()
_LOG_BYTES = 20_000
"""How much of the end of the log is shown."""


@router.get("/system")
async def system_page(context: Context, checks: str = "") -> Response:
    """Show the system; what doctor finds takes seconds, and is asked for once the page is there."""
    found: list[CheckResult] | None = None
    if checks:
        found = await context.work.do(list, run_checks(context.settings))
    return render(
        "system.html",
        here="system",
        version=__version__,
        settings=settings_json(context.settings),
        listed=list(list_settings(context.settings)),
        checks=found,
        log=log_end(context.settings.config.logging.file),
    )


def log_end(path: Path | None) -> str | None:
    """Return the last lines of the log, ``None`` without one, and if it cannot be read."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _LOG_BYTES))
            data = file.read(_LOG_BYTES)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    # The first line is cut off.
    lines = data.partition(b"\n")[2] if size > _LOG_BYTES else data
    return lines.decode("utf-8", "replace")
