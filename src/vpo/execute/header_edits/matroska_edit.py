"""A header edit of a Matroska or WebM file: the plan and the open file give its patches."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vpo.execute.header_edits import matroska_header
from vpo.execute.header_edits.ebml_element import EbmlElement, joined, new_element, parse, uint
from vpo.execute.header_edits.matroska_layout import MatroskaLayout, read_element
from vpo.execute.header_edits.patch_set import PatchSet, patch_set
from vpo.plan.model import Plan
from vpo.probe.ebml import StructureError, items, read_uint
from vpo.probe.matroska import EBML, SEEK_HEAD, Structure, element

_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_DOCTYPE_VERSION, _WITH_NEW_ELEMENTS = 0x4287, 4
"""The version of Matroska that has LanguageBCP47 and the newer flags (RFC 9559, 5.1)."""


def edit(fd: int, structure: Structure, plan: Plan) -> PatchSet:
    """Return the patches that make the plan's changes in the open file of this structure.

    Raises ``StructureError`` for a file in which that would not be safe, or has no room.
    """
    layout = MatroskaLayout.read(fd, structure)
    listed = _listed(fd, layout)
    _edit_elements(fd, layout, plan)
    _edit_seek_heads(fd, layout, listed)
    writes = layout.finish()
    if matroska_header.has_new_elements(plan):
        writes |= _edited_version(fd)
    return patch_set(fd, writes, max(layout.end, structure.length))


def _edit_elements(fd: int, layout: MatroskaLayout, plan: Plan) -> None:
    for identity in matroska_header.touched(plan):
        found = layout.find(identity)
        if not found and identity == matroska_header.TAGS:
            if (tags := matroska_header.new_tags(plan)) is not None:
                layout.put(None, tags)
            continue
        if len(found) != 1:
            raise StructureError(f"{len(found)} elements {identity:#x} instead of one")
        old = read_element(fd, found[0])
        content = old.with_data(matroska_header.edited(identity, old.data, plan))
        if content != old:
            layout.put(found[0], content)


def _edit_seek_heads(fd: int, layout: MatroskaLayout, before: frozenset[int]) -> None:
    """Correct the positions of what was moved, and list what a reader would not find.

    ``before`` are the offsets of the elements that a SeekHead listed.
    """
    heads = layout.find(SEEK_HEAD)
    base = layout.structure.segment.data
    moved = {old - base: new - base for old, new in layout.moved.items()}
    unlisted = _unlisted(layout, before)
    for extent in heads:
        old = read_element(fd, extent)
        seeks = [_corrected(child, moved) for child in parse(old.data)]
        if extent == heads[0]:
            seeks += [_seek(layout.fixed[at][0], at - base) for at in unlisted]
        content = old.with_data(joined(seeks))
        if content != old:
            layout.put_in_place(extent, content)
    if unlisted and not heads:
        raise StructureError("no SeekHead that could list an element behind the clusters")


def _listed(fd: int, layout: MatroskaLayout) -> frozenset[int]:
    """Return the offsets that a SeekHead lists; ``StructureError`` if an element is elsewhere."""
    listed = list(layout.listed(fd))
    if any(key in matroska_header.EDITED and not layout.has(key, at) for key, at in listed):
        raise StructureError("a SeekHead that does not say where its elements are")
    return frozenset(at for _, at in listed)


def _unlisted(layout: MatroskaLayout, before: frozenset[int]) -> list[int]:
    """Return where new or moved elements behind the clusters are that no SeekHead lists."""
    origins = {new: old for old, new in layout.moved.items()}
    return [
        start
        for start in layout.writes
        if start >= layout.structure.first_cluster and origins.get(start, start) not in before
    ]


def _position(seek: EbmlElement) -> int:
    return read_uint(dict(items(seek.data)).get(_SEEK_POSITION, b""))


def _corrected(seek: EbmlElement, moved: Mapping[int, int]) -> EbmlElement:
    if seek.id != _SEEK or _position(seek) not in moved:
        return seek
    position = moved[_position(seek)]
    parts = [
        part.with_data(uint(position).rjust(len(part.data), b"\0"))
        if part.id == _SEEK_POSITION
        else part
        for part in parse(seek.data)
    ]
    return seek.with_data(joined(parts))


def _seek(identity: int, position: int) -> EbmlElement:
    parts = new_element(_SEEK_ID, uint(identity)), new_element(_SEEK_POSITION, uint(position))
    return new_element(_SEEK, joined(parts))


def _edited_version(fd: int) -> dict[int, bytes]:
    """Return the EBML header with the version that has all elements, where it is an older one."""
    header = element(fd, 0, os.fstat(fd).st_size)
    old = EbmlElement(
        EBML, header.data - 4, os.pread(fd, (header.end or 0) - header.data, header.data)
    )
    parts = parse(old.data)
    changed = [
        part._replace(data=uint(_WITH_NEW_ELEMENTS).rjust(len(part.data), b"\0"))
        if part.id == _DOCTYPE_VERSION and 0 < read_uint(part.data) < _WITH_NEW_ELEMENTS
        else part
        for part in parts
    ]
    return {} if changed == parts else {0: old.with_data(joined(changed)).encoded()}
