"""The byte ranges that an edit changes, and the bytes there before and after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vpo.execute.undo_file import Patch, write_at

_SAME = 64
"""Equal bytes between two differences that end one patch and begin another."""


class PatchSet(NamedTuple):
    """The byte ranges that an edit changes, and the file's length afterwards."""

    patches: tuple[Patch, ...]
    length: int

    def fits(self, fd: int) -> bool:
        """Return whether the open file has, where it is changed, the bytes of before."""
        size = os.fstat(fd).st_size
        return all(
            os.pread(fd, len(patch.old), patch.offset) == patch.old
            and (patch.old or patch.offset == size)
            for patch in self.patches
        )

    def apply(self, fd: int) -> None:
        """Write the changes to the file, open for writing, or to a copy of it."""
        for patch in self.patches:
            write_at(fd, patch.new, patch.offset)
        os.ftruncate(fd, self.length)


def patch_set(fd: int, writes: Mapping[int, bytes], length: int) -> PatchSet:
    """Return what writes of new bytes, by offset, change in the open file; they do not overlap.

    What they write behind its end is one patch, without gaps.
    """
    before = os.fstat(fd).st_size
    found: list[Patch] = []
    added = b""
    for offset, new in sorted(writes.items()):
        inside = new[: max(0, before - offset)]
        old = os.pread(fd, len(inside), offset)
        found += [
            Patch(offset + at, old[at:end], inside[at:end]) for at, end in _differences(old, inside)
        ]
        added += new[len(inside) :]
    return PatchSet((*found, Patch(before, b"", added)) if added else tuple(found), length)


def _differences(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """Yield the ranges of two equally long texts that differ, in steps of some bytes."""
    begun: int | None = None
    for at in range(0, len(new) + _SAME, _SAME):
        if old[at : at + _SAME] != new[at : at + _SAME]:
            begun = at if begun is None else begun
        elif begun is not None:
            yield begun, min(at, len(new))
            begun = None
