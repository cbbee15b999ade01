"""Paths in URLs: a name that is not UTF-8 has its bytes there, percent-encoded."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, quote

from fastapi import Request


def query_path(request: Request) -> str:
    """Return the path that a request names, empty if it names none."""
    text: str = request.scope["query_string"].decode("latin-1")
    found = parse_qs(text, errors="surrogateescape").get("path", [""])
    return found[0]


def policy_url(path: str) -> str:
    """Return the address of a policy's page."""
    return f"/policy?path={quote(os.fsencode(path), safe='/')}"


def file_url(path: str) -> str:
    """Return the address of a file's page."""
    return f"/file?path={quote(os.fsencode(path), safe='/')}"
