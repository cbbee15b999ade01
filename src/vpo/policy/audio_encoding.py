"""Channels, layouts and bit rates of encoded audio, codec by codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState

_MOST_CHANNELS: Mapping[AudioCodec, int] = {
    "aac": 8,
    "ac3": 6,
    "eac3": 6,
    "flac": 8,
    "opus": 8,
    "mp3": 2,
}
"""The limits of ffmpeg's encoders; E-AC-3 itself allows more channels."""
_DEFAULT_STEREO_BITRATE: Mapping[AudioCodec, int] = {
    "aac": 160_000,
    "ac3": 192_000,
    "eac3": 192_000,
    "opus": 128_000,
    "mp3": 192_000,
}
"""Default bits a second of stereo: a generous choice, not a rule."""
_HIGHEST_BITRATE: Mapping[AudioCodec, int] = {
    "aac": 288_000,  # for each channel
    "ac3": 640_000,
    "eac3": 6_144_000,
    "opus": 256_000,  # for each channel
    "mp3": 320_000,
}
_LIMITED_PER_CHANNEL = frozenset({"aac", "opus"})
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_QUADRAPHONIC = frozenset({"opus", "flac"})
"""Codecs whose four channels are the corners of a room (RFC 7845, RFC 9639)."""


def downmix_channels(codec: AudioCodec, channels: int | None) -> int | None:
    """Return the channels to downmix a track to, ``None`` if the codec takes all of them."""
    most = _MOST_CHANNELS[codec]
    return most if channels is not None and channels > most else None


def layout_for(codec: AudioCodec, channels: int) -> str:
    """Return ffmpeg's name of the layout that a codec gives to this many channels."""
    return "quad" if channels == 4 and codec in _QUADRAPHONIC else _LAYOUTS[channels]


def bitrate_for(codec: AudioCodec, channels: int | None, stereo: int | None) -> int | None:
    """Return the bits a second for this many channels; ``None`` for lossless codecs.

    ``stereo`` is the bit rate wanted for two channels, ``None`` for the default. The result is
    limited to what the codec takes.
    """
    if codec == "flac":
        return None
    count = channels or 2
    most = highest_bitrate(codec, count)
    wanted = (stereo or _DEFAULT_STEREO_BITRATE[codec]) * count // 2
    return wanted if most is None else min(most, wanted)


def highest_bitrate(codec: AudioCodec, channels: int) -> int | None:
    """Return the most bits a second that a codec takes; ``None`` for lossless codecs."""
    if codec == "flac":
        return None
    return _HIGHEST_BITRATE[codec] * (channels if codec in _LIMITED_PER_CHANNEL else 1)


def encode_audio(
    state: DesiredState, track: Track, codec: AudioCodec, stereo: int | None, why: str
) -> DesiredState:
    """Encode an audio track, with a downmix if the codec has fewer channels.

    If an earlier operation encodes it already, or makes it from another track, the two become one
    encode of the source track.
    """
    channels = downmix_channels(codec, track.channels)
    if channels is not None:
        state = state.warn(f"{codec} holds at most {channels} channels: {track} is downmixed")
    final = channels or track.channels
    before = state.encodes.get(track.index)
    source, mixed = track.index, channels
    if isinstance(before, AudioEncode):
        source, mixed = before.source, channels or before.channels
    how = AudioEncode(source, codec, mixed, bitrate_for(codec, final, stereo))
    layout = track.layout if channels is None else layout_for(codec, channels)
    return state.encode(replace(track, codec=codec, channels=final, layout=layout), how, why)
