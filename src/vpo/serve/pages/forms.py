"""The fields of posted forms; the size of a body is limited before."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request


async def form_fields(request: Request) -> dict[str, list[str]]:
    """Return the values of each field."""
    return parse_qs((await request.body()).decode("utf-8", "replace"))


def one(fields: dict[str, list[str]], name: str) -> str:
    """Return the only value of a field, empty if there is none."""
    return fields.get(name, [""])[0].strip()
