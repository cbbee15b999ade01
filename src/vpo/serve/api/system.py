"""``/api/v1/system``: the version, the settings in force, and what doctor finds."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from vpo import __version__
from vpo.config.listing import settings_json
from vpo.doctor import CheckResult, run_checks
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context, ServeContext

router = APIRouter(tags=["system"])


@router.get("/system", response_class=AsciiJSON)
def read_system(context: Context) -> AsciiJSON:
    """Return the version, and the settings as ``vpo config show`` does: secrets are masked."""
    return AsciiJSON({"version": __version__, **settings_json(context.settings)})


@router.get("/system/checks")
async def read_checks(context: Context) -> dict[str, Any]:
    """Check tools, encoders and database, as ``vpo doctor`` does."""
    found: list[CheckResult] = await context.work.do(_checked, context)
    return {"checks": [item._asdict() for item in found]}


def _checked(context: ServeContext) -> list[CheckResult]:
    return list(run_checks(context.settings))
