"""What a plan makes of the elements of a Matroska header: tracks, title and tags (RFC 9559)."""

from __future__ import annotations

from vpo.execute.header_edits.ebml_element import (
    EbmlElement,
    joined,
    new_element,
    parse,
    uint,
    with_values,
)
from vpo.media.languages import UNDETERMINED, alpha3, bcp47
from vpo.media.model import Track
from vpo.plan.model import Change, Plan
from vpo.policy.change_kind import ChangeKind
from vpo.probe.ebml import StructureError, items, read_text, read_uint

INFO, TRACKS, TAGS = 0x1549A966, 0x1654AE6B, 0x1254C367
EDITED = frozenset({INFO, TRACKS, TAGS})
_TRACK_ENTRY, _NAME, _LANGUAGE, _LANGUAGE_BCP47 = 0xAE, 0x536E, 0x22B59C, 0x22B59D
_FLAGS = {
    "default": 0x88,
    "forced": 0x55AA,
    "hearing_impaired": 0x55AB,
    "visual_impaired": 0x55AC,
    "comment": 0x55AF,
}
_ORIGINAL, _ORIGIN = 0x55AE, ("original", "dub")
_TITLE = 0x7BA9
_TAG, _TARGETS, _TARGET_VALUE, _TARGET_TYPE = 0x7373, 0x63C0, 0x68CA, 0x63CA
_UIDS = frozenset({0x63C5, 0x63C9, 0x63C4, 0x63C6})
_SIMPLE, _TAG_NAME, _TAG_STRING, _TAG_LANGUAGE = 0x67C8, 0x45A3, 0x4487, 0x447A
_WHOLE = 50
"""The target level of tags of the whole film or episode, also if none is stated."""

_OF_TRACKS = frozenset({ChangeKind.FLAG, ChangeKind.TITLE, ChangeKind.LANGUAGE})

_Values = dict[int, bytes | None]


def edited(identity: int, data: bytes, plan: Plan) -> bytes:
    """Return the data of a header element as the plan wants it."""
    if identity == TRACKS:
        return _edited_tracks(data, plan)
    if identity == INFO:
        return joined(with_values(parse(data), _info_values(plan)))
    return _edited_tags(data, plan)


def touched(plan: Plan) -> tuple[int, ...]:
    """Return the ids of the header elements that the plan may change."""
    tags = [change for change in plan.changes if change.kind is ChangeKind.TAG]
    found = [TRACKS] if any(change.kind in _OF_TRACKS for change in plan.changes) else []
    if any(change.fact.name == "title" for change in tags):
        found.append(INFO)
    return (*found, TAGS) if tags else tuple(found)


def has_new_elements(plan: Plan) -> bool:
    """Return whether the plan needs elements that the first versions of Matroska lack."""
    old = {"default", "forced"}
    return any(
        change.kind is ChangeKind.LANGUAGE
        or (change.kind is ChangeKind.FLAG and change.fact.name not in old)
        for change in plan.changes
    )


def new_tags(plan: Plan) -> EbmlElement | None:
    """Return the Tags of a file that has none; ``None`` if it needs none."""
    data = _edited_tags(b"", plan)
    return new_element(TAGS, data) if data else None


def _edited_tracks(data: bytes, plan: Plan) -> bytes:
    values = _track_values(plan)
    result: list[EbmlElement] = []
    number = 0
    for child in parse(data):
        if child.id == _TRACK_ENTRY:
            if number in values:
                entry = parse(child.data)
                child = child.with_data(joined(with_values(entry, values[number])))
            number += 1
        result.append(child)
    if any(wanted >= number for wanted in values):
        raise StructureError("a track of the plan is not in the file")
    return joined(result)


def _track_values(plan: Plan) -> dict[int, _Values]:
    """Return the new elements of each track, by its position among the TrackEntry elements."""
    tracks = {track.index: track for track in plan.before.tracks}
    after = {track.index: track for track in plan.after.tracks}
    found: dict[int, _Values] = {}
    for change in plan.changes:
        if change.kind in _OF_TRACKS and change.track is not None:
            position = _position(tracks[change.track])
            dispositions = after[change.track].dispositions
            found.setdefault(position, {}).update(_values(change, dispositions))
    return found


def _position(track: Track) -> int:
    if track.matroska_id is None:
        raise StructureError(f"{track} has no number in a Matroska file")
    return track.matroska_id


def _values(change: Change, dispositions: frozenset[str]) -> _Values:
    if change.kind is ChangeKind.TITLE:
        return {_NAME: str(change.after).encode() if change.after else None}
    if change.kind is ChangeKind.LANGUAGE:
        tag = str(change.after or UNDETERMINED)
        return {_LANGUAGE: alpha3(tag, "B").encode(), _LANGUAGE_BCP47: bcp47(tag).encode()}
    if change.fact.name in _ORIGIN:
        # Matroska has one flag for both: FlagOriginal, where 0 is a dub.
        known = next((name for name in _ORIGIN if name in dispositions), None)
        return {_ORIGINAL: None if known is None else uint(known == "original")}
    return {_FLAGS[change.fact.name]: uint(bool(change.after))}


def _tag_values(plan: Plan) -> dict[str, str]:
    """Return the new values of the container's tags, by name in upper case; none if it goes."""
    return {
        change.fact.name.upper(): str(change.after or "")
        for change in plan.changes
        if change.kind is ChangeKind.TAG
    }


def _info_values(plan: Plan) -> _Values:
    title = _tag_values(plan).get("TITLE")
    return {} if title is None else {_TITLE: title.encode() or None}


def _edited_tags(data: bytes, plan: Plan) -> bytes:
    """Return the tags with those of the whole film changed; the title is in the Info then."""
    values = _tag_values(plan)
    result: list[EbmlElement] = []
    missing = {name: value for name, value in values.items() if value and name != "TITLE"}
    for child in parse(data):
        if child.id == _TAG and _is_of_film(child.data):
            content = [part for part in parse(child.data) if _name_of(part) not in values]
            content += map(_simple, missing, missing.values())
            missing = {}
            if any(part.id == _SIMPLE for part in content):
                result.append(child.with_data(joined(content)))
            continue
        result.append(child)
    if missing:
        target = new_element(_TARGETS, new_element(_TARGET_VALUE, uint(_WHOLE)).encoded())
        made = [target, *map(_simple, missing, missing.values())]
        result.append(new_element(_TAG, joined(made)))
    return joined(result)


def _name_of(part: EbmlElement) -> str | None:
    if part.id != _SIMPLE:
        return None
    return "".join(read_text(data) for key, data in items(part.data) if key == _TAG_NAME).upper()


def _is_of_film(tag: bytes) -> bool:
    """Return whether a Tag is of the whole film: no target but level 50, the default."""
    targets = [item for key, data in items(tag) if key == _TARGETS for item in items(data)]
    if any(key in _UIDS and any(data) for key, data in targets):
        return False
    levels = [read_uint(data) for key, data in targets if key == _TARGET_VALUE]
    if levels:
        return levels[0] in (0, _WHOLE)
    return not any(key == _TARGET_TYPE for key, _ in targets)


def _simple(name: str, value: str) -> EbmlElement:
    parts = (
        new_element(_TAG_NAME, name.encode()),
        new_element(_TAG_LANGUAGE, b"und"),
        new_element(_TAG_STRING, value.encode()),
    )
    return new_element(_SIMPLE, joined(parts))
