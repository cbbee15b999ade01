"""The tags of an MP4 or QuickTime file: iTunes' list (``ilst``), and QuickTime's user data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vpo.execute.header_edits.mp4_boxes import Mp4Box, new_box, new_parent, read_data
from vpo.probe.ebml import StructureError

_ITEMS = {
    "title": b"\xa9nam",
    "artist": b"\xa9ART",
    "album": b"\xa9alb",
    "album_artist": b"aART",
    "comment": b"\xa9cmt",
    "composer": b"\xa9wrt",
    "copyright": b"cprt",
    "date": b"\xa9day",
    "description": b"desc",
    "episode_id": b"tven",
    "genre": b"\xa9gen",
    "grouping": b"\xa9grp",
    "keywords": b"keyw",
    "lyrics": b"\xa9lyr",
    "network": b"tvnn",
    "show": b"tvsh",
    "synopsis": b"ldes",
}
"""The items of iTunes that are text, as ffmpeg writes and reads them."""
_QUICKTIME = {
    "title": b"\xa9nam",
    "artist": b"\xa9ART",
    "album": b"\xa9alb",
    "date": b"\xa9day",
    "genre": b"\xa9gen",
    "copyright": b"\xa9cpy",
    "comment": b"\xa9cmt",
}
_TWIN = b"\xa9des"
"""A second comment, which ffmpeg writes into QuickTime and does not read."""
_TEXT = b"\0\0\0\1\0\0\0\0"
"""UTF-8, in no language."""
_HANDLER = bytes(8) + b"mdirappl" + bytes(9)
_NO_LANGUAGE = 0x55C4
_MAX_QUICKTIME = 0xFFFF


@dataclass(frozen=True)
class Mp4Tags:
    """The tags in the header of an open file."""

    fd: int
    quicktime: bool

    def edited(self, movie: Mp4Box, tags: Mapping[str, str]) -> Mp4Box:
        """Return the list of tracks with these values of tags; an empty one is removed.

        Raises ``StructureError`` for tags that are no text, or that the file has in another place.
        """
        self._refuse_keys(movie, tags)
        for name, value in tags.items():
            if name not in (_QUICKTIME if self.quicktime else _ITEMS):
                raise StructureError(f"the tag {name!r} is not written as text")
            found = movie.find(b"udta")
            if len(found) > 1:
                raise StructureError("two boxes 'udta'")
            old = found[0] if found else new_parent(b"udta", [])
            new = self._edited(old, name, value)
            children = [new if one is old else one for one in movie.children or ()]
            if not found and value:
                children.append(new)
            movie = movie.with_children(children)
        return movie

    def _refuse_keys(self, movie: Mp4Box, tags: Mapping[str, str]) -> None:
        """Refuse tags that are listed by name, as Apple's telephones write them."""
        lists = [*movie.find(b"meta"), *(m for u in movie.find(b"udta") for m in u.find(b"meta"))]
        for keys in (box for one in lists for box in one.find(b"keys")):
            there = read_data(self.fd, keys).lower()
            if any(name.encode() in there for name in tags):
                raise StructureError("the tag is in a list of Apple's own")

    def _kinds(self, user_data: Mp4Box, name: str) -> set[bytes]:
        """Return the boxes that are this tag.

        ffmpeg writes a comment into QuickTime twice, and reads the second one.
        """
        kinds = {_ITEMS[name], _QUICKTIME.get(name, _ITEMS[name])}
        if name != "comment":
            return kinds
        texts = {read_data(self.fd, one) for one in user_data.find(_TWIN)}
        if texts - {read_data(self.fd, one) for one in user_data.find(*kinds)}:
            raise StructureError("two comments that differ")
        return {*kinds, _TWIN}

    def _edited(self, user_data: Mp4Box, name: str, value: str) -> Mp4Box:
        """Return the user data with a tag in the one place where it is, or where it belongs."""
        lists = [one for one in user_data.find(b"meta") if self._is_itunes(one)]
        kinds = self._kinds(user_data, name)
        in_list = lists and any(items.find(*kinds) for items in lists[0].find(b"ilst"))
        in_user_data = bool(user_data.find(*kinds))
        if len(lists) > 1 or (in_list and in_user_data):
            raise StructureError("the tag is in the file twice")
        if in_user_data or (self.quicktime and not in_list):
            text = _quicktime_text(_QUICKTIME.get(name), value) if value else None
            return _with_item(user_data, kinds, text)
        if not lists:
            if not value:
                return user_data
            made = [new_box(b"hdlr", _HANDLER), new_parent(b"ilst", [])]
            lists = [new_parent(b"meta", made, bytes(4))]
            user_data = user_data.with_children([*(user_data.children or ()), lists[0]])
        new = _with_list(lists[0], _ITEMS[name], value)
        return user_data.with_children(
            new if one is lists[0] else one for one in user_data.children or ()
        )

    def _is_itunes(self, meta: Mp4Box) -> bool:
        return any(read_data(self.fd, one)[8:12] == b"mdir" for one in meta.find(b"hdlr"))


def _with_list(meta: Mp4Box, kind: bytes, value: str) -> Mp4Box:
    """Return the box of iTunes' list with an item of text."""
    item = new_parent(kind, [new_box(b"data", _TEXT + value.encode())]) if value else None
    items = meta.find(b"ilst")
    if len(items) != 1:
        raise StructureError(f"{len(items)} lists of tags instead of one")
    new = _with_item(items[0], {kind}, item)
    return meta.with_children(new if one is items[0] else one for one in meta.children or ())


def _with_item(parent: Mp4Box, kinds: set[bytes], new: Mp4Box | None) -> Mp4Box:
    """Return the parent with one item of these kinds, where the first was, or without any."""
    children: list[Mp4Box] = []
    for one in parent.children or ():
        if one.kind not in kinds:
            children.append(one)
        elif new is not None:
            children.append(replace(new, start=one.start))
            new = None
    return parent.with_children([*children, new] if new is not None else children)


def _quicktime_text(kind: bytes | None, value: str) -> Mp4Box:
    text = value.encode()
    if kind is None or len(text) > _MAX_QUICKTIME:
        raise StructureError("the tag is too long, or none of QuickTime's")
    return new_box(kind, len(text).to_bytes(2, "big") + _NO_LANGUAGE.to_bytes(2, "big") + text)
