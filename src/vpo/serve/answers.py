"""The JSON that the API answers with."""

from __future__ import annotations

import json

from fastapi.responses import JSONResponse


class AsciiJSON(JSONResponse):
    """ASCII JSON, in which paths that are not UTF-8 survive as they do in the commands' output."""

    def render(self, content: object) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")
