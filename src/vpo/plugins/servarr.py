"""What Radarr and Sonarr have in common: version 3 of their API, their paths and languages.

Sources: the OpenAPI documents of both projects (``/api/v3``), and their lists of languages.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
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
from vpo.printable import counted

LARGEST = 256 << 20
"""Bytes of an answer. A film takes some 8 kB."""
_CHUNK = 1 << 16


class Api:
    """A server, asked with ``GET``. Its key goes into a header and into no message."""

    def __init__(self, settings: Mapping[str, Any], largest: int = LARGEST) -> None:
        self._url, self._key = settings["url"], settings["api_key"]
        self._seconds, self._largest = settings["timeout_seconds"], largest
        self._opener = _opener()

    def records(self, name: str, **query: object) -> list[dict[str, Any]]:
        """The list of objects under ``/api/v3/NAME``; raises ``SourceError``."""
        answer = self._get(f"/api/v3/{name}{'?' if query else ''}{urlencode(query)}")
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise self._error("it does not answer as it should; is this the right server?")
        return answer

    def names(self, kind: str, field: str) -> dict[int, str]:
        """How tags or profiles are called, by id."""
        return {
            item["id"]: str(item[field])
            for item in self.records(kind)
            if {"id", field} <= set(item)
        }

    def _get(self, path: str) -> Any:
        headers = {"X-Api-Key": self._key, "Accept": "application/json", "User-Agent": "vpo"}
        request = Request(self._url + path, headers=headers)  # noqa: S310 - checked: http or https
        until = time.monotonic() + self._seconds
        try:
            with self._opener.open(request, timeout=self._seconds) as response:
                return json.loads(self._read(response, until))
        except HTTPError as error:
            error.close()
            raise self._error(_refusals.get(error.code, f"it answers with {error.code}")) from None
        except TimeoutError:
            raise self._late() from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise self._late() from None
            raise self._error(f"it cannot be reached: {reason}") from None
        except (ValueError, RecursionError):
            raise self._error("its answer is not JSON; is the URL base right?") from None

    def _read(self, response: HTTPResponse, until: float) -> bytes:
        parts, size = [], 0
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise self._error(f"its answer is larger than {self._largest >> 20} MiB")
            if time.monotonic() > until:
                raise self._late()
        return b"".join(parts)

    def _late(self) -> SourceError:
        return self._error(f"no whole answer within {counted(self._seconds, 'second')}")

    def _error(self, problem: str) -> SourceError:
        return SourceError(f"{self._url}: {problem}")


_refusals = {
    401: "it refuses the API key",
    403: "it refuses the API key",
    404: "it has no API of version 3 there; is the URL base right?",
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


class Places:
    """Where things of a server are: the folders of films and series, on this machine."""

    def __init__(self, path_map: Mapping[str, str] | None) -> None:
        pairs = sorted((path_map or {}).items(), key=lambda pair: -len(pair[0]))
        self._map = [(_slashes(theirs), ours.rstrip("/")) for theirs, ours in pairs]

    def here(self, path: object) -> str | None:
        """A path of the server as it is called here, links resolved; ``None`` for what is none."""
        if not isinstance(path, str) or not path or "\0" in path:
            return None
        text = _slashes(path)
        for theirs, ours in self._map:
            if text == theirs or text.startswith(theirs.rstrip("/") + "/"):
                text = ours + text[len(theirs.rstrip("/")) :]
                break
        return os.path.realpath(text) if text.startswith("/") else None


def _slashes(path: str) -> str:
    """With ``/`` and without one at the end: servers run on Windows, too."""
    if re.match(r"[A-Za-z]:\\|\\\\", path):
        path = path.replace("\\", "/")
    return path.rstrip("/") or "/"


def stem(path: str) -> str:
    """The path without its suffix: a change of the container leaves the file what it is."""
    return os.path.splitext(path)[0]


def above(path: str) -> Iterator[str]:
    """The folders that hold a file, the nearest first."""
    while (folder := os.path.dirname(path)) != path:
        yield folder
        path = folder


def date(value: object) -> str | None:
    """The day of a time as both write it: ``1999-03-31T00:00:00Z``."""
    found = (
        re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T|$)", value) if isinstance(value, str) else None
    )
    return found[0] if found else None


def text(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> int | None:
    """A number of theirs; 0 stands for none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def joined(values: object, names: Mapping[int, str] | None = None) -> str | None:
    """A list as one text, with commas, to be searched with ``contains``."""
    if not isinstance(values, list):
        return None
    found: Iterable[Any] = (names.get(v) for v in values) if names is not None else values
    return ", ".join(item for item in found if isinstance(item, str)) or None


def language(value: object) -> str | None:
    """The tag of a language that they name in English; ``None`` for ``Unknown`` and the like."""
    name = value.get("name") if isinstance(value, dict) else None
    return _LANGUAGES.get(name.lower()) if isinstance(name, str) else None


_TAGS = """
    afrikaans:af albanian:sq arabic:ar azerbaijani:az bengali:bn bosnian:bs bulgarian:bg catalan:ca
    chinese:zh croatian:hr czech:cs danish:da dutch:nl english:en estonian:et finnish:fi
    flemish:nl-BE french:fr georgian:ka german:de greek:el hebrew:he hindi:hi hungarian:hu
    icelandic:is indonesian:id italian:it japanese:ja kannada:kn korean:ko latvian:lv lithuanian:lt
    macedonian:mk malayalam:ml marathi:mr mongolian:mn norwegian:no persian:fa polish:pl
    portuguese:pt portuguese_(brazil):pt-BR romanian:ro romansh:rm russian:ru serbian:sr slovak:sk
    slovenian:sl spanish:es spanish_(latino):es-419 swedish:sv tagalog:tl tamil:ta telugu:te thai:th
    turkish:tr ukrainian:uk urdu:ur uzbek:uz vietnamese:vi
"""
_LANGUAGES = {
    name.replace("_", " "): tag for name, tag in (pair.split(":") for pair in _TAGS.split())
}
