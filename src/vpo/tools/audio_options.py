"""The options of ffmpeg for one encoded audio stream."""

from __future__ import annotations

from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.encode_spec import AudioEncode
from vpo.media.layouts import Placement, channels_of, other_name
from vpo.media.model import Track
from vpo.tools.loudness import AudioLevel, changing_steps, limiting_step

_GUESSED = {"mono", "stereo", "4.0", "5.0", "5.1", "6.1", "7.1"}
"""The layouts that ffmpeg itself takes so many channels for if it knows none."""
_CENTRE = "FC"
"""The channel of dialogue in films (ITU-R BS.775)."""
_OTHERS = 0.5
"""How loud the others are at night: 6 dB less."""
_COMPRESSED = (
    "acompressor=threshold=-22dB:ratio=2:link=maximum",
    "acompressor=threshold=-17dB:ratio=10:link=maximum",
    "volume=6dB",
)
"""The cuts of Dolby's profile Film Standard (Dolby Metadata Guide, dynamic range control): 2:1 from
5 dB above the level of dialogue, 20:1 from 15 dB above it, which is -27 dBFS in films; the second
threshold is where the first one brings that. What is quieter is raised by its 6 dB."""
_NIGHT_PEAK = -1.0


def audio(
    number: int, how: AudioEncode, source: Track, level: AudioLevel | None = None
) -> list[str]:
    """Return the arguments for the output's stream ``number``, of which a level was measured.

    ffmpeg mixes down, as the two layouts want it. Left to itself it would also mix, and lose
    channels, where the encoder does not take the layout of the source: the placement says where
    each channel goes.
    """
    arguments = [f"-c:{number}", AUDIO_ENCODERS[how.codec].name]
    filters = mixing_steps(how, source)
    if how.loudness is not None and level is not None:
        filters += changing_steps(level, how.loudness, source.sample_rate)
    if filters:
        arguments += [f"-filter:{number}", ",".join(filters)]
    if how.bitrate is not None:
        arguments += [f"-b:{number}", str(how.bitrate)]
    return arguments


def mixing_steps(how: AudioEncode, source: Track) -> list[str]:
    """Return the filters of an encode, up to what its loudness needs."""
    found = _raised_dialogue(channels_of(source.layout)) if how.night else []
    if how.channels is not None:
        layout = AUDIO_ENCODERS[how.codec].layout(how.channels)
        found.append(f"aformat=channel_layouts={layout}")
    elif how.placement is not None:
        found.append(_placed(how.placement, channels_of(source.layout)))
    return [*found, *_COMPRESSED, limiting_step(_NIGHT_PEAK)] if how.night else found


def _raised_dialogue(source: tuple[str, ...] | None) -> list[str]:
    """Return the filter that lowers everything but the centre, if there is one beside others."""
    if source is None or _CENTRE not in source or len(source) == 1:
        return []
    parts = []
    for n, name in enumerate(source):
        factor = "" if name == _CENTRE else f"{_OTHERS}*"
        heard = "+".join(f"{factor}{part}" for part in _heard(n, source).split("+"))
        parts.append(f"{name}={heard}")
    return ["|".join([f"pan={'+'.join(source)}", *parts])]


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
