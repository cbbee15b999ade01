"""The encode of an audio track, as a policy's operations ask for it."""

from __future__ import annotations

from dataclasses import replace

from vpo.media.audio_codecs import AUDIO_ENCODERS
from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.model import Track
from vpo.policy.desired_state import Draft


def encode_audio(
    draft: Draft, track: Track, codec: AudioCodec, stereo: int | None, why: str
) -> Draft:
    """Encode an audio track to a codec, mixed down where that has fewer channels.

    ``stereo`` is the bit rate of two channels, in bits a second, ``None`` for the usual one.
    An earlier operation may encode it already, or make it of another track: there is one encode of
    what is in the file.
    """
    encoder = AUDIO_ENCODERS[codec]
    channels = encoder.mixed_down(track.channels)
    if channels is not None:
        draft = draft.warn(f"{codec} holds at most {channels} channels: {track} is mixed down")
    final = channels or track.channels
    before = draft.encodes.get(track.index)
    source, mixed = track.index, channels
    if isinstance(before, AudioEncode):
        source, mixed = before.source, channels or before.channels
    how = AudioEncode(source, codec, mixed, encoder.bitrate(final, stereo))
    layout = track.layout if channels is None else encoder.layout(channels)
    return draft.encode(replace(track, codec=codec, channels=final, layout=layout), how, why)
