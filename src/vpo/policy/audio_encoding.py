"""The encode of an audio track, as a policy's operations ask for it."""

from __future__ import annotations

from dataclasses import replace

from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.encode_spec import AudioCodec, AudioEncode
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState


def encode_audio(
    state: DesiredState, track: Track, codec: AudioCodec, stereo: int | None, why: str
) -> DesiredState:
    """Encode an audio track, with a downmix if the codec has fewer channels.

    ``stereo`` is the bit rate of two channels, in bits a second, ``None`` for the default. If an
    earlier operation encodes it already, or makes it from another track, the two become one encode
    of the source track.
    """
    encoder = AUDIO_ENCODERS[codec]
    channels = encoder.downmix_channels(track.channels)
    if channels is not None:
        state = state.warn(f"{codec} holds at most {channels} channels: {track} is downmixed")
    final = channels or track.channels
    before = state.encodes.get(track.index)
    source, mixed = track.index, channels
    if isinstance(before, AudioEncode):
        source, mixed = before.source, channels or before.channels
    how = AudioEncode(source, codec, mixed, encoder.bitrate(final, stereo))
    layout = track.layout if channels is None else encoder.layout(channels)
    return state.encode(replace(track, codec=codec, channels=final, layout=layout), how, why)
