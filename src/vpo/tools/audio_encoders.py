"""The options of ffmpeg for one encoded audio stream."""

from __future__ import annotations

from collections.abc import Mapping

from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.model import Track
from vpo.policy.audio_encoding import layout_for

ENCODERS: Mapping[AudioCodec, str] = {
    "aac": "aac",
    "ac3": "ac3",
    "eac3": "eac3",
    "flac": "flac",
    "opus": "libopus",
    "mp3": "libmp3lame",
}
"""ffmpeg's encoder of each codec."""
_AS_IT_IS = frozenset({"mono", "stereo", "3.0", "5.0", "5.1", "7.1"})
"""Layouts that every encoder with so many channels takes, and every decoder knows."""


def audio(number: int, how: AudioEncode, source: Track) -> list[str]:
    """The words for the output's stream ``number``.

    The layout is always said: AAC would describe the surrounds at the sides (5.1(side)) in a way
    that few decoders read, and Opus refuses them. ffmpeg mixes as the two layouts want it.
    """
    words = [f"-c:{number}", ENCODERS[how.codec]]
    channels = how.channels or source.channels
    layout = layout_for(how.codec, channels) if channels else None
    if how.channels is None and source.layout in _AS_IT_IS:
        layout = None
    if layout is not None:
        words += [f"-filter:{number}", f"aformat=channel_layouts={layout}"]
    if how.bitrate is not None:
        words += [f"-b:{number}", str(how.bitrate)]
    return words
