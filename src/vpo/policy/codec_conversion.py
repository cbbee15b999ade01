"""Conversion of tracks to the codecs that a new container needs: ``codec_mappings``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from vpo.errors import PlanError
from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.codecs import canonical
from vpo.media.encode_spec import AudioCodec, Quality, VideoCodec, VideoEncode
from vpo.media.model import TEXT_SUBTITLES, Track
from vpo.policy import dynamic_range, frame_format
from vpo.policy.audio_encoding import AudioTarget, encode_audio
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import BitRate
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


TargetCodec = Annotated[str, BeforeValidator(_codec), WithJsonSchema({"enum": [*_KINDS]})]


class CodecMapping(Model):
    """What to do with the tracks in one codec."""

    action: Literal["transcode", "convert", "remove"] = Field(
        default="transcode", description="Whether to encode, convert or remove the track."
    )
    codec: TargetCodec | None = Field(default=None, description="Codec to convert it to.")
    bitrate: BitRate | None = Field(default=None, description="Bit rate of the result.")

    @model_validator(mode="after")
    def _complete(self) -> CodecMapping:
        if self.action == "remove":
            return self
        if self.codec is None:
            raise ValueError(f"`action: {self.action}` needs a `codec`")
        if self.bitrate and (self.codec in _LOSSLESS or _KINDS.get(self.codec or "") == "subtitle"):
            raise ValueError(f"`bitrate` says nothing of {self.codec}")
        return self

    def apply(self, state: DesiredState, track: Track, name: str) -> DesiredState:
        """Convert or remove a track; ``name`` is its codec as the policy spells it."""
        if self.action == "remove" or self.codec is None:
            return state.remove([track.index], f"codec_mappings: {name} is removed")
        if _KINDS[self.codec] != track.type:
            raise PlanError(
                f"codec_mappings: {track} cannot become {self.codec}, "
                f"which is a codec of {_KINDS[self.codec]} tracks"
            )
        if canonical(track.codec) == self.codec:
            return state
        return convert_track(state, track, self.codec, self.bitrate, f"codec_mappings: {name}")


def convert_track(
    state: DesiredState, track: Track, codec: str, bitrate: int | None, why: str
) -> DesiredState:
    """Convert a track to another codec of its type, at the default quality.

    ``bitrate`` is in bits a second; that of audio is for two channels.
    """
    if track.type == "audio":
        return encode_audio(state, track, AudioTarget(cast(AudioCodec, codec), bitrate), why)
    if track.type == "subtitle":
        return _convert_subtitle(state, track, codec, why)
    decision = dynamic_range.decide_encode(track, "keep", "skip")
    if decision.skip is not None:
        return state.warn(f"{track} is not encoded: {decision.skip}")
    if decision.loss is not None:
        state = state.warn(decision.loss)
    pad = frame_format.even_size(track, cast(VideoCodec, codec))
    how = VideoEncode(cast(VideoCodec, codec), Quality(target_bitrate=bitrate), pad=pad)
    if track.mixed is not None:
        state = state.warn(frame_format.mixed_warning(track))
        how = replace(how, mixed=track.mixed)
    if track.field_order is not None:
        state = state.warn(f"{track} is interlaced and will be deinterlaced")
    encoded = dynamic_range.after_encode(replace(track, codec=codec), tonemap=False)
    encoded = frame_format.in_yuv(replace(encoded, field_order=None, mixed=None))
    if pad is not None:
        encoded, warning = frame_format.with_padding(encoded, pad)
        state = state.warn(warning)
    return state.encode(encoded, how, why)


def _convert_subtitle(state: DesiredState, track: Track, codec: str, why: str) -> DesiredState:
    if canonical(track.codec) not in TEXT_SUBTITLES:
        raise PlanError(f"{track} is not text and cannot be converted to {codec}")
    if is_unreadable(track):
        raise PlanError(f"ffmpeg cannot read {track} to convert it")
    if canonical(track.codec) == "ass":
        state = state.warn(f"styled subtitles lose their styling in {codec}")
    return state.set_codec(track.index, codec, why)


def is_unreadable(track: Track) -> bool:
    """Return whether neither ffmpeg nor vpo can read a track: then it has a Matroska codec id."""
    nameless = track.matroska_id is not None and track.codec_tag is not None
    return nameless and not is_nameless_webvtt(track)


def is_nameless_webvtt(track: Track) -> bool:
    """Return whether a track is WebVTT as mkvmerge stores it, which ffmpeg has no name for."""
    return track.codec_tag == "S_TEXT/WEBVTT"
