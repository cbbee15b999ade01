"""``container``: the container of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, model_validator

from vpo.errors import PlanError
from vpo.media.codecs import canonical, matches
from vpo.media.containers import (
    TIMECODE,
    container,
    misnamed_as,
    unsupported_side_data,
    user_tags,
    with_timecode,
)
from vpo.media.languages import alpha3
from vpo.media.model import SIDE_DATA, TEXT_SUBTITLES, Attachment, MediaFile, Track
from vpo.media.muxers import can_mux
from vpo.policy.codec_conversion import CodecMapping, convert_track, is_unreadable
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Operation, PolicyConfig

_WRITTEN_BY_TOOLS = frozenset(
    {"encoder", "creation_time", "major_brand", "minor_version", "compatible_brands", "duration"}
)
"""Tags that every new file gets, whatever the old one had."""
_ONLY_BETTER = frozenset({"alpha", "dolby_vision", "light_levels", "mastering"})
"""Side data that the video can be shown without; without any other it would be shown wrongly.

``alpha`` is one of them because browsers mark whatever they record as transparent.
"""
_VIDEO_FALLBACK = "h264"


class ChangeContainer(Operation):
    """Change the container of the file, and its extension."""

    key = "container"
    step = 30

    target: Literal["mkv", "mp4"] = Field(description="The container to change to.")
    on_incompatible_codec: Literal["error", "skip", "transcode"] = Field(
        default="error",
        description=(
            "What to do if it cannot hold a track: fail the phase, keep the old container with a "
            "warning (`skip`), or convert the track."
        ),
    )
    preserve_metadata: bool = Field(
        default=True, description="Whether to keep the tags of the file."
    )
    codec_mappings: Mapping[str, CodecMapping] = Field(
        default_factory=dict, description="What to do with the tracks in these codecs."
    )

    @model_validator(mode="after")
    def _check_mappings(self) -> ChangeContainer:
        for name, mapping in self.codec_mappings.items():
            codec = mapping.codec
            if mapping.action == "remove" or codec is None:
                continue
            if not (self._holds(codec) and _text_codec(codec, self.target) == codec):
                raise ValueError(f"`codec_mappings` of {name}: {self.target} cannot hold {codec}")
        return self

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        if state.media.container == self.target:
            named = misnamed_as(state.media)
            return state.set_extension(f"it is {self.target}, not {named}") if named else state
        converted = self._convert_tracks(state)
        media = converted.media
        incompatible = [*map(str, self._incompatible(media)), *_shown_wrongly(media, self.target)]
        if incompatible:
            problem = f"{self.target} cannot hold {', '.join(incompatible)}"
            if self.on_incompatible_codec == "skip":
                return state.warn(f"stays {media.container}: {problem}")
            raise PlanError("; ".join((problem, *self._advice(media))))
        state = converted.set_container(
            self.target, f"container {self.target} instead of {media.container}"
        )
        state = state.remove(
            _redundant_timecodes(media, self.target),
            f"{self.target} keeps it as a tag of the video",
        )
        state = _warn_of_losses(state, media)
        state = self._convert_subtitles(state)
        if container(self.target).three_letter_languages:
            state = _three_letters(state)
        return state if self.preserve_metadata else _without_tags(state)

    def _convert_tracks(self, state: DesiredState) -> DesiredState:
        """Convert the tracks to the codecs that they need in the target."""
        for track in state.media.tracks:
            named = (name for name in self.codec_mappings if matches(track, name))
            if (name := next(named, None)) is not None:
                state = self.codec_mappings[name].apply(state, track, name)
            elif self.on_incompatible_codec == "transcode":
                state = self._convert_incompatible(state, track)
        return state

    def _convert_incompatible(self, state: DesiredState, track: Track) -> DesiredState:
        """Convert audio or video that the target cannot hold; bitmap subtitles stay."""
        if track.type not in ("audio", "video") or self._holds(canonical(track.codec)):
            return state
        codec = container(self.target).audio_fallback if track.type == "audio" else _VIDEO_FALLBACK
        why = f"{self.target} cannot hold {track.codec}"
        return convert_track(state, track, codec, None, why)

    def _advice(self, media: MediaFile) -> Iterator[str]:
        """Yield which keys would make it possible, for a policy that does not have them."""
        found = list(self._incompatible(media))
        kinds = {item.type for item in found if isinstance(item, Track)}
        if kinds & {"audio", "video"} and self.on_incompatible_codec == "error":
            yield "on_incompatible_codec: transcode encodes audio and video"
        subtitles = (t.codec for t in found if isinstance(t, Track) and t.type == "subtitle")
        codecs = dict.fromkeys(subtitles)
        if codecs:
            removed = ", ".join(f"{codec}: {{action: remove}}" for codec in codecs)
            yield f"codec_mappings: {{{removed}}} leaves them out"
        if any(isinstance(item, Attachment) for item in found):
            yield "filter_attachments in an earlier phase makes room"

    def _incompatible(self, media: MediaFile) -> Iterator[object]:
        for track in media.tracks:
            if track.type == "data":
                continue  # left out with a warning, unless the policy insists on them
            if not self._holds(canonical(track.codec)):
                yield track
            elif is_unreadable(track) and _text_codec(track.codec, self.target) != track.codec:
                yield f"{track}, which ffmpeg cannot read to convert it"
        if not container(self.target).attachments:
            yield from (item for item in media.attachments if not item.cover)

    def _holds(self, codec: str) -> bool:
        """Return whether the target takes the codec, unchanged or as its own text subtitles."""
        target = container(self.target)
        if target.codecs is None:
            return can_mux(self.target, _text_codec(codec, self.target))
        return codec in target.codecs or codec in TEXT_SUBTITLES

    def _convert_subtitles(self, state: DesiredState) -> DesiredState:
        for track in state.media.of("subtitle"):
            codec = canonical(track.codec)
            into = _text_codec(codec, self.target)
            if into == codec:
                continue
            if codec == "ass":
                state = state.warn(f"styled subtitles lose their styling in {self.target}")
            why = f"{self.target} holds text subtitles as {into}"
            state = state.set_codec(track.index, into, why)
        return state


def _shown_wrongly(media: MediaFile, target: str) -> Iterator[str]:
    """Yield the side data without which the target would show the video wrongly."""
    for track in media.tracks:
        for fact in unsupported_side_data(track, target):
            value = dict(track.side_data)[fact]
            # Without its record, profile 5 has wrong colours: its base layer is not compatible.
            if fact not in _ONLY_BETTER or (fact == "dolby_vision" and value.startswith("5.")):
                yield f"{SIDE_DATA[fact].removeprefix('its ')} ({value}) of {track}"


def _redundant_timecodes(media: MediaFile, target: str) -> list[int]:
    """Return the timecode tracks that only repeat a tag of the video which the target keeps."""
    tracks = [track for track in media.of("data") if track.codec == TIMECODE]
    repeated = len(tracks) == 1 and len(with_timecode(media)) == 1 and container(target).track_tags
    return [track.index for track in tracks] if repeated else []


def _warn_of_losses(state: DesiredState, before: MediaFile) -> DesiredState:
    target = state.media.container
    for what in before.fragile:
        state = state.warn(f"{target} does not keep {what}")
    for track in before.tracks:
        for fact in unsupported_side_data(track, target):
            state = state.warn(f"{target} does not keep {SIDE_DATA[fact]}: {track}")
        if not container(target).track_tags and (tags := ", ".join(_own_tags(before, track))):
            state = state.warn(f"{target} does not keep the tags of {track}: {tags}")
    return state


def _own_tags(media: MediaFile, track: Track) -> Iterator[str]:
    """Yield the names of a track's tags; outside Matroska, a timecode is another track's."""
    for name in user_tags(track.tags):
        if name != "timecode" or container(media.container).track_tags:
            yield name


def _text_codec(codec: str, target: str) -> str:
    """Return the codec that a subtitle codec is converted to in the target."""
    return dict(container(target).text_codecs).get(codec, codec)


def _three_letters(state: DesiredState) -> DesiredState:
    """Shorten languages to the three letters of MP4; others become ``und``, with a warning."""
    for track in state.media.tracks:
        if track.language is None or (code := alpha3(track.language)) == track.language:
            continue
        if code == "und":
            state = state.warn(f"mp4 cannot hold the language {track.language!r}; it becomes und")
        state = state.set_language(track.index, code, "mp4 stores languages as three letters")
    return state


def _without_tags(state: DesiredState) -> DesiredState:
    for name, _ in state.media.tags:
        if name not in _WRITTEN_BY_TOOLS:
            state = state.set_tag(name, "", "preserve_metadata is false")
    return state
