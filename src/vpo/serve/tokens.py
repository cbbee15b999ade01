"""The token that a browser or a program must know: made once, and stored as a hash only."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from vpo.errors import ConfigError


def ensure_token(path: Path) -> str | None:
    """Return a new token after storing its hash at the path; ``None`` if there is one already.

    The hash is plain SHA-256: 256 random bits need no slow one. Raises ``ConfigError``.
    """
    token = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path}: the token cannot be stored: {error.strerror}; make its folder writable"
        ) from error
    with open(file, "w") as stream:
        stream.write(token_hash(token) + "\n")
    return token


def read_hash(path: Path) -> str:
    """Return the stored hash. Raises ``ConfigError`` if it cannot be read or is none."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the token's hash cannot be read: {error}") from error
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ConfigError(
            f"{path}: this is not the hash of a token; delete the file, and the next vpo serve"
            " makes a new token"
        )
    return text


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_token(token: str, stored: str) -> bool:
    """Return whether this is the token with the stored hash, in constant time."""
    return hmac.compare_digest(token_hash(token), stored)
