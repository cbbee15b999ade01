"""An HTTP server of the test's own that answers as Radarr and Sonarr do.

The answers are written by hand in the shape that the documents of their API give.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "0123456789abcdef0123456789abcdef"
ANSWERS = Path(__file__).parent / "unit" / "plugins" / "answers"


def answer(name: str) -> Any:
    """What is in one of the answers' files."""
    return json.loads((ANSWERS / f"{name}.json").read_text("utf-8"))


@dataclass
class Server:
    """``asked`` are the requests so far; ``answers`` replaces some by status, headers and body."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    sent: list[tuple[str, Any]] = field(default_factory=list)
    """What was posted: the path, and the JSON."""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)

    def put(
        self,
        path: str,
        data: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a path with JSON, or with bytes as they are."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.answers[path] = (status, dict(headers or {}), body)

    @property
    def settings(self) -> dict[str, Any]:
        """The section of the configuration for it, as a plugin gets it."""
        return {"url": self.url, "api_key": KEY, "timeout_seconds": 20, "path_map": None}

    def reply(self, path: str, key: str | None) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if key != KEY:
            return 401, {}, b'{"error": "Unauthorized"}'
        parts = urlsplit(path)
        name = "-".join([Path(parts.path).name, *(value for _, value in parse_qsl(parts.query))])
        file = ANSWERS / f"{name}.json"
        if not parts.path.startswith("/api/v3/") or not file.exists():
            return 404, {}, b'{"message": "NotFound"}'
        return 200, {"Content-Type": "application/json; charset=utf-8"}, file.read_bytes()


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine, as long as the block runs."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.headers.append(dict(self.headers))
            status, headers, body = server.reply(self.path, self.headers.get("X-Api-Key"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.headers.append(dict(self.headers))
            server.sent.append((self.path, json.loads(body)))
            status, headers, answer = server.answers.get(self.path, (204, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
