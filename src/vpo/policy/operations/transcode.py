"""``transcode``: video and audio to other codecs, and video to a lower resolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, model_validator

from vpo.media.codecs import matches, require_container_holds
from vpo.media.encode_spec import AudioCodec
from vpo.media.model import MediaFile, Track
from vpo.policy.audio_encoding import AudioTarget, encode_audio
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.field_types import BitRate
from vpo.policy.loudness import LoudnessTarget, has_loudness
from vpo.policy.operation import Model, Operation, PolicyConfig
from vpo.policy.video_encoding import transcode_video
from vpo.policy.video_section import VideoSection


class AudioSection(Model):
    """How to encode audio."""

    to: AudioCodec = Field(description="Codec to encode to.")
    preserve: tuple[str, ...] = Field(default=(), description="Codecs that are not encoded.")
    bitrate: BitRate | None = Field(
        default=None,
        description="Bit rate of stereo; that of other tracks depends on their channels.",
    )
    loudness: LoudnessTarget | None = Field(
        default=None, description="Loudness to bring the audio to; unset: it stays as it is."
    )

    def why(self, state: DesiredState, track: Track) -> str | None:
        """Return why to encode a track; ``None`` if it need not be."""
        if any(matches(track, name) for name in self.preserve):
            return None
        if not matches(track, self.to):
            return f"codec {track.codec} instead of {self.to}"
        if self.loudness is None or has_loudness(state, track, self.loudness.loudness):
            return None
        return "not known to have this loudness"


class Transcode(Operation):
    """Encode video, audio or both; tracks that comply are copied."""

    key = "transcode"
    step = 90

    video: VideoSection | None = Field(default=None, description="How to encode video.")
    audio: AudioSection | None = Field(default=None, description="How to encode audio.")

    @model_validator(mode="before")
    @classmethod
    def _not_empty(cls, data: Any) -> Any:
        if isinstance(data, dict) and not (data.get("video") or data.get("audio")):
            raise ValueError("`transcode` needs `video`, `audio` or both")
        return data

    @property
    def faults(self) -> tuple[str, ...]:
        return self.video.encoder_args.errors if self.video is not None else ()

    @property
    def run_warnings(self) -> tuple[str, ...]:
        return self.video.encoder_args.warnings if self.video is not None else ()

    @property
    def reads_frames(self) -> bool:
        return self.video is not None

    @property
    def crops(self) -> bool:
        return self.video is not None and self.video.crop == "auto"

    @property
    def detelecines(self) -> bool:
        return self.video is not None and self.video.deinterlace == "detelecine"

    def unknown_bit_rates(self, media: MediaFile, encoded: bool) -> Iterator[int]:
        if self.video is not None:
            context = ConditionContext(media, ExternalFacts(encoded=encoded), PolicyConfig())
            for track in media.of("video"):
                if self.video.rate_decides(track, context):
                    yield track.index

    @property
    def video_encode_settings(self) -> str:
        return self.video.model_dump_json(exclude_none=True) if self.video is not None else ""

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        if self.video is not None and "video_transcode" not in state.skips:
            for track in state.media.of("video"):
                context = ConditionContext.of(state, config)
                if (why := self.video.why(track, context)) is not None:
                    state = transcode_video(state, track, self.video, why)
        if self.audio is not None and "audio_transcode" not in state.skips:
            for track in state.media.of("audio"):
                state = _transcode_audio(state, track, self.audio)
        return state


def _transcode_audio(state: DesiredState, track: Track, section: AudioSection) -> DesiredState:
    why = section.why(state, track)
    if why is None:
        return state
    require_container_holds(state.media.container, section.to)
    loudness = section.loudness.loudness if section.loudness is not None else None
    return encode_audio(state, track, AudioTarget(section.to, section.bitrate, loudness), why)
