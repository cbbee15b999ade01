"""The streams that a plan copies, how the packets of each are compared, and those it encodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vpo.media.containers import TIMECODE, Container, container
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import MediaFile, Track
from vpo.plan.model import Plan
from vpo.probe.packet_proof import CopiedStream, EncodedStream

if TYPE_CHECKING:
    from vpo.probe.payload_forms import PayloadForm

HIDDEN_FRAMES = frozenset({"vp8", "vp9", "av1"})
"""Codecs with packets that show no frame."""
_SLACK = {"opus": 0.1}
"""Seconds by which ffmpeg shifts a track: up to version 5 it loses the codec delay of Opus."""
_VIDEO_FORMS: dict[str, PayloadForm] = {"h264": "slices", "hevc": "slices", "vp9": "vp9"}
_TEXT_CODECS = frozenset({"subrip", "ass", "webvtt"})


def copied_streams(plan: Plan, result: MediaFile) -> list[CopiedStream]:
    """Return the tracks that the plan copies, with their indexes in the result."""
    return [
        CopiedStream(track.index, made.index, form, _SLACK.get(track.codec, 0.0))
        for (track, form), made in zip(_forms(plan), result.tracks, strict=True)
        if form is not None
    ]


def video_forms(tracks: Sequence[Track]) -> dict[int, PayloadForm]:
    """Return the forms, by track index, in which a video is the same in every container."""
    return {t.index: _VIDEO_FORMS[t.codec] for t in tracks if t.codec in _VIDEO_FORMS}


def encoded_streams(plan: Plan, result: MediaFile) -> list[EncodedStream]:
    """Return the tracks that the plan encodes, with their indexes in the result."""
    encoded, sources = dict(plan.encodes), {track.index: track for track in plan.before.tracks}
    found = []
    for track, made in zip(plan.after.tracks, result.tracks, strict=True):
        if track.index in encoded:
            origin = plan.origin(track.index)
            stream = EncodedStream(origin, made.index)
            found.append(_with_drop(stream, sources[origin], plan.video_encodes.get(track.index)))
    return found


def _with_drop(stream: EncodedStream, source: Track, how: VideoEncode | None) -> EncodedStream:
    if how is None:
        return stream
    if how.drop is None:
        return stream._replace(rate=how.film)
    if how.drop.step is None or how.film is not None:
        return stream._replace(rate=how.drop.rate)
    return stream if has_hidden_frames(source) else stream._replace(step=how.drop.step)


def has_hidden_frames(track: Track) -> bool:
    """Return whether a packet may show no frame, or only half of one."""
    return track.codec in HIDDEN_FRAMES or track.field_order is not None


def payload_forms(plan: Plan) -> dict[int, PayloadForm]:
    """Return how the packets of the copied tracks are compared, by index in the source."""
    return {track.index: form for track, form in _forms(plan) if form not in (None, "raw")}


def _forms(plan: Plan) -> Iterator[tuple[Track, PayloadForm | None]]:
    """Yield each track of the result with its form; ``None`` for one that is not copied."""
    before, after = container(plan.before.container), container(plan.after.container)
    sources = {track.index: track for track in plan.before.tracks}
    encoded, made = dict(plan.encodes), dict(plan.sources)
    for track in plan.after.tracks:
        source = sources.get(track.index)
        copied = (
            source is not None
            and track.index not in encoded
            and track.index not in made
            and track.codec != TIMECODE  # written again, from a tag
        )
        if not copied or source is None:
            yield track, None
        elif source.codec != track.codec and track.type == "subtitle":
            yield track, "words"  # it is converted
        else:
            yield track, _form(track, before, after)


def _form(track: Track, before: Container, after: Container) -> PayloadForm:
    """Return the form for a codec of which a muxer may change the packets by design."""
    if track.codec.startswith("pcm_"):
        return "stream"  # cut into packets anew by every muxer
    if track.codec in _TEXT_CODECS:
        return "text"
    other = before.name != after.name
    if track.codec == "hevc" or (track.codec == "h264" and (other or before.transport_stream)):
        return "nal"
    if track.codec == "mov_text":
        return "mov_text"
    if track.codec == "aac" and (before.transport_stream or after.transport_stream):
        return "adts"
    if track.codec == "vp9":
        return "vp9"  # frames that are not shown are packed with the next one
    return "raw"
