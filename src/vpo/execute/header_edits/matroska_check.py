"""A check of the elements outside the clusters of a Matroska file that was edited."""

from __future__ import annotations

from collections.abc import Iterator

from vpo.errors import VerifyError
from vpo.execute.header_edits.ebml_element import CRC, joined, parse
from vpo.execute.header_edits.matroska_header import EDITED
from vpo.execute.header_edits.matroska_layout import MatroskaLayout, read_element
from vpo.probe.ebml import StructureError, items
from vpo.probe.matroska import SEEK_HEAD, Structure, read_structure

_SEEK, _TRACK_ENTRY, _TAG = 0x4DBB, 0xAE, 0x7373
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
            yield from _false_checksums(identity, read_element(fd, extent).data)
    for wanted, at in layout.listed(fd):
        if wanted in EDITED and not layout.has(wanted, at):
            yield f"the SeekHead does not say where element {wanted:#x} is"


def _false_checksums(identity: int, data: bytes) -> Iterator[str]:
    children = items(data)
    if children and children[0][0] == CRC and joined(parse(data)) != data:
        yield f"the checksum of element {identity:#x} is false"
    for child, content in children:
        if child in _PARENTS:
            yield from _false_checksums(child, content)
