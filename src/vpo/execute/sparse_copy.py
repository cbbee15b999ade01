"""A header edit, tried on a stand-in for the file that has no clusters.

The tool never gets hold of the user's file: it edits a sparse copy of what is outside the clusters
(in memory where the system has such files), and vpo takes over only what has become different
there. So a tool that hangs, dies or writes where it should not has done no harm, and the file
itself is in between for no longer than a few small writes take.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from vpo.errors import VerifyError
from vpo.execute.undo import Patch, write_at
from vpo.execute.workspace import Workspace

_CLUSTER_HEADER = 12
"""Bytes of the first cluster that the tool has to see, so that it knows where to stop."""
_BLOCK = 4096


class PatchSet(NamedTuple):
    """What an edit comes to: the patches, and the file's length afterwards."""

    patches: tuple[Patch, ...]
    length: int

    def apply(self, fd: int) -> None:
        """Make the changes in the file, open for writing, or in a copy of it."""
        for patch in self.patches:
            write_at(fd, patch.new, patch.offset)
        os.ftruncate(fd, self.length)


def edit_sparse_copy(
    media: int, ranges: list[tuple[int, int]], folder: str, tool: Callable[[str, int], None]
) -> PatchSet:
    """Let ``tool`` edit a stand-in for the open file ``media``; what it has changed.

    ``ranges`` (offset, length) is what it may change, the first beginning at 0. The tool is given
    the stand-in's path and descriptor. ``VerifyError`` if it has changed something else.
    ``folder`` is for a temporary file where memory cannot be a file.
    """
    length = os.fstat(media).st_size
    with _sparse_file(folder) as (path, fd):
        os.ftruncate(fd, length)
        for offset, size in [*ranges, (ranges[0][1], _CLUSTER_HEADER)]:
            write_at(fd, os.pread(media, min(size, length - offset), offset), offset)
        tool(path, fd)
        edited = os.fstat(fd).st_size
        _refuse_stray(media, fd, ranges, length, edited)
        found = [patch for item in ranges for patch in _differences(media, fd, *item)]
        if edited > length:
            found.append(Patch(length, b"", os.pread(fd, edited - length, length)))
    return PatchSet(tuple(found), edited)


@contextlib.contextmanager
def _sparse_file(folder: str) -> Iterator[tuple[str, int]]:
    if not hasattr(os, "memfd_create"):
        with Workspace(folder, 0o600) as workspace:
            yield workspace.path, workspace.fd
        return
    fd = os.memfd_create("vpo-header-edit")
    try:
        yield f"/proc/self/fd/{fd}", fd
    finally:
        os.close(fd)


def _differences(media: int, fd: int, offset: int, size: int) -> Iterator[Patch]:
    """Block by block, with neighbouring blocks put together."""
    found: Patch | None = None
    for at in range(offset, offset + size, _BLOCK):
        part = min(_BLOCK, offset + size - at)
        old, new = os.pread(media, part, at), os.pread(fd, part, at)
        if old == new:
            continue
        if found is not None and found.offset + len(found.old) == at:
            found = Patch(found.offset, found.old + old, found.new + new)
            continue
        if found is not None:
            yield found
        found = Patch(at, old, new)
    if found is not None:
        yield found


def _refuse_stray(
    media: int, fd: int, ranges: list[tuple[int, int]], length: int, edited: int
) -> None:
    """The clusters' place must be as empty as it was, and must not be cut off."""
    for start, end in _gaps(ranges, length):
        first = start == ranges[0][1]
        head = os.pread(media, _CLUSTER_HEADER, start)[: end - start] if first else b""
        if edited < end or any(
            data != head[at - start : at - start + len(data)].ljust(len(data), b"\0")
            for at, data in _written(fd, start, end)
        ):
            raise VerifyError(
                "the tool's edit was thrown away: it changed more than the header of the file"
            )


def _gaps(ranges: list[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    at = 0
    for offset, size in sorted(ranges):
        if offset > at:
            yield at, offset
        at = max(at, offset + size)
    if at < length:
        yield at, length


def _written(fd: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The parts that are not holes; a file system without holes shows everything."""
    while start < end:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
            stop = min(end, os.lseek(fd, start, os.SEEK_HOLE))
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            stop = end
        while start < stop:
            data = os.pread(fd, min(1 << 20, stop - start), start)
            if not data:
                return
            yield start, data
            start += len(data)
