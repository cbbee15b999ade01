"""Codecs that a track gets with another container."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from vpo.errors import PlanError
from vpo.media.audio_codecs import AUDIO_ENCODERS
from vpo.media.codecs import canonical
from vpo.media.encode_spec import AudioCodec, Quality, VideoCodec, VideoEncode
from vpo.media.model import TEXT_SUBTITLES, Track
from vpo.policy import dynamic_range
from vpo.policy.audio import encode_audio
from vpo.policy.conditions import BitRate
from vpo.policy.desired_state import Draft
from vpo.policy.operation import Model
from vpo.text import suggestion

_KINDS = {
    **dict.fromkeys(get_args(VideoCodec), "video"),
    **dict.fromkeys(get_args(AudioCodec), "audio"),
    **dict.fromkeys(sorted(TEXT_SUBTITLES - {"text"}), "subtitle"),
}

_LOSSLESS = {row.codec for row in AUDIO_ENCODERS.values() if row.lossless}


def _codec(value: Any) -> str:
    codec = canonical(str(value))
    if codec not in _KINDS:
        known = f"; known: {', '.join(_KINDS)}"
        raise ValueError(f"`{value}` cannot be encoded to{suggestion(codec, _KINDS) or known}")
    return codec


Codec = Annotated[str, BeforeValidator(_codec), WithJsonSchema({"enum": [*_KINDS]})]


class CodecMapping(Model):
    """What becomes of the tracks in one codec."""

    action: Literal["transcode", "convert", "remove"] = Field(
        default="transcode", description="Whether the track is encoded, converted or removed."
    )
    codec: Codec | None = Field(default=None, description="What it becomes.")
    bitrate: BitRate | None = Field(default=None, description="Its bit rate.")

    @model_validator(mode="after")
    def _complete(self) -> CodecMapping:
        if self.action == "remove" and (self.codec or self.bitrate):
            raise ValueError("`action: remove` takes no `codec` and no `bitrate`")
        if self.action != "remove" and self.codec is None:
            raise ValueError(f"`action: {self.action}` needs a `codec`")
        if self.bitrate and (self.codec in _LOSSLESS or _KINDS.get(self.codec or "") == "subtitle"):
            raise ValueError(f"`bitrate` says nothing of {self.codec}")
        return self

    def apply(self, draft: Draft, track: Track, name: str) -> Draft:
        """``name`` is what the policy calls the track's codec."""
        if self.codec is None:
            return draft.remove([track.index], f"codec_mappings: {name} is removed")
        if _KINDS[self.codec] != track.type:
            raise PlanError(
                f"codec_mappings: {track} cannot become {self.codec}, "
                f"which is a codec of {_KINDS[self.codec]} tracks"
            )
        if canonical(track.codec) == self.codec:
            return draft
        return recoded(draft, track, self.codec, self.bitrate, f"codec_mappings: {name}")


def recoded(draft: Draft, track: Track, codec: str, bitrate: int | None, why: str) -> Draft:
    """The draft with a track in a codec of its own type, at the usual quality.

    ``bitrate`` is in bits a second, of audio for two channels.
    """
    if track.type == "audio":
        return encode_audio(draft, track, cast(AudioCodec, codec), bitrate, why)
    if track.type == "subtitle":
        return _text(draft, track, codec, why)
    decision = dynamic_range.decide(track, "keep", "skip")
    if decision.skip is not None:
        return draft.warn(f"{track} is not encoded: {decision.skip}")
    if decision.loss is not None:
        draft = draft.warn(decision.loss)
    how = VideoEncode(cast(VideoCodec, codec), Quality(target_bitrate=bitrate))
    encoded = dynamic_range.encoded(replace(track, codec=codec), tonemap=False)
    return draft.encode(encoded, how, why)


def _text(draft: Draft, track: Track, codec: str, why: str) -> Draft:
    if canonical(track.codec) not in TEXT_SUBTITLES:
        raise PlanError(f"{track} is not text and cannot become {codec}")
    if unreadable(track):
        raise PlanError(f"ffmpeg cannot read {track} to convert it")
    if canonical(track.codec) == "ass":
        draft = draft.warn(f"styled subtitles lose their styling in {codec}")
    return draft.set_codec(track.index, codec, why)


def unreadable(track: Track) -> bool:
    """Matroska's own codec id is only there where ffmpeg does not know what it means."""
    return track.matroska_id is not None and track.codec_tag is not None
