"""What a plan makes of the header of an MP4 or QuickTime file: of its tracks and its tags.

Flags other than ``default`` are roles of DASH (ISO/IEC 23009-1, 5.8.5.5) in ``kind`` boxes (ISO/IEC
14496-12, 8.10.4), as ffmpeg writes and reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from vpo.execute.header_edits.mp4_boxes import (
    Mp4Box,
    Mp4Structure,
    new_box,
    new_parent,
    read_data,
)
from vpo.execute.header_edits.mp4_tags import Mp4Tags
from vpo.media.languages import UNDETERMINED, alpha3, bcp47
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind
from vpo.probe.ebml import StructureError

_ROLES = b"urn:mpeg:dash:role:2011"
_FLAGS = {
    "comment": b"commentary",
    "dub": b"dub",
    "forced": b"forced-subtitle",
    "hearing_impaired": b"caption",
    "visual_impaired": b"description",
}
_HANDLERS: Mapping[str, frozenset[bytes]] = MappingProxyType(
    {
        "video": frozenset({b"vide"}),
        "audio": frozenset({b"soun"}),
        "subtitle": frozenset({b"sbtl", b"subt", b"text", b"clcp", b"subp"}),
    }
)
_ENABLED = 1
"""The bit of ``tkhd`` by which players choose a track (8.3.2)."""
_SHORTEST_TRACK_HEADER = 84
_FIRST_LETTER = 0x60
_UNSPECIFIED = b"\x7f\xff"
"""The number of QuickTime for no language; numbers from 0x400 on are three letters there, too."""
_OF_TRACKS = frozenset({ChangeKind.FLAG, ChangeKind.TITLE, ChangeKind.LANGUAGE})
_SHORTEST_NAME = 5
_TITLES = (b"name", b"\xa9nam")


@dataclass(frozen=True)
class Mp4Header:
    """The header of an open file, of which a plan makes another one."""

    fd: int
    structure: Mp4Structure
    plan: Plan

    def edited(self) -> Mp4Box:
        """Return the list of tracks as the plan wants it; ``StructureError`` if that is unsafe."""
        movie = self.structure.movie
        changes = _by_track(self.plan)
        numbers = {
            _position(track, self.plan.before): track
            for track in self.plan.before.tracks
            if track.index in changes
        }
        tracks = movie.find(b"trak")
        if any(number not in range(len(tracks)) for number in numbers):
            raise StructureError("a track of the plan is not in the file")
        edited = {
            tracks[number].start: self._track(tracks[number], track, changes[track.index])
            for number, track in numbers.items()
        }
        children = [edited.get(child.start, child) for child in movie.children or ()]
        tags = {
            change.fact.name: str(change.after or "")
            for change in self.plan.changes
            if change.kind is ChangeKind.TAG
        }
        movie = movie.with_children(children)
        return Mp4Tags(self.fd, self.structure.quicktime).edited(movie, tags) if tags else movie

    def _track(self, box: Mp4Box, track: Track, changes: Iterable[Change]) -> Mp4Box:
        """Return a track with its changes, if it is the one that they are meant for."""
        self._check_is(box, track)
        for change in changes:
            box = self._changed(box, change)
        return box

    def _check_is(self, box: Mp4Box, track: Track) -> None:
        handlers = [read_data(self.fd, one)[8:12] for one in _only(box, b"mdia").find(b"hdlr")]
        enabled = bool(self._track_header(box)[3] & _ENABLED)
        kinds = _HANDLERS.get(track.type)
        if (kinds and not kinds & set(handlers)) or enabled != track.default:
            raise StructureError(f"{track} is not in its place among the tracks")

    def _track_header(self, box: Mp4Box) -> bytes:
        data = read_data(self.fd, _only(box, b"tkhd"))
        if len(data) < _SHORTEST_TRACK_HEADER:
            raise StructureError("a track has no header")
        return data

    def _changed(self, box: Mp4Box, change: Change) -> Mp4Box:
        if change.kind is ChangeKind.TITLE:
            return self._titled(box, str(change.after or ""))
        if change.kind is ChangeKind.LANGUAGE:
            return self._in_language(box, str(change.after or UNDETERMINED))
        if change.fact.name == "default":
            data = bytearray(self._track_header(box))
            data[3] = data[3] & ~_ENABLED | (_ENABLED if change.after else 0)
            return _replaced(box, _only(box, b"tkhd"), _only(box, b"tkhd").with_data(bytes(data)))
        role = _FLAGS.get(change.fact.name)
        if role is None:
            raise StructureError(f"no box for the flag {change.fact.name!r}")
        return self._with_role(box, role, present=bool(change.after))

    def _titled(self, box: Mp4Box, title: str) -> Mp4Box:
        """Return the track with this name, for none without one."""
        for meta in (meta for one in (box, *box.find(b"udta")) for meta in one.find(b"meta")):
            keys = b"".join(read_data(self.fd, one).lower() for one in meta.find(b"keys"))
            if b"title" in keys or any(one.find(b"\xa9nam") for one in meta.find(b"ilst")):
                raise StructureError("the title of a track is in a list of tags, too")
        made = new_box(b"name", _name(title)) if title else None
        return _with_user_data(box, lambda one: one.kind in _TITLES, made)

    def _with_role(self, box: Mp4Box, role: bytes, *, present: bool) -> Mp4Box:
        data = bytes(4) + _ROLES + b"\0" + role + b"\0"

        def is_it(one: Mp4Box) -> bool:
            return one.kind == b"kind" and read_data(self.fd, one) == data

        return _with_user_data(box, is_it, new_box(b"kind", data) if present else None)

    def _in_language(self, box: Mp4Box, tag: str) -> Mp4Box:
        media = _only(box, b"mdia")
        header = _only(media, b"mdhd")
        data = bytearray(read_data(self.fd, header))
        at = 32 if data[:1] == b"\1" else 20  # version 1 has longer times (8.4.2)
        if len(data) < at + 2:
            raise StructureError("a track has no language")
        data[at : at + 2] = self._language(alpha3(bcp47(tag)))
        children: list[Mp4Box] = []
        for one in media.children or ():
            if one is header:
                children.append(one.with_data(bytes(data)))
            elif one.kind != b"elng":
                children.append(one)
            elif "-" in tag:
                # A tag with a region stays the one that it is here; without it, mdhd says all.
                content = bytes(4) + bcp47(tag).encode() + b"\0"
                children.append(one.with_data(content.ljust(one.length - one.head, b"\0")))
        return _replaced(box, media, media.with_children(children))

    def _language(self, code: str) -> bytes:
        """Return a language as three letters of five bits each (8.4.2)."""
        if self.structure.quicktime and code == UNDETERMINED:
            return _UNSPECIFIED
        if len(code) != 3 or not (code.isascii() and code.isalpha() and code.islower()):
            raise StructureError(f"no three letters for the language {code!r}")
        first, second, third = (ord(letter) - _FIRST_LETTER for letter in code)
        return (first << 10 | second << 5 | third).to_bytes(2, "big")


def _name(title: str) -> bytes:
    """Return a title as it is stored; ffmpeg takes up to 4 bytes for text of old Macintoshes."""
    data = title.encode()
    return data if title.isascii() else data.ljust(_SHORTEST_NAME, b"\0")


def _by_track(plan: Plan) -> dict[int, list[Change]]:
    """Return the changes of the headers of tracks, by the index of the track."""
    found: dict[int, list[Change]] = {}
    for change in plan.changes:
        if change.kind in _OF_TRACKS and change.track is not None:
            found.setdefault(change.track, []).append(change)
    return found


def _position(track: Track, media: MediaFile) -> int:
    """Return which of the tracks in the file it is: ffmpeg counts covers, too."""
    return track.index - sum(item.index < track.index for item in media.attachments)


def _only(box: Mp4Box, kind: bytes) -> Mp4Box:
    found = box.find(kind)
    if len(found) != 1:
        raise StructureError(f"{len(found)} boxes {kind.decode('latin-1')!r} instead of one")
    return found[0]


def _replaced(parent: Mp4Box, old: Mp4Box, new: Mp4Box) -> Mp4Box:
    return parent.with_children(new if one is old else one for one in parent.children or ())


def _with_user_data(box: Mp4Box, is_old: Callable[[Mp4Box], bool], new: Mp4Box | None) -> Mp4Box:
    """Return the track with a box in its user data in place of those that were there."""
    found = box.find(b"udta")
    if len(found) > 1:
        raise StructureError("a track has two boxes 'udta'")
    if not found:
        if new is None:
            return box
        return box.with_children([*(box.children or ()), new_parent(b"udta", [new])])
    children: list[Mp4Box] = []
    for one in found[0].children or ():
        if not is_old(one):
            children.append(one)
        elif new is not None:
            children.append(replace(new, start=one.start))
            new = None
    if new is not None:
        children.append(new)
    return _replaced(box, found[0], found[0].with_children(children))
