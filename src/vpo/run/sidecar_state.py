"""The state of the subtitle files beside a film, on which its compliance may depend."""

from __future__ import annotations

import json
import os
from collections.abc import Collection

from vpo.probe.sidecars import sidecars_of


def sidecar_state(film: str) -> str:
    """Return a text that changes when a sidecar of the film appears, goes or changes."""
    folder, state = os.path.dirname(film), []
    for parsed in sidecars_of(film):
        for name in filter(None, (parsed.name, parsed.further)):
            try:
                found = os.lstat(os.path.join(folder, name))
            except OSError:
                continue
            state.append((name, found.st_size, found.st_mtime_ns))
    return json.dumps(sorted(state)) if state else ""


def state_after(film: str, before: str, written: Collection[str]) -> str:
    """Return the state after sidecars of these names were written; ``before`` was the state first.

    If others have come or changed since, it is the state before, so that the film is looked at
    again.
    """
    now = sidecar_state(film)
    others = [row for row in json.loads(now or "[]") if row[0] not in written]
    kept = [row for row in json.loads(before or "[]") if row[0] not in written]
    return now if others == kept else before
