"""What the routes need, handed to them with each request: there is no state in modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from vpo.config.builder import Settings
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.run.policy_editing import TextCheck
from vpo.run.policy_faults import check_policy_text
from vpo.serve.events import Events
from vpo.serve.file_work import FileWork
from vpo.serve.hosts import Address
from vpo.serve.logins import Logins
from vpo.serve.recent import Recent

_PAGE_SECONDS = 1.0
"""How old the first page may be: every open browser asks for it when something changes."""

_CHECKS = 200
"""Of how many texts of policies it is remembered what is wrong with them."""


@dataclass(frozen=True)
class ServeContext:
    """The server's settings and database; ``stored`` is the token's hash, if one is needed.

    ``saving`` is held while a policy is saved; ``checked`` remembers what is wrong with the texts
    of policies, as their list shows it of all.
    """

    settings: Settings
    pool: DaemonConnectionPool
    store: Store
    address: Address
    stored: str | None = None
    events: Events = field(default_factory=Events)
    logins: Logins = field(default_factory=Logins)
    work: FileWork = field(default_factory=FileWork)
    now_page: Recent[bytes] = field(default_factory=lambda: Recent(_PAGE_SECONDS))
    saving: Lock = field(default_factory=Lock)
    checked: TextCheck = field(default_factory=lambda: lru_cache(_CHECKS)(check_policy_text))


def context_of(request: Request) -> ServeContext:
    """Return the context of the application that serves the request."""
    context: ServeContext = request.app.state.context
    return context


Context = Annotated[ServeContext, Depends(context_of)]
