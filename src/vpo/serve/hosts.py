"""Which names the server answers to, and from which pages it takes requests that change something.

A page elsewhere can have its own name point to this machine (DNS rebinding), and can send forms to
any address; the headers ``Host`` and ``Origin`` tell both.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """Where the server listens, and the URL under which a proxy shows it, if there is one."""

    host: str
    port: int
    base_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()

    @property
    def needs_token(self) -> bool:
        """Whether somebody else than users of this machine may reach it."""
        return self.base_url is not None or not is_loopback(self.host)

    @property
    def url(self) -> str:
        """The URL that opens it on this machine."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_own_host(header: str, address: Address) -> bool:
    """Return whether a ``Host`` header names this server.

    Where it listens for other machines, any IP address does: rebinding needs a name.
    """
    host = _name(f"//{header}")
    if host is None:
        return False
    if host in (*_LOOPBACK_NAMES, address.host.lower()):
        return True
    if address.base_url is not None and host == _name(address.base_url):
        return True
    return not is_loopback(address.host) and _is_ip(host)


def is_own_origin(origin: str | None, fetch_site: str | None, host: str, address: Address) -> bool:
    """Return whether a request that changes something comes from a page of this server.

    Programs send neither header; every browser sends at least one of them.
    """
    if origin is None:
        return fetch_site in (None, "same-origin", "none")
    if address.base_url is not None and _site(origin) == _site(address.base_url):
        return True
    return urlsplit(origin).scheme in ("http", "https") and _netloc(origin) == host.lower()


def _name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return None
    return None if parts.username is not None or parts.path not in ("", "/") else parts.hostname


def _netloc(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _site(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, _netloc(url)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def client_address(peer: str, forwarded: str, trusted_proxies: tuple[str, ...]) -> str:
    """Return who has sent a request: the peer, or for whom a trusted proxy forwards it.

    ``forwarded`` is the header ``X-Forwarded-For``, to which each proxy appends whom it serves:
    only what trusted ones have appended is believed.
    """
    client = peer
    for before in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _is_in(client, trusted_proxies):
            return client
        if not _is_ip(before):
            return client
        client = before
    return client


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    if not networks or not _is_ip(address):
        return False
    known = ipaddress.ip_address(address)
    return any(known in ipaddress.ip_network(each) for each in networks)
