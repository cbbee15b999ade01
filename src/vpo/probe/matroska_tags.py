"""Title, tags and chapters of a Matroska file, and what of them ffmpeg flattens on remux.

Elements are those of RFC 9559, tags those of the Matroska tagging specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vpo.media.containers import is_tool_tag
from vpo.probe.ebml import Items, StructureError, items, read_text
from vpo.probe.matroska import Structure, element, inside

_INFO, _CHAPTERS, _TAGS = 0x1549A966, 0x1043A770, 0x1254C367
_TITLE = 0x7BA9
_EDITION, _EDITION_ORDERED, _CHAPTER = 0x45B9, 0x45DD, 0xB6
_CHAPTER_HIDDEN, _CHAPTER_ENABLED, _CHAPTER_SEGMENT, _CHAPTER_PROCESS = 0x98, 0x4598, 0x6E67, 0x6944
_DISPLAY = 0x80
_TAG, _TARGETS, _TARGET_VALUE, _TARGET_TYPE = 0x7373, 0x63C0, 0x68CA, 0x63CA
_TRACK_UID, _OTHER_UIDS = 0x63C5, (0x63C9, 0x63C4, 0x63C6)
_SIMPLE, _NAME, _STRING, _BINARY = 0x67C8, 0x45A3, 0x4487, 0x4485
_WHOLE = 50
"""The target level of tags of the whole film or episode, also if none is stated."""


@dataclass(frozen=True, slots=True)
class MatroskaTags:
    """The title, if any, and as display text the features that only mkvtoolnix keeps."""

    title: str | None = None
    fragile: tuple[str, ...] = ()


def read_tags(fd: int, structure: Structure) -> MatroskaTags | None:
    """Return the tags of an open file; ``None`` if they cannot be read."""
    try:
        found = dict(_masters(fd, structure))
        info, tags = found.get(_INFO, []), found.get(_TAGS, [])
        titles = [read_text(data) for identity, data in info if identity == _TITLE]
        fragile = dict.fromkeys([*_chapters(found.get(_CHAPTERS, [])), *_tags(tags)])
        return MatroskaTags(next(iter(titles), "") or _tagged_title(tags), tuple(fragile))
    except StructureError:
        return None


def _masters(fd: int, structure: Structure) -> Iterator[tuple[int, Items]]:
    behind = (element(fd, at, structure.length) for at in structure.behind)
    for item in (*structure.head, *behind):
        if item.id in (_INFO, _CHAPTERS, _TAGS):
            yield item.id, inside(fd, item)


def _of(found: Items, identity: int) -> list[bytes]:
    return [data for name, data in found if name == identity]


def _chapters(chapters: Items) -> Iterator[str]:
    editions = [items(data) for data in _of(chapters, _EDITION)]
    if len(editions) > 1:
        yield f"{len(editions)} editions of chapters"
    if any(_is_set(edition, _EDITION_ORDERED) for edition in editions):
        yield "ordered chapters"
    atoms = [items(data) for edition in editions for data in _of(edition, _CHAPTER)]
    if any(_of(atom, _CHAPTER) for atom in atoms):
        yield "chapters inside chapters"
    if any(len(_of(atom, _DISPLAY)) > 1 for atom in atoms):
        yield "chapters with several names"
    if any(_special(atom) for atom in atoms):
        yield "chapters that are hidden, disabled, linked or scripted"


def _special(atom: Items) -> bool:
    disabled = any(not any(data) for data in _of(atom, _CHAPTER_ENABLED))
    linked = bool(_of(atom, _CHAPTER_SEGMENT) or _of(atom, _CHAPTER_PROCESS))
    return disabled or linked or _is_set(atom, _CHAPTER_HIDDEN)


def _is_set(found: Items, flag: int) -> bool:
    return any(any(data) for data in _of(found, flag))


def _tags(tags: Items) -> Iterator[str]:
    whole: list[bytes] = []
    for tag in map(items, _of(tags, _TAG)):
        targets = [item for data in _of(tag, _TARGETS) for item in items(data)]
        simple = _of(tag, _SIMPLE)
        if any(_nested(items(data)) for data in simple):
            yield "tags inside tags, or with binary data"
        if any(any(data) for uid in _OTHER_UIDS for data in _of(targets, uid)):
            yield "tags of a chapter, an edition or an attachment"
        elif not any(any(data) for data in _of(targets, _TRACK_UID)):
            if _level(targets) == _WHOLE:
                whole += simple
            elif simple:
                yield "tags of something larger or smaller than the file, as a season"
    # Of its own tags, a tool may leave several: of every file that was joined, its encoder.
    names = [name for data in whole if not is_tool_tag(name := _name(items(data)))]
    if len(set(names)) < len(names):
        yield "several tags of one name"


def _nested(simple: Items) -> bool:
    return bool(_of(simple, _SIMPLE) or _of(simple, _BINARY))


def _level(targets: Items) -> int:
    """Return the target's level; 0 for one that is only named (``SEASON``)."""
    values = _of(targets, _TARGET_VALUE)
    if values:
        return int.from_bytes(values[0], "big") or _WHOLE
    return 0 if _of(targets, _TARGET_TYPE) else _WHOLE


def _name(simple: Items) -> str:
    return "".join(map(read_text, _of(simple, _NAME))).lower()


def _tagged_title(tags: Items) -> str | None:
    """Return the title from a tag, for files without a title element."""
    for tag in map(items, _of(tags, _TAG)):
        targets = [item for data in _of(tag, _TARGETS) for item in items(data)]
        if any(any(data) for uid in (_TRACK_UID, *_OTHER_UIDS) for data in _of(targets, uid)):
            continue
        for simple in map(items, _of(tag, _SIMPLE)):
            if _name(simple) == "title" and _level(targets) == _WHOLE:
                return "".join(map(read_text, _of(simple, _STRING))) or None
    return None
