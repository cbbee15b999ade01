"""The paths on a command line."""

from __future__ import annotations

import os
from collections.abc import Sequence

from vpo.discover import is_missing
from vpo.errors import UsageError
from vpo.text import display_path


def refuse_missing(paths: Sequence[str]) -> None:
    """Raise ``UsageError`` if none of the paths exists; one among others fails by itself."""
    named = [path and os.path.abspath(path) for path in paths]
    if all(map(is_missing, named)):
        shown = ", ".join(display_path(path) if path else "an empty path" for path in named)
        raise UsageError(f"{shown}: no such file or folder; correct the path, or mount its disk")
