"""The mapping between the coordinator's paths and a node's paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from vpo.db.records import Kept
from vpo.execute.outcome import Outcome
from vpo.media.model import MediaFile
from vpo.plan.model import Plan
from vpo.run.job import Job

_MappedPath = TypeVar("_MappedPath", str, "str | None")


class PathMap:
    """A node's ``[cluster] path_map``: folders of the coordinator, and their paths on the node.

    Of several entries that match, the longest counts; other paths are the same on both.
    """

    def __init__(self, path_map: Mapping[str, str] | None) -> None:
        # Nothing is changed by way of a folder that is a symbolic link, so its target counts.
        pairs = [
            (a.rstrip("/"), os.path.realpath(b).rstrip("/")) for a, b in (path_map or {}).items()
        ]
        self._to_node = sorted(pairs, key=lambda pair: -len(pair[0]))
        self._to_coordinator = sorted(((b, a) for a, b in pairs), key=lambda pair: -len(pair[0]))

    def to_node(self, path: _MappedPath) -> _MappedPath:
        """Return the node's path for one of the coordinator."""
        return _mapped(self._to_node, path)

    def to_coordinator(self, path: _MappedPath) -> _MappedPath:
        """Return the coordinator's path for one of the node."""
        return _mapped(self._to_coordinator, path)

    def job(self, job: Job) -> Job:
        """Return the coordinator's job with the node's paths."""
        folder = self.to_node(job.options.temporary_folder)
        options = replace(job.options, temporary_folder=folder)
        path, link = self.to_node(job.path), self.to_node(job.link)
        return replace(job, path=path, link=link, options=options)

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return the node's outcome with the coordinator's paths."""
        return outcome._replace(
            path=self.to_coordinator(outcome.path),
            was=self.to_coordinator(outcome.was),
            plan=self._plan(outcome.plan) if outcome.plan else None,
            media=self._media(outcome.media) if outcome.media else None,
            kept=self._kept(outcome.kept) if outcome.kept else None,
        )

    def _plan(self, plan: Plan) -> Plan:
        return replace(plan, before=self._media(plan.before), after=self._media(plan.after))

    def _media(self, media: MediaFile) -> MediaFile:
        return replace(media, path=self.to_coordinator(media.path))

    def _kept(self, kept: Kept) -> Kept:
        return kept._replace(path=self.to_coordinator(kept.path))


def _mapped(pairs: list[tuple[str, str]], path: _MappedPath) -> _MappedPath:
    if path is None:
        return path
    for old, new in pairs:
        if path == old or path.startswith(old + "/"):
            return os.path.normpath((new or "/") + path[len(old) :])
    return path
