"""The features of a file that ffmpeg or mkvmerge would lose in the same container.

Where the container changes, the policy's operation reports losses.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from vpo.media.containers import (
    container,
    holds_tag,
    unsupported_side_data,
    user_tags,
    without_header,
)
from vpo.media.languages import is_language, quicktime
from vpo.media.model import SIDE_DATA, MediaFile, Track
from vpo.media.muxers import can_mux
from vpo.plan.model import Plan
from vpo.policy.codec_conversion import is_unreadable


def mkvmerge_loses(track: Track) -> bool:
    """Return whether mkvmerge would lose a feature of a track that ffmpeg keeps.

    These are transparency, encryption, and language codes that are not valid (``jp``).
    """
    lost = track.encrypted or "alpha" in dict(track.side_data)
    return lost or not is_language(track.language or "und")


_TIMED_ANEW = frozenset(
    "aac adpcm_g722 adpcm_g726 adpcm_ima_wav adpcm_ms adpcm_yamaha dts eac3 flac speex"  # noqa: SIM905
    " vorbis".split()
)
"""Audio whose packets ffmpeg writes into AVI with other times than those that it has read of it.
Measured with ffmpeg 5.1, for every codec that it encodes."""
_TAKEN_FOR_MACINTOSH = 4
"""Bytes of the longest title in MP4 and QuickTime that ffmpeg does not read as UTF-8."""
_NO_TEXT = "\ufffd"
"""What stands for bytes that are no valid UTF-8."""


def has_broken_texts(media: MediaFile) -> bool:
    """Return whether tags or names are no valid UTF-8; mkvmerge cuts them off, ffmpeg does not."""
    tags = chain(media.tags, *(track.tags for track in media.tracks))
    names = (*(track.title for track in media.tracks), *(c.title for c in media.chapters))
    return any(_NO_TEXT in text for text in (*chain(*tags), *names) if text)


def refused_losses(plan: Plan) -> Iterator[str]:
    """Yield the losses that are a reason to refuse the plan, as display text."""
    sources = {track.index: track for track in plan.before.tracks}
    encoded = dict(plan.encodes)
    for track in plan.after.tracks:
        source = sources.get(plan.origin(track.index))
        if source is not None and source.encrypted:
            yield f"the encryption data of {track}, without which no key opens it"
        elif (
            track.type != "data"  # the plan has left out those that cannot be carried
            and track.index not in encoded
            and not can_mux(plan.after.container, track.codec)
        ):
            yield f"{track}, which it cannot write into {plan.after.container}"
    yield from _unwritable_sound(plan)
    yield from _unwritable_languages(plan.after)
    yield from _unreadable_titles(plan.after)
    if plan.before.container != plan.after.container:
        return
    yield from plan.before.fragile
    for track in plan.after.tracks:
        if track.index in sources and is_unreadable(track):
            yield f"{track}, whose codec {track.codec_tag} it does not support"
    for track in plan.after.tracks:
        for fact in unsupported_side_data(track, plan.after.container):
            yield f"{SIDE_DATA[fact].removeprefix('its ')} of {track}"


def _unreadable_titles(media: MediaFile) -> Iterator[str]:
    """Yield titles that ffmpeg, and what is made of it, takes for text of old Macintoshes."""
    for track in media.tracks if container(media.container).mp4_family else ():
        title = track.title or ""
        if not title.isascii() and len(title.encode()) <= _TAKEN_FOR_MACINTOSH:
            yield f"the title of {track}, which is too short for it in {media.container}"


def _unwritable_sound(plan: Plan) -> Iterator[str]:
    sources = {track.index: track for track in plan.before.tracks}
    name = plan.after.container
    untimed = plan.before.container == name and container(name).constant_frame_rate
    for track in plan.after.of("audio"):
        if _begins_too_late(sources[plan.origin(track.index)], plan.before):
            yield f"{track}, which begins too late in the file to be recognized"
        elif untimed and track.codec in _TIMED_ANEW and track.index not in plan.audio_encodes:
            yield f"the times of {track}, which {name} does not store; use mkv"


def _begins_too_late(track: Track, media: MediaFile) -> bool:
    """Return whether a track has no packets in what is read of a file to know its format."""
    late = without_header(media.container) and track.sample_rate is None
    return late and track.type == "audio"


def _unwritable_languages(media: MediaFile) -> Iterator[str]:
    kind = container(media.container)
    if not kind.mp4_family or not kind.languages or kind.three_letter_languages:
        return
    for track in media.tracks:
        if track.type != "data" and quicktime(track.language) is None:
            yield f"the language of {track}, for which QuickTime has no number"


def warned_losses(plan: Plan) -> Iterator[str]:
    """Yield the losses that are worth a warning, as display text."""
    name = plan.after.container
    for what in plan.before.outside:
        yield f"ffmpeg does not keep {what}"
    lost = [tag for tag in user_tags(plan.after.tags) if not holds_tag(name, tag)]
    for track in plan.after.tracks:
        if container(name).track_tags and "title" in dict(track.tags):
            yield f"ffmpeg keeps the name of {track}, not its tag of that kind (TITLE)"
    if lost:
        yield f"ffmpeg does not keep these tags of {name} files: {', '.join(lost)}"
