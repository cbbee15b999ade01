"""A server that is asked over HTTP with a key: JSON both ways, and never another server."""

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

from vpo.errors import SourceError
from vpo.text import counted, format_size

MAX_RESPONSE_SIZE = 256 << 20
"""Bytes of an answer. A film of Radarr takes some 8 kB."""
_CHUNK = 1 << 16


class HttpClient:
    """A server with the settings ``url`` and ``timeout_seconds``; ``headers`` hold its key, which
    is in no message. All that goes wrong is a ``SourceError``."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        headers: Mapping[str, str],
        largest: int = MAX_RESPONSE_SIZE,
    ) -> None:
        self._url, self._headers = settings["url"], dict(headers)
        self._seconds, self._largest = settings["timeout_seconds"], largest
        self._opener = _opener()

    def get(self, place: str, /, **query: object) -> Any:
        """The JSON under a path."""
        try:
            return json.loads(self.fetch(place, **query))
        except (ValueError, RecursionError):
            raise self.error("its answer is not JSON; is the URL base right?") from None

    def fetch(self, place: str, /, **query: object) -> bytes:
        """What is under a path, whatever it is."""
        return self._send(Request(f"{self._url}{place}{'?' if query else ''}{urlencode(query)}"))  # noqa: S310 - checked: http or https

    def post(self, path: str, data: object) -> None:
        """Send JSON; the answer does not matter as long as it is no refusal."""
        body = json.dumps(data).encode("ascii")
        headers = {"Content-Type": "application/json"}
        self._send(Request(self._url + path, body, headers, method="POST"))  # noqa: S310

    def error(self, problem: str) -> SourceError:
        """What is wrong with it."""
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
            raise self.error(_refusals.get(error.code, f"it answers with {error.code}")) from None
        except TimeoutError:
            raise self._late() from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise self._late() from None
            raise self.error(f"it cannot be reached: {reason}") from None

    def _read(self, response: HTTPResponse, until: float) -> bytes:
        parts, size = [], 0
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise self.error(f"its answer is larger than {format_size(self._largest)}")
            if time.monotonic() > until:
                raise self._late()
        return b"".join(parts)

    def _late(self) -> SourceError:
        return self.error(f"no whole answer within {counted(self._seconds, 'second')}")


_refusals = {
    401: "it refuses the API key",
    403: "it refuses the API key",
    404: "it has no such API; is the URL base right?",
}


def _opener() -> OpenerDirector:
    """One that knows HTTP and nothing else: no files, and no redirection to elsewhere."""
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
    """Follows only to the same server, or to the same host over HTTPS: the key goes along."""

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
        raise SourceError(f"{server}: it redirects to {new.hostname}, which is not asked")
