"""The encode of an audio track, as a policy's operations ask for it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.containers import container
from vpo.media.encode_spec import AudioCodec, AudioEncode, Loudness
from vpo.media.layouts import Placement, has_lfe
from vpo.media.model import Track
from vpo.policy.change_kind import ChangeKind
from vpo.policy.desired_state import DesiredState
from vpo.policy.loudness import has_loudness, stated_loudness, with_stated_loudness

_MOVED = "its front centre channels come to the sides"


class Fit(NamedTuple):
    """The channels of an encode: their number and layout, and how they come about.

    ``mixed`` is what is mixed down to; with neither that nor a placement they stay as they are.
    """

    channels: int | None
    layout: str | None
    mixed: int | None = None
    placement: Placement | None = None


class AudioTarget(NamedTuple):
    """What a track is encoded to.

    ``stereo`` is the bit rate of two channels, in bits a second, ``None`` for the default;
    ``loudness`` is ``None`` for that of the source.
    """

    codec: AudioCodec
    stereo: int | None = None
    loudness: Loudness | None = None


def encode_audio(state: DesiredState, track: Track, to: AudioTarget, why: str) -> DesiredState:
    """Encode an audio track in its own layout, or the nearest that the codec has.

    If an earlier operation encodes it already, or makes it from another track, the two become one
    encode of the source track.
    """
    codec = to.codec
    found = fit(state, track, codec)
    message = _message(track, codec, found)
    if message is not None:
        state = state.warn(message)
    bitrate = AUDIO_ENCODERS[codec].bitrate(found.channels, to.stereo)
    how = encode_of(state, track, codec, found, bitrate)
    how = replace(how, loudness=_loudness(state, track, to.loudness, found.mixed is not None))
    stated = stated_loudness(track) if found.mixed is None else None
    new = replace(track, codec=codec, channels=found.channels, layout=found.layout)
    new = with_stated_loudness(new, how.loudness or stated, state.media.container)
    return state.encode(new, how, why, _reasons(track, codec, found, how))


def _reasons(
    track: Track, codec: AudioCodec, found: Fit, how: AudioEncode
) -> dict[ChangeKind, str]:
    """Return the reasons of what an encode changes besides the codec."""
    fewer = found.mixed is not None and found.mixed != track.channels
    limit = f"at most {found.mixed} channels" if fewer else f"no layout {track.layout}"
    reasons = {ChangeKind.CHANNELS: f"{codec} has {limit}"}
    if how.loudness is not None:
        reasons[ChangeKind.LOUDNESS] = "not known to have this loudness"
    return reasons


def _loudness(
    state: DesiredState, track: Track, wanted: Loudness | None, mixed: bool
) -> Loudness | None:
    """Return the loudness that an encode brings a track to; mixing down would change an old one."""
    if mixed or (wanted is not None and not has_loudness(state, track, wanted)):
        return wanted
    before = state.encodes.get(track.index)
    return before.loudness if isinstance(before, AudioEncode) else None


def fit(state: DesiredState, track: Track, codec: AudioCodec, channels: int | None = None) -> Fit:
    """Return how the channels of a track fit a codec, mixed down to ``channels`` if given."""
    encoder = AUDIO_ENCODERS[codec]
    count = track.channels
    if count is None:
        return Fit(channels, encoder.layout(channels) if channels else track.layout, channels)
    if channels is None or channels == count:
        if encoder.keeps(track.layout, container(state.media.container).matroska):
            return Fit(count, track.layout)
        placement = encoder.placement(track.layout, count)
        if placement is not None and channels in (None, len(placement.places)):
            return Fit(len(placement.places), placement.layout, placement=placement)
    mixed = channels or min(count, encoder.max_channels)
    return Fit(mixed, encoder.layout(mixed), mixed)


def encode_of(
    state: DesiredState, track: Track, codec: AudioCodec, found: Fit, bitrate: int | None
) -> AudioEncode:
    """Return the encode of a track: of its own source, if an operation encodes it already."""
    how = AudioEncode(track.index, codec, found.mixed, bitrate, found.placement)
    before = state.encodes.get(track.index)
    if not isinstance(before, AudioEncode):
        return how
    mixed, placement = how.channels or before.channels, before.placement
    if how.placement is not None and mixed is None:
        placement = how.placement.after(placement)
    return replace(
        how, source=before.source, channels=mixed, placement=placement, night=before.night
    )


def _message(track: Track, codec: AudioCodec, found: Fit) -> str | None:
    """Return what to say of an encode that does not keep the layout, if it matters."""
    if found.placement is not None and track.channels == found.channels:
        moved = f"{codec} has no layout {track.layout}: {track} becomes {found.layout}; {_MOVED}"
        return moved if found.placement.moved else None
    if found.placement is not None:
        moved = f"; {_MOVED}" if found.placement.moved else ""
        return (
            f"{codec} has no layout {track.layout}: {track} becomes {found.layout}, with each "
            f"channel at its level{moved}"
        )
    if found.mixed is None:
        return None
    lost = has_lfe(track.layout) and not has_lfe(found.layout)
    lfe = ", without its LFE channel" if lost else ""
    if found.mixed != track.channels:
        return f"{codec} holds at most {found.mixed} channels: {track} is downmixed{lfe}"
    return f"{codec} has no layout {track.layout}: {track} is mixed to {found.layout}{lfe}"
