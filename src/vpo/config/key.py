"""A key of the configuration: what its annotation holds, and the checks of its texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from vpo.config.hours import span


class Key(NamedTuple):
    """What the annotation of a key holds besides its type.

    ``environment`` and ``flag`` are its environment variable and command-line flag; ``each``
    normalises every text of the value or raises ``ValueError``. A ``secret`` is never shown.
    """

    doc: str
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    environment: str = ""
    flag: str = ""
    each: Callable[[str], str] | None = None
    secret: bool = False


def extension(text: str) -> str:
    """Return ``mkv`` for ``.MKV`` and ``mkv``."""
    name = text.lower().removeprefix(".")
    if set(name) & set("*?["):
        meant = name.lstrip("*.")
        raise ValueError(f'"{text}" is a pattern, which no extension is; write "{meant}"')
    if not name or "/" in name or name != name.strip():
        raise ValueError(f'"{text}" is not a file name extension')
    return name


def library_name(text: str) -> str:
    """Return the name of a library if it can be printed and given to an option."""
    if not text.isprintable() or text != text.strip() or text.startswith("-"):
        raise ValueError(f"{text!r} is not a name; use letters, digits and spaces in between")
    return text


def time_span(text: str) -> str:
    """Return the text if it is a valid time span."""
    span(text)
    return text


def absolute_folder(text: str) -> str:
    """Return the text if it is an absolute path on any system."""
    if not text.startswith("/") and not re.match(r"[A-Za-z]:[\\/]|\\\\", text):
        raise ValueError(f'"{text}" is not an absolute path')
    return text


def host_name(text: str) -> str:
    """Return the text if it is an IP address or a host name."""
    if not re.fullmatch(r"[0-9A-Za-z.-]+|[0-9A-Fa-f:.]+", text):
        raise ValueError(f'"{text}" is not an address; write "127.0.0.1" or "0.0.0.0"')
    return text


def network(text: str) -> str:
    """Return the text if it is an IP address or a network."""
    import ipaddress  # imported late: most configurations name no proxy

    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(
            f'"{text}" is neither an address nor a network; write "10.0.0.2" or "172.16.0.0/12"'
        ) from None
    return text


def server_url(text: str) -> str:
    """Return the URL of an HTTP server, without a slash at its end."""
    from urllib.parse import urlsplit  # imported late: most configurations name no server

    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError('expected a URL like "http://localhost:7878"')
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL with a user or a password would be shown in messages; remove them")
    return text.rstrip("/")


def secret_text(text: str) -> str:
    """Return the text if it fits into an HTTP header; the message does not repeat it."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("expected letters, digits and punctuation without spaces")
    return text
