"""How a track is to be encoded: what a policy asks for, in the terms of no particular encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vpo.media.layouts import Placement

VideoCodec = Literal["h264", "hevc", "vp9", "av1"]
AudioCodec = Literal["aac", "ac3", "eac3", "flac", "opus", "mp3"]
Accelerator = Literal["nvenc", "qsv", "vaapi", "videotoolbox"]
Device = Literal["none", Accelerator]
"""What encodes; ``none`` is the processor."""
Hardware = Literal["none", "auto", Accelerator]
Scaler = Literal["lanczos", "bicubic", "bilinear", "spline"]

DEFAULT_CRF: Mapping[VideoCodec, float] = {"h264": 23, "hevc": 28, "vp9": 32, "av1": 35}
"""The crf of the software encoders where nothing is asked for."""
CRF_RANGE: Mapping[VideoCodec, tuple[int, int]] = {
    "h264": (0, 51),
    "hevc": (0, 51),
    "vp9": (0, 63),
    "av1": (0, 63),
}


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of a video encode: one of ``crf``, ``target_bitrate`` and ``vmaf``.

    ``crf`` counts on the scale of the codec's own software encoder (x264, x265, libvpx, SVT-AV1),
    whatever the encoder; ``vmaf`` is the score, 0 to 100, for which a crf is searched.
    Bit rates are in bits a second.
    """

    crf: float | None = None
    target_bitrate: int | None = None
    two_pass: bool = False
    min_bitrate: int | None = None
    max_bitrate: int | None = None
    vmaf: float | None = None


@dataclass(frozen=True, slots=True)
class FrameDrop:
    """Which frames are left out: all but every ``step``-th, or what is too much for ``rate``.

    ``rate`` are the frames a second that remain; ``step`` is ``None`` where that is constant.
    """

    rate: str
    step: int | None = None

    def after(self, before: FrameDrop | None) -> FrameDrop:
        """Return what leaves out as many frames as this one does after another."""
        if before is None:
            return self
        step = self.step * before.step if self.step and before.step else None
        return FrameDrop(self.rate, step)


@dataclass(frozen=True, slots=True)
class VideoEncode:
    """A video track, encoded.

    ``preset`` and ``tune`` are x264's names (``medium``, ``film``) or the encoder's own; ``size``
    is (width, height) in pixels where the frames are scaled down, ``pad`` where they get a black
    line at the right or the bottom; ``mixed`` is the shape of pixels that all frames get, scaled to
    one size; ``tonemap`` makes SDR of HDR;
    ``depth`` is the bits of a sample, ``None`` for those of the source; ``drop`` is which frames
    are left out; ``fields``: those of interlaced video stay; ``film`` are the frames a second of
    telecined film once its frames are restored; ``crop`` is the part of the frames
    that stays (``WIDTH:HEIGHT:LEFT:TOP``); ``captions`` is what becomes of those in the frames:
    ``keep`` requires an encoder that writes them, ``any`` does not; ``min_savings`` is the part of
    the file's size, 0 to 1, that has to be saved, ``None`` for an encode whatever the size;
    ``options`` are further (name, value) of the encoder, already checked.
    """

    codec: VideoCodec
    quality: Quality
    preset: str | None = None
    tune: str | None = None
    size: tuple[int, int] | None = None
    scaler: Scaler = "lanczos"
    pad: tuple[int, int] | None = None
    mixed: str | None = None
    hw: Hardware = "none"
    hw_fallback: bool = True
    tonemap: bool = False
    depth: int | None = None
    drop: FrameDrop | None = None
    fields: bool = False
    film: str | None = None
    crop: str | None = None
    captions: Literal["keep", "any", "drop"] = "keep"
    min_savings: float | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Loudness:
    """A loudness of audio (EBU R 128): ``target`` in LUFS, and at most ``true_peak`` in dBTP."""

    target: float
    true_peak: float

    def __str__(self) -> str:
        return f"{self.target:g} LUFS, peaks up to {self.true_peak:g} dBTP"


@dataclass(frozen=True, slots=True)
class AudioEncode:
    """An audio track, encoded from the track with the index ``source`` (itself, or another).

    ``channels`` is what it is mixed down to, ``None`` for as many as the source has, then with
    ``placement`` in another layout. ``bitrate`` is in bits a second, ``None`` for lossless codecs
    and the encoder's default. ``loudness`` is what it is brought to, ``None`` for that of the
    source; ``night``: dialogue is raised, and the dynamic range compressed.
    """

    source: int
    codec: AudioCodec
    channels: int | None = None
    bitrate: int | None = None
    placement: Placement | None = None
    loudness: Loudness | None = None
    night: bool = False


Encode = VideoEncode | AudioEncode
