"""What encoded sound is like: how many channels a codec can have, and what bit rate it needs."""

from __future__ import annotations

from dataclasses import replace

from vpo.media.audio_codecs import AUDIO_ENCODERS
from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.model import Track
from vpo.policy.desired_state import Draft

_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def channels_for(codec: AudioCodec, channels: int | None) -> int | None:
    """Return to how many channels a track is mixed down, ``None`` if the codec takes all."""
    most = AUDIO_ENCODERS[codec].max_channels
    return most if channels is not None and channels > most else None


def layout_for(codec: AudioCodec, channels: int) -> str:
    """Return ffmpeg's name for the layout of so many channels in a codec."""
    return "quad" if channels == 4 and AUDIO_ENCODERS[codec].quad else _LAYOUTS[channels]


def bitrate_for(codec: AudioCodec, channels: int | None, stereo: int | None) -> int | None:
    """Return the bits a second for so many channels; ``None`` for lossless codecs.

    ``stereo`` is what is asked for two channels. The result is not more than the codec can have.
    """
    count = channels or 2
    usual, most = AUDIO_ENCODERS[codec].stereo_bitrate, most_bits(codec, count)
    return None if usual is None or most is None else min(most, (stereo or usual) * count // 2)


def most_bits(codec: AudioCodec, channels: int) -> int | None:
    """Return the most bits a second that the codec takes; ``None`` for lossless codecs."""
    row = AUDIO_ENCODERS[codec]
    if row.max_bitrate is None:
        return None
    return row.max_bitrate * (channels if row.per_channel else 1)


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
