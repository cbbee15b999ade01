"""A check of the elements outside the clusters of a Matroska file that was edited."""

from __future__ import annotations

from collections.abc import Iterator

from vpo.errors import VerifyError
from vpo.execute.header_edits.ebml_element import CRC, EbmlElement, joined, parse
from vpo.execute.header_edits.matroska_header import EDITED
from vpo.execute.header_edits.matroska_layout import MatroskaLayout, read_element
from vpo.probe.ebml import StructureError, items, read_uint
from vpo.probe.matroska import SEEK_HEAD, Structure, element, read_structure

_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TRACK_ENTRY, _TAG = 0xAE, 0x7373
_PARENTS = EDITED | {SEEK_HEAD, _SEEK, _TRACK_ENTRY, _TAG}


def check(fd: int, before: Structure) -> None:
    """Raise ``VerifyError`` if the structure of the edited open file is not sound."""
    try:
        problem = next(_problems(fd, before), None)
    except StructureError as error:
        problem = str(error)
    if problem is not None:
        raise VerifyError(f"after the header edit, {problem}; it was taken back")


def _problems(fd: int, before: Structure) -> Iterator[str]:
    now = read_structure(fd)
    if now.first_cluster != before.first_cluster:
        yield f"the first cluster is at byte {now.first_cluster:,}, not {before.first_cluster:,}"
    if before.complete and not now.complete:
        yield "the segment does not end where the file ends"
    layout = MatroskaLayout.read(fd, now)
    for identity in (*EDITED, SEEK_HEAD):
        for extent in layout.find(identity):
            yield from _false_checksums(read_element(fd, extent))
    for extent in layout.find(SEEK_HEAD):
        for child in parse(read_element(fd, extent).data):
            if child.id == _SEEK:
                yield from _lost(fd, now, dict(items(child.data)))


def _false_checksums(parent: EbmlElement) -> Iterator[str]:
    children = parse(parent.data)
    if children and children[0].id == CRC and joined(children) != parent.data:
        yield f"the checksum of element {parent.id:#x} is false"
    for child in children:
        if child.id in _PARENTS:
            yield from _false_checksums(child)


def _lost(fd: int, now: Structure, seek: dict[int, bytes]) -> Iterator[str]:
    """Yield an entry of a SeekHead that names an element of the header that is not there."""
    wanted = read_uint(seek.get(_SEEK_ID, b""))
    at = now.segment.data + read_uint(seek.get(_SEEK_POSITION, b""))
    if wanted in EDITED and element(fd, at, now.length).id != wanted:
        yield f"the SeekHead does not say where element {wanted:#x} is"
