"""An HTTP client for the JSON API of one server; it never sends the API key to another one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from vpo.errors import SourceError, UnreachableError
from vpo.text import counted, format_size

MAX_RESPONSE_SIZE = 256 << 20
"""Bytes of a response. Radarr sends about 8 kB for each film."""
_CHUNK = 1 << 16


class HttpClient:
    """A client of the server with the settings ``url`` and ``timeout_seconds``.

    ``headers`` hold the API key, which no message shows. Every method raises ``SourceError``.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        headers: Mapping[str, str],
        max_size: int = MAX_RESPONSE_SIZE,
    ) -> None:
        self._url, self._headers = settings["url"], dict(headers)
        self._seconds, self._max_size = settings["timeout_seconds"], max_size
        self._opener = _opener()

    def get_json(self, path: str, /, **query: object) -> Any:
        """Return the JSON at a path."""
        try:
            return json.loads(self.fetch(path, **query))
        except (ValueError, RecursionError):
            raise self.error("the response is not JSON; is the URL base right?") from None

    def fetch(self, path: str, /, **query: object) -> bytes:
        """Return the content at a path."""
        return self._send(Request(f"{self._url}{path}{'?' if query else ''}{urlencode(query)}"))  # noqa: S310 - checked: http or https

    def post_json(self, path: str, data: object) -> None:
        """Send JSON to a path; the content of the response is ignored."""
        body = json.dumps(data).encode("ascii")
        headers = {"Content-Type": "application/json"}
        self._send(Request(self._url + path, body, headers, method="POST"))  # noqa: S310

    def error(self, problem: str) -> SourceError:
        """Return an error that names the server."""
        return SourceError(f"{self._url}: {problem}")

    def _send(self, request: Request) -> bytes:
        for name, value in {
            "Accept": "application/json",
            "User-Agent": "vpo",
            **self._headers,
        }.items():
            request.add_header(name, value)
        until = time.monotonic() + self._seconds
        try:
            with self._opener.open(request, timeout=self._seconds) as response:
                return self._read(response, until)
        except HTTPError as error:
            error.close()
            raise self.error(
                _STATUS_MESSAGES.get(error.code, f"HTTP status {error.code}")
            ) from None
        except TimeoutError:
            raise self._timeout() from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise self._timeout() from None
            raise UnreachableError(f"{self._url}: cannot connect: {reason}") from None

    def _read(self, response: HTTPResponse, until: float) -> bytes:
        parts, size = [], 0
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._max_size:
                raise self.error(f"the response is larger than {format_size(self._max_size)}")
            if time.monotonic() > until:
                raise self._timeout()
        return b"".join(parts)

    def _timeout(self) -> SourceError:
        return self.error(f"no complete response within {counted(self._seconds, 'second')}")


_STATUS_MESSAGES = {
    401: "the server refuses the API key",
    403: "the server refuses the API key",
    404: "not found; is the URL base right?",
}


def _opener() -> OpenerDirector:
    """Return an opener for HTTP only: no files, and no redirect to another server."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        _SameServer(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _SameServer(HTTPRedirectHandler):
    """Follows a redirect only to the same server, or to its host over HTTPS: it gets the key."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        same = (old.scheme, old.netloc) == (new.scheme, new.netloc)
        if same or (old.hostname == new.hostname and new.scheme == "https" != old.scheme):
            return super().redirect_request(req, fp, code, msg, headers, newurl)
        fp.close()
        server = f"{old.scheme}://{old.netloc}"
        raise SourceError(f"{server}: refused its redirect to {new.hostname}; correct the url")
