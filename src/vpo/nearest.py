"""The nearest valid name, for messages about names that do not exist."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(word: object, names: Iterable[str]) -> str:
    """The end of a message: what was probably meant, else all that could have been."""
    from difflib import get_close_matches  # late: only wrong names need it

    known = list(names)
    close = get_close_matches(str(word).lower(), known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(known)}" if known else ""
