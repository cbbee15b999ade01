"""``/api/docs``: the operations of the API, from the same description that programs read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from vpo.serve.pages.rendering import render

router = APIRouter()


@router.get("/api/docs")
def reference(request: Request) -> Response:
    """Show all operations with their parameters."""
    schema: dict[str, Any] = request.app.openapi()
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "text": operation.get("description", ""),
            "parameters": operation.get("parameters", []),
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return render("api.html", here="api", operations=operations)
