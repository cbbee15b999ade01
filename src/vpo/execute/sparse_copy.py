"""A header edit, made by the tool in a sparse copy of the file without its clusters.

The tool never gets the user's file: it edits a sparse copy of everything outside the clusters (in
memory where the system supports that), and vpo applies the differences to the file. So a tool that
hangs, crashes or writes in the wrong place does no harm, and the file itself is inconsistent only
during a few small writes.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator

from vpo.errors import VerifyError
from vpo.execute.header_edits.patch_set import PatchSet
from vpo.execute.undo_file import Patch, write_at
from vpo.execute.workspace import Workspace

_CLUSTER_HEADER = 12
"""Bytes of the first cluster in the copy, so that the tool finds where the clusters begin."""
_BLOCK = 4096


def edit_sparse_copy(
    media: int, ranges: list[tuple[int, int]], folder: str, tool: Callable[[str, int], None]
) -> PatchSet:
    """Return what ``tool`` changes in a sparse copy of the open file ``media``.

    It may change ``ranges`` (offset, length), the first of which begins at 0; raises
    ``VerifyError`` if it changes anything else. The tool gets the path and descriptor of the copy.
    ``folder`` is for a temporary file where the system has no files in memory.
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
    """Yield the runs of blocks that differ."""
    end = offset + size
    begun: int | None = None
    for at in range(offset, end + _BLOCK, _BLOCK):
        part = min(_BLOCK, max(0, end - at))
        if os.pread(media, part, at) != os.pread(fd, part, at):
            begun = at if begun is None else begun
        elif begun is not None:
            length = min(at, end) - begun
            yield Patch(begun, os.pread(media, length, begun), os.pread(fd, length, begun))
            begun = None


def _refuse_stray(
    media: int, fd: int, ranges: list[tuple[int, int]], length: int, edited: int
) -> None:
    """Raise ``VerifyError`` if the tool wrote in the place of the clusters, or cut it off."""
    for start, end in _gaps(ranges, length):
        first = start == ranges[0][1]
        head = os.pread(media, _CLUSTER_HEADER, start)[: end - start] if first else b""
        if edited < end or any(
            data != head[at - start : at - start + len(data)].ljust(len(data), b"\0")
            for at, data in _written(fd, start, end)
        ):
            raise VerifyError(
                "the edit was discarded: the tool changed more than the header of the file"
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
    """Yield offset and content of the data between holes; without holes, of everything."""
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
