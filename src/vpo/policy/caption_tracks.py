"""Subtitle tracks that are made of the closed captions of a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from vpo.media.containers import container, text_codec
from vpo.media.encode_spec import VideoEncode
from vpo.media.languages import UNDETERMINED
from vpo.media.model import Track
from vpo.media.muxers import can_mux
from vpo.media.subtitle_source import SubtitleSource
from vpo.policy.desired_state import DesiredState

TITLE = "Closed Captions"
_WRITES_CAPTIONS = frozenset({"h264"})
"""Codecs of which the encoders write captions; of HEVC not all do (https://ffmpeg.org: a53cc)."""


def captioned(state: DesiredState) -> Iterator[Track]:
    """Yield the videos with captions that are in no subtitle track yet."""
    made = {source.captions for source in state.sources.values()}
    yield from (t for t in state.media.of("video") if t.captions and t.index not in made)


def with_track(state: DesiredState, video: Track, why: str) -> DesiredState:
    """Return the state with a subtitle track of a video's captions, if its container takes text.

    Its language is that of the first audio track, which captions go with.
    """
    kind = container(state.media.container)
    codec = text_codec(kind, "subrip")
    if not kind.languages or not can_mux(kind.name, codec):
        return state.warn(f"{kind.name} cannot hold subtitles: the captions of {video} stay in it")
    audio = next(iter(state.media.of("audio")), None)
    track = Track(
        state.unused_index,
        "subtitle",
        codec,
        language=(audio.language if audio else None) or UNDETERMINED,
        title=TITLE,
        dispositions=frozenset({"hearing_impaired"}),
    )
    return state.add_subtitle(track, SubtitleSource(captions=video.index), why)


def with_kept_captions(state: DesiredState) -> DesiredState:
    """Return the state in which encodes lose no captions, but for those that they may lose.

    Where an encoder may not write those of the frames, they become a subtitle track.
    """
    videos = {i: how for i, how in state.encodes.items() if isinstance(how, VideoEncode)}
    there = {track.index: track for track in state.media.of("video")}
    if state.captions == "drop":
        return _with_mode(state, {i: replace(how, captions="drop") for i, how in videos.items()})
    waiting = {track.index for track in captioned(state)}
    for index, how in videos.items():
        track = there.get(index)
        carries = how.codec in _WRITES_CAPTIONS and how.drop is None
        if track is not None and index in waiting and not carries:
            why = f"an encode to {how.codec} may lose the captions of the video"
            state = with_track(state, track, why)
    out = {source.captions for source in state.sources.values()}
    any_mode = {i: replace(how, captions="any") for i, how in videos.items() if i in out}
    return _with_mode(state, any_mode)


def _with_mode(state: DesiredState, encodes: dict[int, VideoEncode]) -> DesiredState:
    if not encodes:
        return state
    return replace(state, encodes=MappingProxyType({**state.encodes, **encodes}))
