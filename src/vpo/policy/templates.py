"""Templates of titles and names, with placeholders as in ``{title} ({year})``."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter

from vpo.text import suggestion


def checked_template(text: str, placeholders: Sequence[str]) -> str:
    """Return a template; raise ``ValueError`` for one with others than these placeholders."""
    try:
        fields = [field for field in Formatter().parse(text) if field[1] is not None]
    except ValueError as error:
        raise ValueError(f"`{text}` is not a template: {error}") from None
    for _, name, form, conversion in fields:
        if name not in placeholders:
            raise ValueError(f"`{{{name}}}` is not a placeholder{suggestion(name, placeholders)}")
        if form or conversion:
            raise ValueError(f"`{{{name}}}` takes no format; write it without what follows")
    return text


def placeholders_in(text: str) -> tuple[str, ...]:
    """Return the placeholders of a template that was checked."""
    return tuple(name for _, name, _, _ in Formatter().parse(text) if name)
