"""``container``: which container the file is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, model_validator

from vpo.errors import PlanError
from vpo.media.codecs import canonical, matches
from vpo.media.containers import (
    TIMECODE,
    carries_data,
    container,
    timed,
    uncarried,
    users_tags,
)
from vpo.media.languages import alpha3
from vpo.media.model import SIDE_DATA, TEXT_SUBTITLES, MediaFile, Track
from vpo.policy.desired_state import Draft
from vpo.policy.mappings import CodecMapping, recoded, unreadable
from vpo.policy.operation import Operation, PolicyConfig

_WRITTEN_BY_TOOLS = frozenset(
    {"encoder", "creation_time", "major_brand", "minor_version", "compatible_brands", "duration"}
)
"""Tags that a new file has whatever the old one had."""
_ONLY_BETTER = frozenset({"alpha", "dolby_vision", "light_levels", "mastering"})
"""Side data without which the picture is shown, if not at its best; without others it is wrong.

Browsers mark whatever they record as transparent.
"""


_AUDIO_INTO = {"mp4": "aac", "mkv": "flac"}
"""What incompatible audio becomes; Matroska takes all but the discs' own PCM, which has no loss."""
_VIDEO_INTO = "h264"


class ChangeContainer(Operation):
    """Put the file into another container, under the same name with another suffix."""

    key = "container"
    step = 30

    target: Literal["mkv", "mp4"] = Field(description="The container that the file is to be in.")
    on_incompatible_codec: Literal["error", "skip", "transcode"] = Field(
        default="error",
        description=(
            "What happens if it cannot hold a track: the phase fails, the file stays in its "
            "container with a warning (`skip`), or the track is converted."
        ),
    )
    preserve_metadata: bool = Field(
        default=True, description="Whether the tags of the file are carried over."
    )
    codec_mappings: Mapping[str, CodecMapping] = Field(
        default_factory=dict, description="What becomes of tracks in these codecs."
    )

    @model_validator(mode="after")
    def _held(self) -> ChangeContainer:
        for name, mapping in self.codec_mappings.items():
            codec = mapping.codec
            if codec and not (self._holds(codec) and _text_codec(codec, self.target) == codec):
                raise ValueError(f"`codec_mappings` of {name}: {self.target} cannot hold {codec}")
        return self

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        if draft.media.container == self.target:
            return draft
        fitting = self._recoded(draft)
        media = fitting.media
        wrong = [*map(str, self._incompatible(media)), *_spoiled(media, self.target)]
        if wrong:
            problem = f"{self.target} cannot hold {', '.join(wrong)}"
            if self.on_incompatible_codec == "skip":
                return draft.warn(f"stays {media.container}: {problem}")
            raise PlanError(problem)
        draft = fitting.set_container(
            self.target, f"container {self.target} instead of {media.container}"
        )
        draft = draft.remove(
            _in_tags(media, self.target), f"{self.target} has it as a tag of the video"
        )
        draft = _named_losses(draft, media)
        draft = self._convert_subtitles(draft)
        if container(self.target).three_letter_languages:
            draft = _three_letters(draft)
        return draft if self.preserve_metadata else _without_tags(draft)

    def _recoded(self, draft: Draft) -> Draft:
        """With the codecs that the tracks are to have in the target."""
        for track in draft.media.tracks:
            named = (name for name in self.codec_mappings if matches(track, name))
            if (name := next(named, None)) is not None:
                draft = self.codec_mappings[name].apply(draft, track, name)
            elif self.on_incompatible_codec == "transcode":
                draft = self._made_to_fit(draft, track)
        return draft

    def _made_to_fit(self, draft: Draft, track: Track) -> Draft:
        """Sound and pictures can be encoded to fit; nothing makes text of a subtitle's bitmaps."""
        if track.type not in ("audio", "video") or self._holds(canonical(track.codec)):
            return draft
        codec = _AUDIO_INTO[self.target] if track.type == "audio" else _VIDEO_INTO
        why = f"{self.target} cannot hold {track.codec}"
        return recoded(draft, track, codec, None, why)

    def _incompatible(self, media: MediaFile) -> Iterator[object]:
        for track in media.tracks:
            if track.type == "data":
                carried = carries_data(media, track, self.target)
                if not carried and track.index not in _in_tags(media, self.target):
                    yield track
            elif not self._holds(canonical(track.codec)):
                yield track
            elif unreadable(track) and _text_codec(track.codec, self.target) != track.codec:
                yield f"{track}, which ffmpeg cannot read to convert it"
        if not container(self.target).attachments:
            yield from (item for item in media.attachments if not item.cover)

    def _holds(self, codec: str) -> bool:
        """Whether the target takes the codec, as it is or as text subtitles of its own."""
        target = container(self.target)
        if target.codecs is None:
            return codec not in target.refused
        return codec in target.codecs or codec in TEXT_SUBTITLES

    def _convert_subtitles(self, draft: Draft) -> Draft:
        for track in draft.media.of("subtitle"):
            codec = canonical(track.codec)
            into = _text_codec(codec, self.target)
            if into == codec:
                continue
            if codec == "ass":
                draft = draft.warn(f"styled subtitles lose their styling in {self.target}")
            why = f"{self.target} holds text subtitles as {into}"
            draft = draft.set_codec(track.index, into, why)
        return draft


def _spoiled(media: MediaFile, target: str) -> Iterator[str]:
    """What would be shown wrongly in the target, for want of something beside the stream."""
    for track in media.tracks:
        for fact in uncarried(track, target):
            value = dict(track.side_data)[fact]
            # Without its record, profile 5 is shown in false colours: it has no other base.
            if fact not in _ONLY_BETTER or (fact == "dolby_vision" and value.startswith("5.")):
                yield f"{SIDE_DATA[fact].removeprefix('its ')} ({value}) of {track}"


def _in_tags(media: MediaFile, target: str) -> list[int]:
    """Timecode tracks that say no more than a tag that the picture has and the target keeps."""
    tracks = [track for track in media.of("data") if track.codec == TIMECODE]
    said = len(tracks) == 1 and len(timed(media)) == 1 and container(target).track_tags
    return [track.index for track in tracks] if said else []


def _named_losses(draft: Draft, before: MediaFile) -> Draft:
    target = draft.media.container
    for what in before.fragile:
        draft = draft.warn(f"{target} does not keep {what}")
    for track in before.tracks:
        for fact in uncarried(track, target):
            draft = draft.warn(f"{target} does not keep {SIDE_DATA[fact]}: {track}")
        if not container(target).track_tags and (tags := ", ".join(_own_tags(before, track))):
            draft = draft.warn(f"{target} does not keep the tags of {track}: {tags}")
    return draft


def _own_tags(media: MediaFile, track: Track) -> Iterator[str]:
    """The names of a track's tags; outside of Matroska its timecode is that of another track."""
    for name in users_tags(track.tags):
        if name != "timecode" or container(media.container).track_tags:
            yield name


def _text_codec(codec: str, target: str) -> str:
    """What a subtitle codec becomes in the target."""
    return dict(container(target).text_codecs).get(codec, codec)


def _three_letters(draft: Draft) -> Draft:
    """Languages as MP4 can write them; what it cannot becomes undetermined, with a warning."""
    for track in draft.media.tracks:
        if track.language is None or (code := alpha3(track.language)) == track.language:
            continue
        if code == "und":
            draft = draft.warn(f"mp4 cannot hold the language {track.language!r}; it becomes und")
        draft = draft.set_language(track.index, code, "mp4 holds languages as three letters")
    return draft


def _without_tags(draft: Draft) -> Draft:
    for name, _ in draft.media.tags:
        if name not in _WRITTEN_BY_TOOLS:
            draft = draft.set_tag(name, "", "preserve_metadata is false")
    return draft
