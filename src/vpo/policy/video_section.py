"""The section ``video`` of ``transcode``: which video is encoded, and to what."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from vpo.media import units
from vpo.media.codecs import matches
from vpo.media.encode_spec import CRF_RANGE, Hardware, Quality, Scaler, VideoCodec, VideoEncode
from vpo.media.model import MediaFile, Track
from vpo.policy import dynamic_range, frame_format, frame_rate
from vpo.policy.change_kind import ChangeKind
from vpo.policy.comparisons import BitRateComparison, CodecComparison, PixelComparison
from vpo.policy.condition_context import ConditionContext
from vpo.policy.encoder_options import EncoderArgs, parse_encoder_options
from vpo.policy.field_types import (
    BitRate,
    Crf,
    Fraction,
    FrameRate,
    Names,
    Resolution,
    error_at,
)
from vpo.policy.operation import Model
from vpo.policy.track_filter import FILTER_KEYS, TrackFilter, require_fitting
from vpo.text import format_bit_rate


class SkipIf(TrackFilter):
    """Do not encode video that matches all conditions; one on an unknown fact does not match."""

    noun = "condition"

    codec_matches: Names | None = Field(default=None, description="It has one of these codecs.")
    resolution_within: Resolution | None = Field(
        default=None, description="Its resolution class is this one or lower."
    )
    bitrate_under: BitRate | None = Field(
        default=None,
        description="Its bit rate is lower than this; one that is not stated is measured.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> SkipIf:
        require_fitting(self, "video")
        return self

    @cached_property
    def filters(self) -> tuple[tuple[str, Any], ...]:
        found: list[tuple[str, Any]] = []
        if self.codec_matches is not None:
            found.append(("codec", CodecComparison(eq=self.codec_matches)))
        if self.resolution_within is not None:
            found.append(("height", PixelComparison(lte=self.resolution_within)))
        if self.bitrate_under is not None:
            found.append(
                ("bitrate", BitRateComparison.model_validate({"lt": f"{self.bitrate_under} bps"}))
            )
        return (*found, *((name, value) for name, value in self.given() if name in FILTER_KEYS))

    def unmet(self, track: Track, context: ConditionContext) -> list[str]:
        """Return the reasons why the conditions, but for that on the bit rate, do not match."""
        failed = [name for name in self.failed_filters(track, context) if name != "bitrate"]
        return [self._reason(name, track) for name in failed]

    def _reason(self, name: str, track: Track) -> str:
        if name == "codec" and self.codec_matches:
            return f"codec {track.codec} is not {' or '.join(self.codec_matches)}"
        if name == "height" and self.resolution_within:
            size = units.resolution_of(track.width, track.height)
            return f"resolution {size or 'unknown'} is over {self.resolution_within}"
        return f"{name} does not match skip_if"

    def too_fast(self, track: Track, most: float | None) -> str | None:
        """Return a message if the bit rate is not under the limit.

        ``most`` is the bit rate of the whole file, which that of a track cannot exceed.
        """
        limit = self.bitrate_under
        if limit is None or (track.bit_rate or most or limit) < limit:
            return None
        rate = format_bit_rate(track.bit_rate) if track.bit_rate else "unknown"
        return f"bit rate {rate} is not under {format_bit_rate(limit)}"


class VideoSection(Model):
    """How to encode video."""

    to: VideoCodec = Field(description="Codec to encode to.")
    skip_if: SkipIf | None = Field(
        default=None, description="Do not encode video that matches all of these conditions."
    )
    crf: Crf | None = Field(
        default=None,
        description=(
            "Quality on the scale of the software encoder, lower is better; also by the resolution "
            "class of the result, as in `{720p: 21, 2160p: 24}`."
        ),
    )
    target_bitrate: BitRate | None = Field(
        default=None, description="Average bit rate of the video."
    )
    vmaf: float | None = Field(
        default=None,
        gt=0,
        lt=100,
        description="VMAF score to reach; the crf for it is searched on sample clips.",
    )
    two_pass: bool = Field(default=False, description="Whether to encode in two passes.")
    min_bitrate: BitRate | None = Field(default=None, description="Minimum bit rate.")
    max_bitrate: BitRate | None = Field(default=None, description="Maximum bit rate.")
    preset: str | None = Field(
        default=None,
        description="Encoder preset, by x264's names or the encoder's own: speed against size.",
    )
    tune: str | None = Field(
        default=None,
        description="Encoder tuning, such as `film` or `animation`.",
    )
    max_resolution: Resolution | None = Field(
        default=None, description="Resolution class to scale larger video down to."
    )
    max_width: int | None = Field(
        default=None,
        ge=16,
        description="Width in pixels to scale larger video down to.",
    )
    max_height: int | None = Field(
        default=None,
        ge=16,
        description="Height in pixels to scale larger video down to.",
    )
    max_frame_rate: FrameRate | None = Field(
        default=None, description="Frames a second; of faster video, frames are left out."
    )
    bit_depth: Literal[8, 10, "keep"] = Field(
        default="keep", description="Bits of a sample: 8, 10, or those that the video has."
    )
    crop: Literal["auto", "never"] = Field(
        default="never", description="Whether black bars are cut off."
    )
    deinterlace: Literal["auto", "never", "detelecine"] = Field(
        default="auto",
        description=(
            "Whether interlaced video is deinterlaced, or keeps its fields; `detelecine`: the "
            "frames of telecined film are restored, too."
        ),
    )
    scale_algorithm: Scaler = Field(default="lanczos", description="Scaling algorithm.")
    upscale: Literal[False] = Field(default=False, description="Video is never scaled up.")
    hw: Hardware = Field(default="none", description="Hardware to encode with.")
    hw_fallback: bool = Field(
        default=True, description="Whether to encode in software what the hardware cannot."
    )
    hdr: dynamic_range.HdrPolicy = Field(
        default="keep", description="Whether to keep HDR, map it to SDR, or leave HDR video alone."
    )
    dolby_vision: dynamic_range.DolbyVisionPolicy = Field(
        default="skip",
        description="Whether to leave Dolby Vision video alone (`skip`) or drop that (`drop`).",
    )
    min_savings: Fraction | None = Field(
        default=None,
        description=(
            "Minimum reduction of the size of the video; else it is not encoded. Unset: it is "
            "encoded, whatever the size."
        ),
    )
    ffmpeg_args: tuple[str, ...] = Field(
        default=(), description="Further encoder options, in pairs of name and value."
    )

    @field_validator("ffmpeg_args")
    @classmethod
    def _paired(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        parse_encoder_options(args, "", software=False)
        return args

    @model_validator(mode="after")
    def _one_quality(self) -> VideoSection:
        named = ("crf", "target_bitrate", "vmaf")
        stated = [name for name in named if getattr(self, name) is not None]
        if len(stated) > 1:
            raise ValueError(f"{' and '.join(f'`{name}`' for name in stated)} exclude each other")
        if self.two_pass and self.target_bitrate is None:
            raise ValueError("`two_pass` needs `target_bitrate`")
        self._refuse_high_crf()
        if self.max_resolution and (self.max_width or self.max_height):
            raise ValueError("`max_resolution` excludes `max_width` and `max_height`")
        return self

    def _refuse_high_crf(self) -> None:
        highest = CRF_RANGE[self.to][1]
        each = self.crf.items() if isinstance(self.crf, dict) else [(None, self.crf)]
        for name, crf in each:
            if crf is not None and crf > highest:
                path = ("crf",) if name is None else ("crf", name)
                raise error_at(path, f"`crf` of {self.to} is at most {highest}, not {crf:g}")

    def spec(self, track: Track, size: tuple[int, int] | None, tonemap: bool) -> VideoEncode:
        """Return the encode of a track, to this size if it is given."""
        quality = Quality(
            self._crf(*(size or (track.width, track.height))),
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
            depth=self.depth,
            fields=self.deinterlace == "never",
            min_savings=self.min_savings,
            options=self.encoder_args.options,
        )

    @property
    def encoder_args(self) -> EncoderArgs:
        """The ``ffmpeg_args``, sorted."""
        return parse_encoder_options(self.ffmpeg_args, self.to, software=self.hw == "none")

    def _crf(self, width: int | None, height: int | None) -> float | None:
        """Return the quality of a resolution class, else that of the next lower one."""
        if not isinstance(self.crf, dict):
            return self.crf
        classes = [name for name in units.RESOLUTIONS if name in self.crf]
        found = units.resolution_of(width, height) or classes[0]
        within = [name for name in classes if not units.below(found, name)]
        return self.crf[within[-1] if within else classes[0]]

    def size(self, track: Track) -> tuple[int, int] | None:
        """Return the size to scale down to, in even numbers; ``None`` to keep the size."""
        if not track.width or not track.height:
            return None
        across, down = self._box(track)
        factor = min(across / track.width, down / track.height)
        if factor >= 1:
            return None
        return tuple(max(2, round(side * factor / 2) * 2) for side in (track.width, track.height))  # type: ignore[return-value]

    def rate_decides(self, track: Track, context: ConditionContext) -> bool:
        """Return whether only the bit rate of the track, which is unknown, decides."""
        if self.skip_if is None or track.bit_rate or self.why(track, context) is None:
            return False
        return not self.skip_if.unmet(track, context)

    def _box(self, track: Track) -> tuple[float, float]:
        """Return the largest size allowed, in the orientation of the track."""
        if self.max_resolution is None:
            return self.max_width or float("inf"), self.max_height or float("inf")
        across, down = units.RESOLUTIONS[self.max_resolution]
        across, down = (across, down) if across else (854, 480)
        portrait = (track.height or 0) > (track.width or 0)
        return (down, across) if portrait else (across, down)

    def why(self, track: Track, context: ConditionContext) -> str | None:
        """Return why to encode a track; ``None`` if it need not be."""
        wrong = self._wrong_format(track, context.external.encoded)
        if self.skip_if is None:
            if not matches(track, self.to):
                return f"codec {track.codec} instead of {self.to}"
            return wrong
        # What these policies have encoded themselves is not encoded again for its bit rate.
        if context.external.encoded and matches(track, self.to) and not wrong:
            return None
        too_fast = self.skip_if.too_fast(track, _whole_rate(context.media, track))
        reasons = [*self.skip_if.unmet(track, context), too_fast]
        return next(filter(None, reasons), None)

    def _wrong_format(self, track: Track, encoded: bool) -> str | None:
        """Return what of the frames is not as asked for."""
        found = self.wrong_frames(track)
        if encoded:
            # The mean rate of what is encoded already may be rounded: that of a short clip.
            found.pop(ChangeKind.FRAME_RATE, None)
        return next(iter(found.values()), None)

    def wrong_frames(self, track: Track) -> dict[ChangeKind, str]:
        """Return what of the frames is not as asked for, by the change that mends it."""
        found: dict[ChangeKind, str] = {}
        shown, sizes = self.shown(track), []
        if shown is not track:
            sizes.append(f"black bars surround {shown.width}x{shown.height}")
        if self.size(shown) is not None:
            sizes.append(f"{shown.width}x{shown.height} is over the size limit")
        if sizes:
            found[ChangeKind.SIZE] = "; ".join(sizes)
        if frame_format.has_other_depth(track, self.depth):
            found[ChangeKind.BIT_DEPTH] = f"its samples do not have {self.depth} bits"
        if frame_rate.drop(track, self.max_frame_rate):
            limit = self.max_frame_rate
            found[ChangeKind.FRAME_RATE] = (
                f"{track.frame_rate} frames a second are more than {limit}"
            )
        return found

    def shown(self, track: Track) -> Track:
        """Return the track without its black bars, if they are cut off."""
        fields = self.deinterlace == "never" and track.field_order is not None
        return frame_format.cropped(track, fields) if self.crop == "auto" else track

    @property
    def depth(self) -> int | None:
        """The bits of a sample; ``None`` to keep them."""
        return None if self.bit_depth == "keep" else self.bit_depth


def _whole_rate(media: MediaFile, track: Track) -> float | None:
    """Return the bit rate that a track would have if it were all of the file."""
    seconds = track.duration or media.duration
    return media.size * 8 / seconds if media.size and seconds else None
