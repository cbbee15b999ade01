"""The page that asks for the token."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from vpo.serve.context import Context
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.rendering import render
from vpo.serve.security import COOKIE, Refusal, check_token, client_of

router = APIRouter()
_YEAR = 365 * 86400


@router.get("/login")
def form() -> Response:
    """Show the form."""
    return render("login.html", error="")


@router.post("/login")
async def login(request: Request, context: Context) -> Response:
    """Set the cookie if the token is right."""
    token = one(await form_fields(request), "token")
    if context.stored is None:
        return RedirectResponse("/", 303)
    try:
        check_token(
            token, context.stored, client_of(request.scope, context.address), context.logins
        )
    except Refusal as refusal:
        return render("login.html", refusal.status, error=refusal.reason)
    reply = RedirectResponse("/", 303)
    secure = (context.address.base_url or "").startswith("https:")
    reply.set_cookie(COOKIE, token, _YEAR, httponly=True, samesite="strict", secure=secure)
    return reply
