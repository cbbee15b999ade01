"""What encoded sound is like: how many channels a codec can have, and what bit rate it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.model import Track
from vpo.policy.desired_state import Draft

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
"""Bits a second of stereo where the policy says nothing: a generous choice, not a rule."""
_MOST_BITS: Mapping[AudioCodec, int] = {
    "aac": 288_000,  # for each channel
    "ac3": 640_000,
    "eac3": 6_144_000,
    "opus": 256_000,  # for each channel
    "mp3": 320_000,
}
_EACH_CHANNEL = frozenset({"aac", "opus"})
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_QUADRAPHONIC = frozenset({"opus", "flac"})
"""Codecs whose four channels are the corners of a room (RFC 7845, RFC 9639)."""


def channels_for(codec: AudioCodec, channels: int | None) -> int | None:
    """To how many channels a track has to be mixed down, ``None`` if the codec takes all."""
    most = _MOST_CHANNELS[codec]
    return most if channels is not None and channels > most else None


def layout_for(codec: AudioCodec, channels: int) -> str:
    """ffmpeg's name for the layout that so many channels get in a codec."""
    return "quad" if channels == 4 and codec in _QUADRAPHONIC else _LAYOUTS[channels]


def bitrate_for(codec: AudioCodec, channels: int | None, stereo: int | None) -> int | None:
    """Bits a second for so many channels, from what is asked for two; ``None`` for lossless codecs.

    Not more than the codec can have.
    """
    if codec == "flac":
        return None
    count = channels or 2
    most = most_bits(codec, count)
    wanted = (stereo or _STEREO[codec]) * count // 2
    return wanted if most is None else min(most, wanted)


def most_bits(codec: AudioCodec, channels: int) -> int | None:
    """The most bits a second that the codec takes; ``None`` for lossless codecs."""
    if codec == "flac":
        return None
    return _MOST_BITS[codec] * (channels if codec in _EACH_CHANNEL else 1)


def recoded(draft: Draft, track: Track, codec: AudioCodec, stereo: int | None, why: str) -> Draft:
    """The draft with an audio track encoded to a codec, mixed down where that has fewer channels.

    An earlier operation may encode it already, or make it of another track: there is one encode of
    what is in the file.
    """
    channels = channels_for(codec, track.channels)
    if channels is not None:
        draft = draft.warn(f"{codec} holds at most {channels} channels: {track} is mixed down")
    final = channels or track.channels
    before = draft.encodes.get(track.index)
    source, mixed = track.index, channels
    if isinstance(before, AudioEncode):
        source, mixed = before.source, channels or before.channels
    how = AudioEncode(source, codec, mixed, bitrate_for(codec, final, stereo))
    layout = track.layout if channels is None else layout_for(codec, channels)
    return draft.encode(replace(track, codec=codec, channels=final, layout=layout), how, why)
