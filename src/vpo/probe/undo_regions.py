"""The regions of a Matroska file that an undo file saves before a header edit."""

from __future__ import annotations

from vpo.probe.ebml import StructureError
from vpo.probe.matroska import CLUSTER, MAX_ELEMENTS, SEEK_HEAD, Structure, element


def undo_regions(fd: int, structure: Structure) -> list[tuple[int, int]] | None:
    """Return the regions (offset, length) outside the clusters; ``None`` if they are not enough.

    Elements after the first cluster are found from the SeekHead and followed to the end of the
    file, so that the clusters of a large file are not read. ``None`` if that is impossible, or if
    mkvpropedit would write elsewhere: without a SeekHead it visits every element and uses a Void
    after the clusters, and it fills in sizes that a live recording left unknown, even in a cluster.
    """
    if not any(item.id == SEEK_HEAD for item in structure.head) or _unknown_sizes(fd, structure):
        return None
    ranges = [(0, structure.first_cluster)]
    if not structure.behind:
        return ranges
    offset = structure.behind[0]
    for _ in range(MAX_ELEMENTS):
        if offset >= structure.length:
            return ranges
        try:
            item = element(fd, offset, structure.length)
        except StructureError:
            return None
        if item.end is None:
            return None
        if item.id != CLUSTER:
            ranges.append((item.start, item.end - item.start))
        offset = item.end
    return None


def _unknown_sizes(fd: int, structure: Structure) -> bool:
    if structure.segment.end is None:
        return True
    if structure.first_cluster >= structure.length:
        return False
    try:
        return element(fd, structure.first_cluster, structure.length).end is None
    except StructureError:
        return True
