"""What the routes need, handed to them with each request: there is no state in modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from vpo.config.builder import Settings
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.serve.events import Events
from vpo.serve.file_work import FileWork
from vpo.serve.hosts import Address
from vpo.serve.logins import Logins
from vpo.serve.recent import Recent

_PAGE_SECONDS = 1.0
"""How old the first page may be: every open browser asks for it when something changes."""


@dataclass(frozen=True)
class ServeContext:
    """The server's settings and database; ``stored`` is the token's hash, if one is needed."""

    settings: Settings
    pool: DaemonConnectionPool
    store: Store
    address: Address
    stored: str | None = None
    events: Events = field(default_factory=Events)
    logins: Logins = field(default_factory=Logins)
    work: FileWork = field(default_factory=FileWork)
    now_page: Recent[bytes] = field(default_factory=lambda: Recent(_PAGE_SECONDS))


def context_of(request: Request) -> ServeContext:
    """Return the context of the application that serves the request."""
    context: ServeContext = request.app.state.context
    return context


Context = Annotated[ServeContext, Depends(context_of)]
