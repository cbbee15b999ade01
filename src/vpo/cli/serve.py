"""``vpo serve``: the library in a browser."""

from __future__ import annotations

import importlib.util

import click

from vpo.cli.output import print_warnings
from vpo.config.builder import Settings, build
from vpo.db.connection import DaemonConnectionPool
from vpo.db.store import Store
from vpo.errors import EXIT_OK, ToolMissingError

_EXIT_CODES = """\b
Exit codes:
  0    ended by Ctrl-C or SIGTERM
  1    the address cannot be used, or the database
  2    invalid usage or configuration, or a server runs already
  3    a required package is not installed"""


@click.command("serve", epilog=_EXIT_CODES)
@click.option("--host", metavar="ADDRESS", help="Address to listen on; by default 127.0.0.1.")
@click.option("--port", type=int, metavar="N", help="Port to listen on; by default 8790.")
def command(host: str | None, port: int | None) -> int:
    """Show the library in a browser, and serve programs by an API.

    Other machines reach it only with "--host" and a token, which is made and shown at the first
    start. Ctrl-C or SIGTERM ends it.
    """
    _require_packages()
    settings = build({"serve.host": host, "serve.port": port})
    print_warnings(settings.warnings)
    _serve(settings)
    return EXIT_OK


def _require_packages() -> None:
    missing = [
        name
        for name in ("fastapi", "jinja2", "prometheus_client", "uvicorn")
        if not importlib.util.find_spec(name)
    ]
    if missing:
        raise ToolMissingError(
            f"vpo serve needs {', '.join(missing)}: install vpo with its extra 'serve' "
            "(see Install in the README)"
        )


def _serve(settings: Settings) -> None:
    from vpo.cli.queue_threads import queue_threads
    from vpo.serve.app import serve  # imported late: FastAPI takes the better part of a second
    from vpo.serve.context import ServeContext
    from vpo.serve.hosts import Address
    from vpo.serve.server_lock import server_lock
    from vpo.serve.tokens import ensure_token, read_hash

    chosen = settings.config.serve
    proxies = chosen.trusted_proxies or ()
    address = Address(chosen.host, chosen.port, chosen.base_url, proxies)
    with (
        server_lock(settings.data_dir, address.url),
        DaemonConnectionPool(settings.database_path) as pool,
    ):
        stored = None
        if address.needs_token:
            path = chosen.token_file or settings.data_dir / "serve-token"
            if token := ensure_token(path):
                click.echo(f"token, shown only now: {token}")
            stored = read_hash(path)
        context = ServeContext(settings, pool, Store(pool), address, stored)
        with queue_threads(settings, pool):
            serve(context, ready=lambda: click.echo(f"open {address.base_url or address.url}"))
