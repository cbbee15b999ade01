"""Refuses requests that are not for this server, not from its pages, too large or without token."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vpo.serve.hosts import Address, client_address, is_own_host, is_own_origin
from vpo.serve.logins import Logins
from vpo.serve.tokens import is_token

COOKIE = "vpo_token"
BODY_LIMIT = 1 << 20
_OPEN = ("/healthz", "/login")
_SAFE = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Without any referrer, browsers send "Origin: null" with forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _TooLargeError(Exception):
    """The body is larger than the limit."""


class _Body:
    """The body of one request, which is cut off with an error where it exceeds the limit."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._total = receive, 0
        self.too_large = False

    async def receive(self) -> Message:
        """Return the next part."""
        message = await self._receive()
        self._total += len(message.get("body", b""))
        self.too_large = self._total > BODY_LIMIT
        if self.too_large:
            raise _TooLargeError
        return message


class Refusal(Exception):  # noqa: N818 - not an error of the program
    """A request that is not served, with the status and the reason."""

    def __init__(self, status: HTTPStatus, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.reason, self.wait = status, reason, wait


class Security:
    """The outermost ASGI layer; ``stored`` is the hash of the token, ``None`` if none is needed."""

    def __init__(self, app: ASGIApp, address: Address, stored: str | None, logins: Logins) -> None:
        self._app, self._address, self._stored, self._logins = app, address, stored, logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request; websockets are not served."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)

        async def guarded(message: Message) -> None:
            # What the application makes of a body that was cut off is of no interest.
            if not body.too_large:
                await answer(message)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message, scope["path"])
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, body.receive, guarded)
        except Refusal as refusal:
            await _refuse(scope, refusal, answer)
        except Exception:
            if not body.too_large:
                raise
        if body.too_large:
            await _refuse(scope, _too_large(), answer)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_own_host(host, self._address):
            raise Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "this server is not known by that name; set [serve] base_url to use it",
            )
        if scope["method"] not in _SAFE and not is_own_origin(
            headers.get("origin"), headers.get("sec-fetch-site"), host, self._address
        ):
            raise Refusal(HTTPStatus.FORBIDDEN, "the request comes from a page of another site")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_LIMIT:
            raise _too_large()
        if self._stored is not None and not _is_open(scope["path"]):
            self._check_token(scope, headers)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        token = _token(headers)
        if token is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "a token is needed")
        check_token(token, self._stored or "", client_of(scope, self._address), self._logins)


def check_token(token: str, stored: str, client: str, logins: Logins) -> None:
    """Raise ``Refusal`` for a wrong token, and for any token of a client that has to wait."""
    if wait := logins.wait(client):
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens; try again later", wait)
    if not is_token(token, stored):
        logins.failed(client)
        raise Refusal(HTTPStatus.UNAUTHORIZED, "the token is wrong")
    logins.succeeded(client)


def client_of(scope: Scope, address: Address) -> str:
    """Return the address of the client, empty if unknown."""
    client = scope.get("client")
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return client_address(str(client[0]) if client else "", forwarded, address.trusted_proxies)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith("/static/")


def _token(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    if kind.lower() == "basic":
        return _password(token)
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie is not None and cookie.value else None


def _password(credentials: str) -> str | None:
    """Return the password of basic authentication, which is how Sonarr and Radarr send a token."""
    try:
        text = base64.b64decode(credentials, validate=True).decode("utf-8")
    except ValueError:
        return None
    return text.partition(":")[2] or None


def _too_large() -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {BODY_LIMIT:,} bytes at most"
    )


def _add_headers(message: Message, path: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers[name] = value
    if not path.startswith("/static/"):
        headers["Cache-Control"] = "no-store"


async def _refuse(scope: Scope, refusal: Refusal, send: Send) -> None:
    """Answer with problem+json; a browser without a token is led to the login."""
    status = refusal.status
    headers = [(b"content-type", b"application/problem+json")]
    if refusal.wait:
        headers.append((b"retry-after", str(int(refusal.wait) + 1).encode()))
    accepts = Headers(scope=scope).get("accept", "")
    if status is HTTPStatus.UNAUTHORIZED and scope["method"] in _SAFE and "text/html" in accepts:
        status, headers = HTTPStatus.SEE_OTHER, [(b"location", b"/login")]
    elif status is HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    problem = {"title": refusal.status.phrase, "status": status.value, "detail": refusal.reason}
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
