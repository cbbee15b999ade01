"""The page of the system: what doctor finds, the end of the log, and the settings in force."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from vpo import __version__
from vpo.config.listing import list_settings, settings_json
from vpo.config.worker_count import DEFAULT
from vpo.doctor import CheckResult, run_checks
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.rendering import render

router = APIRouter()
_LOG_BYTES = 20_000
"""How much of the end of the log is shown."""


@router.get("/system")
async def system_page(context: Context, checks: str = "") -> Response:
    """Show the system; what doctor finds takes seconds, and is asked for once the page is there."""
    found: list[CheckResult] | None = None
    if checks:
        found = sorted(await context.work.do(_checked, context), key=_urgency)
    return await run_in_threadpool(_page, context, found)


def _checked(context: ServeContext) -> list[CheckResult]:
    return list(run_checks(context.settings))


def _urgency(check: CheckResult) -> int:
    return ("problem", "info", "ok").index(check.state)


def _page(context: ServeContext, checks: list[CheckResult] | None) -> Response:
    listed = list(list_settings(context.settings))
    return render(
        "system.html",
        here="system",
        version=__version__,
        settings=settings_json(context.settings),
        tables=(
            ("Set", [item for item in listed if item.source != DEFAULT]),
            ("Defaults", [item for item in listed if item.source == DEFAULT]),
        ),
        libraries=[library.name for library in context.settings.config.libraries],
        checks=checks,
        log=log_end(context.settings.config.logging.file),
    )


def log_end(path: Path | None) -> str | None:
    """Return the last lines of the log, ``None`` without one, or why it cannot be read."""
    if path is None:
        return None
    try:
        # Without O_NONBLOCK, a pipe would wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return f"{path} is no regular file"
            size = status.st_size
            file.seek(max(0, size - _LOG_BYTES))
            data = file.read(_LOG_BYTES)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    # The first line is cut off.
    lines = data.partition(b"\n")[2] if size > _LOG_BYTES else data
    return lines.decode("utf-8", "replace")
