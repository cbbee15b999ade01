"""Parts of a Matroska file that were never written, as in a preallocated download."""

from __future__ import annotations

import os

from vpo.probe.ebml import StructureError
from vpo.probe.matroska import CLUSTER, SEGMENT, Element, element

_VOID = 0xEC
_MOST = 64
"""The most holes that are looked at."""


def is_unwritten(fd: int) -> bool:
    """Return whether the open file has a hole (lseek(2)) where data should be.

    A hole in a Void is none: nothing but zeros is to be there. Only the headers of elements are
    read.
    """
    if not hasattr(os, "SEEK_HOLE"):
        return False
    length, offset = os.fstat(fd).st_size, 0
    try:
        for _ in range(_MOST):
            offset = os.lseek(fd, offset, os.SEEK_HOLE)
            if offset >= length:
                return False
            found = _element_at(fd, offset, length)
            if found.id != _VOID or found.end is None:
                return True
            offset = found.end
            if offset >= length:
                return False
    except StructureError:
        return True
    except OSError:
        return False
    return True


def _element_at(fd: int, offset: int, length: int) -> Element:
    """Return the innermost element, down to those in clusters, that has the byte at an offset."""
    at = 0
    while True:
        found = element(fd, at, length)
        if found.end is not None and found.end <= offset:
            at = found.end
        elif found.id in (SEGMENT, CLUSTER) and found.data <= offset:
            at = found.data
        else:
            return found
