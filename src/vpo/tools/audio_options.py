"""The options of ffmpeg for one encoded audio stream."""

from __future__ import annotations

from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.encode_spec import AudioEncode
from vpo.media.model import Track

_COMMON_LAYOUTS = frozenset({"mono", "stereo", "3.0", "5.0", "5.1", "7.1"})
"""Layouts that every encoder with as many channels and every decoder supports."""


def audio(number: int, how: AudioEncode, source: Track) -> list[str]:
    """Return the arguments for the output's stream ``number``.

    The layout is always given: AAC would describe the surrounds at the sides (5.1(side)) in a way
    that few decoders read, and Opus refuses them. ffmpeg mixes as the two layouts want it.
    """
    encoder = AUDIO_ENCODERS[how.codec]
    arguments = [f"-c:{number}", encoder.name]
    channels = how.channels or source.channels
    layout = encoder.layout(channels) if channels else None
    if how.channels is None and source.layout in _COMMON_LAYOUTS:
        layout = None
    if layout is not None:
        arguments += [f"-filter:{number}", f"aformat=channel_layouts={layout}"]
    if how.bitrate is not None:
        arguments += [f"-b:{number}", str(how.bitrate)]
    return arguments
