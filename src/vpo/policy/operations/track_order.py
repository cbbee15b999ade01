"""``track_order``: the order of the tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.media.containers import container
from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Note, Operation, PolicyConfig
from vpo.policy.track_classes import BEST_SUBTITLES, OrderClass, order_class, subtitle_kind

_NAMES: dict[OrderClass | None, str] = {
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


class TrackOrder(Operation):
    """Sort the tracks: by class, main tracks by preferred language, others in their old order.

    In the policy it is a list of classes. ``attachment`` is allowed and ignored, because no
    container stores attachments between the tracks.
    """

    key = "track_order"
    step = 50

    classes: tuple[OrderClass, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, data: Any) -> Any:
        return {"classes": data}

    @field_validator("classes")
    @classmethod
    def _each_once(cls, classes: tuple[OrderClass, ...]) -> tuple[OrderClass, ...]:
        for name in classes:
            if classes.count(name) > 1:
                raise ValueError(f"`{name}` is in `track_order` twice")
        return classes

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner = handler.resolve_ref_schema(handler(schema))
        described = {"description": "The classes of tracks, in the order to sort them."}
        return {**inner["properties"]["classes"], **described}

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        for track in state.media.tracks:
            name = order_class(track, config, self.classes)
            listed = name in self.classes
            path = (self.classes.index(name),) if name and listed else ()
            yield Note(f"{track} is {name or 'data'}{'' if listed else ', which comes last'}", path)

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        tracks = state.media.tracks
        keys = self._keys(state, config)
        if all(keys[one.index] <= keys[other.index] for one, other in pairwise(tracks)):
            return state
        if not container(state.media.container).track_order:
            return state.warn(f"{state.media.container} has no order of tracks; left unchanged")
        order = sorted(keys, key=lambda index: keys[index])
        sorted_tracks = [state.track(index) for index in order]
        why = {t.index: self._why(t, tracks, sorted_tracks, config) for t in tracks}
        return state.reorder(order, why)

    def _keys(self, state: DesiredState, config: PolicyConfig) -> dict[int, tuple[int, ...]]:
        """Return what to sort by; what a later operation makes stays behind the same track."""
        keys: dict[int, tuple[int, ...]] = {}
        before: tuple[int, ...] | None = None
        for track in state.media.tracks:
            if before is None or track.index not in state.made:
                before = self._key(track, config)
            keys[track.index] = before
        return keys

    def _key(self, track: Track, config: PolicyConfig) -> tuple[int, ...]:
        """Return the positions of the class, in it of the language, and in that of the kind."""
        name = order_class(track, config, self.classes)
        position = self.classes.index(name) if name in self.classes else len(self.classes)
        preference = {
            "audio_main": config.audio_languages,
            "subtitle_main": config.subtitle_languages,
        }.get(name or "")
        if preference is None or name not in self.classes:
            return (position,)
        language = rank(track.language, preference, track.title) or (len(preference), 0)
        kind = subtitle_kind(track, config) if track.type == "subtitle" else "full"
        return position, *language, BEST_SUBTITLES.index(kind)

    def _why(
        self, track: Track, old: Sequence[Track], new: Sequence[Track], config: PolicyConfig
    ) -> str:
        """Return why a track moves: to pass another of its class, or with its class."""
        name = order_class(track, config, self.classes)
        old_peers = [item for item in old if order_class(item, config, self.classes) == name]
        new_peers = [item for item in new if order_class(item, config, self.classes) == name]
        passed = _first_passed(track, old_peers, new_peers)
        if passed is not None:
            languages = track.language or UNDETERMINED, passed.language or UNDETERMINED
            side = "before" if new.index(track) < new.index(passed) else "after"
            return f"{_NAMES[name]} in {languages[0]} {_comes(name)} {side} {languages[1]}"
        if name not in self.classes:
            return f"{_NAMES[name]} {_comes(name)} last: not in the list"
        classes = list(dict.fromkeys(order_class(item, config, self.classes) for item in new))
        position = classes.index(name)
        where = f"after {_NAMES[classes[position - 1]]}" if position else "first"
        return f"{_NAMES[name]} {_comes(name)} {where}"


def _first_passed(track: Track, old: Sequence[Track], new: Sequence[Track]) -> Track | None:
    """Return the first track that is on the other side of this one in the new order."""
    for other in old:
        if (old.index(track) < old.index(other)) != (new.index(track) < new.index(other)):
            return other
    return None


def _comes(name: OrderClass | None) -> str:
    return "come" if _NAMES[name].endswith("s") else "comes"
