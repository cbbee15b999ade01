"""The application, and the server that runs it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from vpo import __version__
from vpo.db.facts import Facts
from vpo.errors import EXIT_USAGE, DatabaseError, VpoError
from vpo.serve import metrics
from vpo.serve.api import events as events_api
from vpo.serve.api import file as file_api
from vpo.serve.api import files as files_api
from vpo.serve.api import hooks as hooks_api
from vpo.serve.api import policies as policies_api
from vpo.serve.api import queue as queue_api
from vpo.serve.api import reviews as reviews_api
from vpo.serve.api import runs as runs_api
from vpo.serve.api import status as status_api
from vpo.serve.api import system as system_api
from vpo.serve.context import ServeContext
from vpo.serve.pages import (
    api_reference,
    file,
    library,
    login,
    now,
    policies,
    queue,
    review,
    runs,
    system,
)
from vpo.serve.pages.rendering import render
from vpo.serve.security import Security
from vpo.serve.status_publisher import StatusPublisher

log = logging.getLogger(__name__)
_STATIC = Path(__file__).parent / "static"
_APIS = (
    files_api,
    file_api,
    events_api,
    hooks_api,
    policies_api,
    queue_api,
    reviews_api,
    runs_api,
    status_api,
    system_api,
)
_PAGES = (now, queue, library, file, review, policies, runs, system, login, api_reference)
_LAST_SECONDS = 3
"""How long open answers may take once the server is to end."""


def create_app(context: ServeContext) -> ASGIApp:
    """Return the application, guarded against foreign requests."""
    app = FastAPI(
        title="vpo",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.context = context
    app.add_api_route("/healthz", _healthz, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    for api in _APIS:
        app.include_router(api.router, prefix="/api/v1")
    for page in (*_PAGES, metrics):
        app.include_router(page.router, include_in_schema=False)
    for kind, handler in (
        (VpoError, _own_error),
        (HTTPException, _http_error),
        (RequestValidationError, _invalid),
    ):
        app.add_exception_handler(kind, handler)
    return Security(app, context.address, context.stored, context.logins)


def serve(context: ServeContext, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; ``ready`` is called when requests are answered.

    Raises ``OSError`` if the address cannot be used.
    """
    listening = _listen(context)
    ended = threading.Event()
    publisher = StatusPublisher(context.settings, context.pool, context.events)
    beside = [
        threading.Thread(target=_fill_facts, args=(context, ended), name="vpo facts"),
        threading.Thread(target=publisher.run, args=(ended,), name="vpo status"),
    ]
    config = uvicorn.Config(
        create_app(context),
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    with contextlib.suppress(KeyboardInterrupt), listening:  # how uvicorn reports Ctrl-C
        for thread in beside:
            thread.start()
        try:
            _Server(config, context, ready).run(sockets=[listening])
        finally:
            ended.set()
            context.work.close()
            for thread in beside:
                thread.join()


def _fill_facts(context: ServeContext, ended: threading.Event) -> None:
    """Write the facts that probes of an older vpo lack, a few hundred files at a time."""
    facts = Facts(context.pool)
    try:
        while not ended.is_set() and facts.fill():
            pass
    except DatabaseError as error:
        log.warning("%s", error)


class _Server(uvicorn.Server):
    """Says when it is ready, and ends the event streams first: nothing else would."""

    def __init__(
        self, config: uvicorn.Config, context: ServeContext, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._context, self._ready = context, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._context.events.close()
        self._context.work.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Handle SIGTERM as Ctrl-C: uvicorn would raise it again, and the exit code be 143."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def _listen(context: ServeContext) -> socket.socket:
    address = context.address
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, error.strerror, address.url) from None
    return listening


async def _healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


def _problem(status: int, detail: str) -> JSONResponse:
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


async def _own_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    code = error.exit_code if isinstance(error, VpoError) else None
    return _problem(400 if code == EXIT_USAGE else 500, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if _is_for_a_person(request):
        title = HTTPStatus(error.status_code).phrase
        return render(
            "problem.html", error.status_code, here="", title=title, detail=str(error.detail)
        )
    return _problem(error.status_code, str(error.detail))


def _is_for_a_person(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/v1/")


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _problem(422, f"{where}: {first['msg']}")
