"""What encoded sound is like: how many channels a codec can have, and what bit rate it needs."""

from __future__ import annotations

from collections.abc import Mapping

from vpo.encoding import AudioCodec

_MOST_CHANNELS: Mapping[AudioCodec, int] = {
    "aac": 8,
    "ac3": 6,
    "eac3": 6,
    "flac": 8,
    "opus": 8,
    "mp3": 2,
}
"""Of ffmpeg's encoders: E-AC-3 itself has more, its encoder has not."""
_STEREO: Mapping[AudioCodec, int] = {
    "aac": 160_000,
    "ac3": 192_000,
    "eac3": 192_000,
    "opus": 128_000,
    "mp3": 192_000,
}
"""Bits a second that are transparent to most listeners (hydrogenaud.io's listening tests)."""
_MOST_BITS: Mapping[AudioCodec, int] = {
    "aac": 288_000,  # for each channel
    "ac3": 640_000,
    "eac3": 6_144_000,
    "opus": 256_000,  # for each channel
    "mp3": 320_000,
}
_EACH_CHANNEL = frozenset({"aac", "opus"})


def channels_for(codec: AudioCodec, channels: int | None) -> int | None:
    """To how many channels a track has to be mixed down, ``None`` if the codec takes all."""
    most = _MOST_CHANNELS[codec]
    return most if channels is not None and channels > most else None


def bitrate_for(codec: AudioCodec, channels: int | None, stereo: int | None) -> int | None:
    """Bits a second for so many channels, from what is asked for two; ``None`` for lossless codecs.

    Not more than the codec can have.
    """
    if codec == "flac":
        return None
    count = channels or 2
    most = _MOST_BITS[codec] * (count if codec in _EACH_CHANNEL else 1)
    return min(most, (stereo or _STEREO[codec]) * count // 2)
