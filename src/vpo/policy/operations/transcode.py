"""``transcode``: video and audio into other codecs, or smaller."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from vpo.media import units
from vpo.media.codecs import matches, must_hold
from vpo.media.encode_spec import (
    CRF_RANGE,
    AudioCodec,
    Hardware,
    Quality,
    Scaler,
    VideoCodec,
    VideoEncode,
)
from vpo.media.model import Track
from vpo.policy import dynamic_range
from vpo.policy.audio import encode_audio
from vpo.policy.conditions import BitRate, Names, Part, Resolution
from vpo.policy.desired_state import Draft
from vpo.policy.encoder_options import checked
from vpo.policy.operation import Model, Operation, PolicyConfig


class SkipIf(Model):
    """Leave the video as it is where all of this holds; what is not known does not hold."""

    codec_matches: Names | None = Field(default=None, description="It is in one of these codecs.")
    resolution_within: Resolution | None = Field(
        default=None, description="Its resolution class is not above this one."
    )
    bitrate_under: BitRate | None = Field(
        default=None, description="Its bit rate is known and under this."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> SkipIf:
        if not any(True for _ in self.given()):
            raise ValueError("`skip_if` names no condition")
        return self

    def unmet(self, track: Track) -> list[str]:
        """The conditions that do not hold, in words."""
        found = []
        if self.codec_matches and not any(matches(track, name) for name in self.codec_matches):
            found.append(f"codec {track.codec} is not {' or '.join(self.codec_matches)}")
        size = units.resolution_of(track.width, track.height)
        if self.resolution_within and (size is None or units.below(self.resolution_within, size)):
            found.append(f"resolution {size or 'unknown'} is over {self.resolution_within}")
        return found

    def too_fast(self, track: Track) -> str | None:
        """In words, that the bit rate is not under the limit."""
        if (
            self.bitrate_under is None
            or (track.bit_rate or self.bitrate_under) < self.bitrate_under
        ):
            return None
        rate = f"{track.bit_rate / 1000:.0f}k" if track.bit_rate else "unknown"
        return f"bit rate {rate} is not under {self.bitrate_under / 1000:.0f}k"


class VideoSection(Model):
    """What video becomes."""

    to: VideoCodec = Field(description="The codec.")
    skip_if: SkipIf | None = Field(
        default=None, description="Video of which all of this holds is left as it is."
    )
    crf: float | None = Field(
        default=None,
        ge=0,
        description="The quality on the scale of the software encoder; lower is better.",
    )
    target_bitrate: BitRate | None = Field(
        default=None, description="The bit rate that the video is to have."
    )
    vmaf: float | None = Field(
        default=None,
        gt=0,
        lt=100,
        description="The score to reach; the crf for it is looked for on samples.",
    )
    two_pass: bool = Field(default=False, description="Whether the bit rate is met in two passes.")
    min_bitrate: BitRate | None = Field(default=None, description="The lowest bit rate.")
    max_bitrate: BitRate | None = Field(default=None, description="The highest bit rate.")
    preset: str | None = Field(
        default=None,
        description="How much time the encoder takes: x264's names, or the encoder's own.",
    )
    tune: str | None = Field(
        default=None,
        description="What the encoder is to pay attention to, as `film` or `animation`.",
    )
    max_resolution: Resolution | None = Field(
        default=None, description="The resolution class into which larger pictures are scaled down."
    )
    max_width: int | None = Field(
        default=None,
        ge=16,
        description="The width, in pixels, into which larger pictures are scaled down.",
    )
    max_height: int | None = Field(
        default=None,
        ge=16,
        description="The height, in pixels, into which larger pictures are scaled down.",
    )
    scale_algorithm: Scaler = Field(default="lanczos", description="How pictures are scaled.")
    upscale: Literal[False] = Field(default=False, description="Pictures are never scaled up.")
    hw: Hardware = Field(default="none", description="The hardware that encodes.")
    hw_fallback: bool = Field(
        default=True, description="Whether the processor does what the hardware cannot."
    )
    hdr: dynamic_range.HdrPolicy = Field(
        default="keep", description="What becomes of high dynamic range."
    )
    dolby_vision: dynamic_range.DolbyVisionPolicy = Field(
        default="skip", description="Whether Dolby Vision is left alone (`skip`) or lost (`drop`)."
    )
    min_savings: Part = Field(
        default=0.0,
        description="How much smaller the file has to become; else the video stays.",
    )
    ffmpeg_args: tuple[str, ...] = Field(
        default=(), description="Further options of the encoder, in pairs."
    )

    @field_validator("ffmpeg_args")
    @classmethod
    def _only_allowed(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        checked(words)
        return words

    @model_validator(mode="after")
    def _one_quality(self) -> VideoSection:
        named = ("crf", "target_bitrate", "vmaf")
        stated = [name for name in named if getattr(self, name) is not None]
        if len(stated) > 1:
            raise ValueError(f"{' and '.join(f'`{name}`' for name in stated)} exclude each other")
        if self.two_pass and self.target_bitrate is None:
            raise ValueError("`two_pass` needs `target_bitrate`")
        highest = CRF_RANGE[self.to][1]
        if self.crf is not None and self.crf > highest:
            raise ValueError(f"`crf` of {self.to} is at most {highest}")
        if self.max_resolution and (self.max_width or self.max_height):
            raise ValueError("`max_resolution` excludes `max_width` and `max_height`")
        return self

    def spec(self, size: tuple[int, int] | None, tonemap: bool) -> VideoEncode:
        quality = Quality(
            self.crf,
            self.target_bitrate,
            self.two_pass,
            self.min_bitrate,
            self.max_bitrate,
            self.vmaf,
        )
        return VideoEncode(
            codec=self.to,
            quality=quality,
            preset=self.preset,
            tune=self.tune,
            size=size,
            scaler=self.scale_algorithm,
            hw=self.hw,
            hw_fallback=self.hw_fallback,
            tonemap=tonemap,
            min_savings=self.min_savings,
            options=checked(self.ffmpeg_args),
        )

    def size(self, track: Track) -> tuple[int, int] | None:
        """What the picture is scaled down to; ``None`` where it fits. Codecs want even numbers."""
        if not track.width or not track.height:
            return None
        across, down = self._box(track)
        factor = min(across / track.width, down / track.height)
        if factor >= 1:
            return None
        return tuple(max(2, round(side * factor / 2) * 2) for side in (track.width, track.height))  # type: ignore[return-value]

    def _box(self, track: Track) -> tuple[float, float]:
        """The largest picture, lying or standing as the track's does."""
        if self.max_resolution is None:
            return self.max_width or float("inf"), self.max_height or float("inf")
        across, down = units.RESOLUTIONS[self.max_resolution]
        across, down = (across, down) if across else (854, 480)
        standing = (track.height or 0) > (track.width or 0)
        return (down, across) if standing else (across, down)

    def why(self, track: Track, encoded: bool) -> str | None:
        """Why a track is to be encoded; ``None`` if it is not."""
        large = self.size(track) is not None
        if self.skip_if is None:
            if not matches(track, self.to):
                return f"codec {track.codec} instead of {self.to}"
            return f"{track.width}x{track.height} is over the size" if large else None
        # What these policies have made themselves is not made again for its bit rate.
        if encoded and matches(track, self.to) and not large:
            return None
        reasons = [*self.skip_if.unmet(track), self.skip_if.too_fast(track)]
        return next(filter(None, reasons), None)


class AudioSection(Model):
    """What audio becomes."""

    to: AudioCodec = Field(description="The codec.")
    preserve: tuple[str, ...] = Field(default=(), description="Codecs that stay as they are.")
    bitrate: BitRate | None = Field(
        default=None,
        description="The bit rate of stereo; other tracks get theirs by their channels.",
    )

    def why(self, track: Track) -> str | None:
        """Why a track is to be encoded; ``None`` if it is not."""
        if matches(track, self.to) or any(matches(track, name) for name in self.preserve):
            return None
        return f"codec {track.codec} instead of {self.to}"


class Transcode(Operation):
    """Encode video, audio or both; what is as it should be is copied."""

    key = "transcode"
    step = 90

    video: VideoSection | None = Field(default=None, description="What video becomes.")
    audio: AudioSection | None = Field(default=None, description="What audio becomes.")

    @model_validator(mode="before")
    @classmethod
    def _says_what(cls, data: Any) -> Any:
        if isinstance(data, dict) and not (data.get("video") or data.get("audio")):
            raise ValueError("`transcode` needs `video`, `audio` or both")
        return data

    @property
    def reads_pictures(self) -> bool:
        return self.video is not None

    @property
    def video_section(self) -> str:
        return self.video.model_dump_json(exclude_none=True) if self.video is not None else ""

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        if self.video is not None and "video_transcode" not in draft.skips:
            for track in draft.media.of("video"):
                draft = self._video(draft, track, self.video)
        if self.audio is not None and "audio_transcode" not in draft.skips:
            for track in draft.media.of("audio"):
                draft = _audio(draft, track, self.audio)
        return draft

    def _video(self, draft: Draft, track: Track, section: VideoSection) -> Draft:
        why = section.why(track, draft.known.encoded)
        if why is None:
            return draft
        if draft.known.futile:
            part = f"{section.min_savings:.0%}"
            return draft.warn(f"not encoded: that would save less than {part} (min_savings)")
        decision = dynamic_range.decide(track, section.hdr, section.dolby_vision)
        if decision.skip is not None:
            return draft.warn(f"{track} is not encoded: {decision.skip}")
        if decision.loss is not None:
            draft = draft.warn(decision.loss)
        must_hold(draft.media.container, section.to)
        return _encoded(draft, track, section, decision.tonemap, why)


def _encoded(draft: Draft, track: Track, section: VideoSection, tonemap: bool, why: str) -> Draft:
    before = draft.encodes.get(track.index)
    size = section.size(track)
    spec = section.spec(size, tonemap)
    if isinstance(before, VideoEncode):
        # An earlier phase has asked for something, too; there is one encode of the source.
        spec = replace(spec, size=size or before.size, tonemap=tonemap or before.tonemap)
    if track.field_order is not None:
        draft = draft.warn(f"{track} is interlaced; the encode makes whole pictures of its fields")
    track = replace(dynamic_range.encoded(track, tonemap), field_order=None)
    if size is not None:
        track = replace(track, width=size[0], height=size[1])
    return draft.encode(replace(track, codec=section.to), spec, why)


def _audio(draft: Draft, track: Track, section: AudioSection) -> Draft:
    why = section.why(track)
    if why is None:
        return draft
    must_hold(draft.media.container, section.to)
    return encode_audio(draft, track, section.to, section.bitrate, why)
