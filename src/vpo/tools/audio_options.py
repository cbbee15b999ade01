"""The options of ffmpeg for one encoded audio stream."""

from __future__ import annotations

from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.encode_spec import AudioEncode
from vpo.media.layouts import Placement, channels_of, other_name
from vpo.media.model import Track

_GUESSED = {"mono", "stereo", "4.0", "5.0", "5.1", "6.1", "7.1"}
"""The layouts that ffmpeg itself takes so many channels for if it knows none."""


def audio(number: int, how: AudioEncode, source: Track) -> list[str]:
    """Return the arguments for the output's stream ``number``.

    ffmpeg mixes down, as the two layouts want it. Left to itself it would also mix, and lose
    channels, where the encoder does not take the layout of the source: the placement says where
    each channel goes.
    """
    encoder = AUDIO_ENCODERS[how.codec]
    arguments = [f"-c:{number}", encoder.name]
    if how.channels is not None:
        layout = encoder.layout(how.channels)
        arguments += [f"-filter:{number}", f"aformat=channel_layouts={layout}"]
    elif how.placement is not None:
        arguments += [f"-filter:{number}", _placed(how.placement, channels_of(source.layout))]
    if how.bitrate is not None:
        arguments += [f"-b:{number}", str(how.bitrate)]
    return arguments


def _placed(placement: Placement, source: tuple[str, ...] | None) -> str:
    """Return the filter that moves each channel to its place, at its level."""
    if source is None and placement.layout in _GUESSED:
        return f"aformat=channel_layouts={placement.layout}"
    names = channels_of(placement.layout) or ()
    silent = f"0*{source[0] if source else 'c0'}"
    parts = []
    for name, n in zip(names, placement.places, strict=True):
        parts.append(f"{name}={silent if n is None else _heard(n, source)}")
    return "|".join([f"pan={'+'.join(names)}", *parts])


def _heard(number: int, source: tuple[str, ...] | None) -> str:
    """Return a channel by its name, which holds where the layout changes midway, if it has one.

    Then the surrounds may be at the sides and at the back by turns.
    """
    if source is None:
        return f"c{number}"
    name = source[number]
    other = other_name(name)
    return f"{name}+{other}" if other and other not in source else name
