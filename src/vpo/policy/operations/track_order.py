"""``track_order``: the order of the tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.media.containers import container
from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Note, Operation, PolicyConfig
from vpo.policy.rules.printer import format_model
from vpo.policy.rules.track_selection import TrackSelection
from vpo.policy.track_classes import BEST_SUBTITLES, OrderClass, order_class, subtitle_kind

_NAMES: dict[str | None, str] = {
    "video": "video",
    "audio_main": "main audio",
    "audio_alternate": "other audio",
    "audio_music": "music",
    "audio_sfx": "sound effects",
    "audio_non_speech": "audio without speech",
    "audio_descriptive": "audio description",
    "audio_commentary": "commentary",
    "subtitle_main": "main subtitles",
    "subtitle_sdh": "subtitles for the hard of hearing",
    "subtitle_signs": "subtitles of signs and songs",
    "subtitle_forced": "forced subtitles",
    "subtitle_commentary": "commentary subtitles",
    None: "data",
}


def _entry(value: Any) -> str:
    return "filter" if isinstance(value, dict | TrackSelection) else "class"


Entry = Annotated[
    Annotated[OrderClass, Tag("class")] | Annotated[TrackSelection, Tag("filter")],
    Discriminator(_entry),
]


class TrackOrder(Operation):
    """Sort the tracks: by class or filter, main tracks by preferred language, others as they are.

    In the policy it is a list of classes and filters; a track belongs to the first that fits.
    ``attachment`` is allowed and ignored, because no container stores attachments between tracks.
    """

    key = "track_order"
    step = 50

    classes: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, data: Any) -> Any:
        return {"classes": data}

    @field_validator("classes")
    @classmethod
    def _each_once(cls, classes: tuple[Entry, ...]) -> tuple[Entry, ...]:
        for entry in classes:
            if classes.count(entry) > 1:
                raise ValueError(f"`{_name(entry)}` is in `track_order` twice")
        return classes

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner = handler.resolve_ref_schema(handler(schema))
        described = {"description": "The classes and filters of tracks, in the order to sort them."}
        return {**inner["properties"]["classes"], **described}

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        sorting = _Sorting(self.classes, ConditionContext.of(state, config))
        for track in state.media.tracks:
            position = sorting.position(track)
            listed = position < len(self.classes)
            path = (position,) if listed else ()
            name = sorting.name(track) or "data"
            yield Note(f"{track} is {name}{'' if listed else ', which comes last'}", path)

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        tracks = state.media.tracks
        sorting = _Sorting(self.classes, ConditionContext.of(state, config))
        keys = _keys(state, sorting)
        if all(keys[one.index] <= keys[other.index] for one, other in pairwise(tracks)):
            return state
        if not container(state.media.container).track_order:
            return state.warn(f"{state.media.container} has no order of tracks; left unchanged")
        order = sorted(keys, key=lambda index: keys[index])
        sorted_tracks = [state.track(index) for index in order]
        why = {t.index: sorting.why(t, tracks, sorted_tracks) for t in tracks}
        return state.reorder(order, why)


def _keys(state: DesiredState, sorting: _Sorting) -> dict[int, tuple[int, ...]]:
    """Return what to sort by; what a later operation makes stays behind the same track."""
    keys: dict[int, tuple[int, ...]] = {}
    before: tuple[int, ...] | None = None
    for track in state.media.tracks:
        if before is None or track.index not in state.made:
            before = sorting.key(track)
        keys[track.index] = before
    return keys


@dataclass(frozen=True)
class _Sorting:
    """The places of the tracks of one file in a list of classes and filters."""

    entries: tuple[Entry, ...]
    context: ConditionContext

    def position(self, track: Track) -> int:
        """Return the position of the first entry that fits; behind all if none does."""
        return self._positions[track.index]

    @cached_property
    def _positions(self) -> Mapping[int, int]:
        return {track.index: self._position(track) for track in self.context.media.tracks}

    def _position(self, track: Track) -> int:
        name = self._order_class(track)
        for number, entry in enumerate(self.entries):
            fits = entry == name if isinstance(entry, str) else self._matches(entry, track)
            if fits:
                return number
        return len(self.entries)

    def _matches(self, entry: TrackSelection, track: Track) -> bool:
        return entry.track_type == track.type and entry.matches(track, self.context)

    def _order_class(self, track: Track) -> OrderClass | None:
        listed = tuple(entry for entry in self.entries if isinstance(entry, str))
        return order_class(track, self.context.config, listed)

    def name(self, track: Track) -> str | None:
        """Return the entry that fits, as the policy writes it, or the class of the track."""
        position = self.position(track)
        listed = position < len(self.entries)
        return _name(self.entries[position]) if listed else self._order_class(track)

    def key(self, track: Track) -> tuple[int, ...]:
        """Return the positions of the entry, in it of the language, and in that of the kind."""
        position = self.position(track)
        entry = self.entries[position] if position < len(self.entries) else ""
        preference = {
            "audio_main": self.context.config.audio_languages,
            "subtitle_main": self.context.config.subtitle_languages,
        }.get(entry if isinstance(entry, str) else "")
        if preference is None:
            return (position,)
        language = rank(track.language, preference, track.title) or (len(preference), 0)
        kind = "full"
        if track.type == "subtitle":
            kind = subtitle_kind(track, self.context.config)
        return position, *language, BEST_SUBTITLES.index(kind)

    def why(self, track: Track, old: Sequence[Track], new: Sequence[Track]) -> str:
        """Return why a track moves: to pass another of its entry, or with its entry."""
        position = self.position(track)
        name = _NAMES.get(self.name(track), self.name(track) or "")
        old_peers = [item for item in old if self.position(item) == position]
        new_peers = [item for item in new if self.position(item) == position]
        passed = _first_passed(track, old_peers, new_peers)
        if passed is not None:
            languages = track.language or UNDETERMINED, passed.language or UNDETERMINED
            side = "before" if new.index(track) < new.index(passed) else "after"
            return f"{name} in {languages[0]} {_comes(name)} {side} {languages[1]}"
        if position == len(self.entries):
            return f"{name} {_comes(name)} last: not in the list"
        there = list(dict.fromkeys(self.position(item) for item in new))
        number = there.index(position)
        before = next((t for t in new if number and self.position(t) == there[number - 1]), None)
        if before is None:
            return f"{name} {_comes(name)} first"
        found = self.name(before)
        return f"{name} {_comes(name)} after {_NAMES.get(found, found)}"


def _name(entry: Entry) -> str:
    return entry if isinstance(entry, str) else format_model(entry)


def _first_passed(track: Track, old: Sequence[Track], new: Sequence[Track]) -> Track | None:
    """Return the first track that is on the other side of this one in the new order."""
    for other in old:
        if (old.index(track) < old.index(other)) != (new.index(track) < new.index(other)):
            return other
    return None


def _comes(name: str) -> str:
    return "come" if name.endswith("s") else "comes"
