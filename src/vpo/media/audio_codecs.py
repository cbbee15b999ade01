"""The audio codecs that vpo encodes to, and ffmpeg's encoders for them, one row each."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.media.encode_spec import AudioCodec


@dataclass(frozen=True, slots=True)
class AudioEncoder:
    """ffmpeg's encoder (``name``) of a codec, and what it takes.

    ``max_channels`` are those of the encoder: E-AC-3 itself has more. Bit rates are in bits a
    second, ``None`` for lossless codecs: ``stereo_bitrate`` where the policy says nothing, a
    generous choice; ``max_bitrate`` in all, or with ``per_channel`` for each channel. ``quad``:
    four channels are the corners of a room (RFC 7845, RFC 9639).
    """

    codec: AudioCodec
    name: str
    max_channels: int
    stereo_bitrate: int | None
    max_bitrate: int | None
    per_channel: bool = False
    quad: bool = False


_ROWS = (
    AudioEncoder("aac", "aac", 8, 160_000, 288_000, per_channel=True),
    AudioEncoder("ac3", "ac3", 6, 192_000, 640_000),
    AudioEncoder("eac3", "eac3", 6, 192_000, 6_144_000),
    AudioEncoder("flac", "flac", 8, None, None, quad=True),
    AudioEncoder("opus", "libopus", 8, 128_000, 256_000, per_channel=True, quad=True),
    AudioEncoder("mp3", "libmp3lame", 2, 192_000, 320_000),
)
AUDIO_ENCODERS: dict[AudioCodec, AudioEncoder] = {row.codec: row for row in _ROWS}
