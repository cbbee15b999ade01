"""``track_order``: how the tracks are sorted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track
from vpo.policy.desired_state import Draft
from vpo.policy.operation import Note, Operation, PolicyConfig
from vpo.policy.track_classes import OrderClass, order_class

_NAMES: dict[OrderClass | None, str] = {
    "video": "video",
    "audio_main": "main audio",
    "audio_alternate": "other audio",
    "audio_music": "music",
    "audio_sfx": "sound effects",
    "audio_non_speech": "audio without speech",
    "audio_commentary": "commentary",
    "subtitle_main": "main subtitles",
    "subtitle_forced": "forced subtitles",
    "subtitle_commentary": "commentary subtitles",
    None: "data",
}


class TrackOrder(Operation):
    """Sort the tracks: by class, then (main tracks) by language preference, then as they were.

    In the policy it is a list of classes. ``attachment`` may be in it and changes nothing: no
    container stores attachments between the tracks.
    """

    key = "track_order"
    step = 50

    classes: tuple[OrderClass, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _is_a_list(cls, data: Any) -> Any:
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
        described = {"description": "The classes of tracks, in the order they are to have."}
        return {**inner["properties"]["classes"], **described}

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:
        for track in draft.media.tracks:
            name = order_class(track, config)
            listed = name in self.classes
            path = (self.classes.index(name),) if name and listed else ()
            yield Note(f"{track} is {name or 'data'}{'' if listed else ', which comes last'}", path)

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        tracks = draft.media.tracks
        keys = {track.index: self._key(track, config) for track in tracks}
        if all(keys[one.index] <= keys[other.index] for one, other in pairwise(tracks)):
            return draft
        order = sorted(keys, key=lambda index: keys[index])
        sorted_tracks = [draft.track(index) for index in order]
        why = {t.index: self._why(t, tracks, sorted_tracks, config) for t in tracks}
        return draft.order(order, why)

    def _key(self, track: Track, config: PolicyConfig) -> tuple[int, int]:
        """The place of the track's class, and inside it that of its language."""
        name = order_class(track, config)
        place = self.classes.index(name) if name in self.classes else len(self.classes)
        preference = {
            "audio_main": config.audio_languages,
            "subtitle_main": config.subtitle_languages,
        }.get(name or "")
        if preference is None or name not in self.classes:
            return place, 0
        position = rank(track.language, preference)
        return place, len(preference) if position is None else position

    def _why(
        self, track: Track, old: Sequence[Track], new: Sequence[Track], config: PolicyConfig
    ) -> str:
        """Why the track is where it is: before others of its class, or where its class comes."""
        name = order_class(track, config)
        passed = next((o for o in old if _passed(track, o, old, new, name, config)), None)
        if passed is not None:
            languages = track.language or UNDETERMINED, passed.language or UNDETERMINED
            side = "before" if new.index(track) < new.index(passed) else "after"
            return f"{_NAMES[name]} in {languages[0]} {_comes(name)} {side} {languages[1]}"
        classes = list(dict.fromkeys(order_class(item, config) for item in new))
        place = classes.index(name)
        if name not in self.classes:
            return f"{_NAMES[name]} {_comes(name)} last: not in the list"
        where = f"after {_NAMES[classes[place - 1]]}" if place else "first"
        return f"{_NAMES[name]} {_comes(name)} {where}"


def _passed(
    track: Track,
    other: Track,
    old: Sequence[Track],
    new: Sequence[Track],
    name: OrderClass | None,
    config: PolicyConfig,
) -> bool:
    """Whether the other is of the same class and on the other side than before."""
    if order_class(other, config) != name:
        return False
    return (old.index(track) < old.index(other)) != (new.index(track) < new.index(other))


def _comes(name: OrderClass | None) -> str:
    return "come" if _NAMES[name].endswith("s") else "comes"
