"""The argv of ffmpeg for a plan that rewrites a file, with what it copies copied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from vpo.media.containers import APPLE, MATROSKA, TIMECODE, container, is_debris, timed
from vpo.media.languages import alpha3
from vpo.media.model import Attachment, Track
from vpo.plan.evaluate import Plan
from vpo.tools import encoders, filters
from vpo.tools.audio_encoders import audio
from vpo.tools.encoders import Encoding

_UNTIMED = ("avi", "mpg")
_EVEN = ("avi",)
"""Containers that know no time of a picture but its number."""
_SUBTITLE_ENCODERS = {"subrip": "srt", "mov_text": "mov_text", "ass": "ass", "webvtt": "webvtt"}


def argv(
    program: str,
    plan: Plan,
    source: str,
    output: str,
    covers: Mapping[int, str],
    encodings: Mapping[int, Encoding] = MappingProxyType({}),
) -> list[str]:
    """Write ``output`` from ``source``.

    ``covers`` gives, for each cover picture that goes into a Matroska file, a file that holds it:
    ffmpeg would make a video track of a picture that it copies. ``encodings`` are, by index in the
    source, the video tracks that are encoded.
    """
    target = container(plan.after.container)
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "level+verbose", "-y"]
    command += ["-progress", "pipe:1", "-nostats"]
    if plan.before.container in _UNTIMED:
        # They do not store every presentation time; Matroska and MP4 cannot do without.
        command += ["-fflags", "+genpts"]
    for encoding in encodings.values():
        command += filters.device_options(encoding.encoder)
    command += [*_as_stored(encodings), "-i", source]
    mapped = [item for item in plan.after.attachments if item.index not in covers]
    tracks = [track for track in plan.after.tracks if track.codec != TIMECODE]
    command += _maps(plan, [*tracks, *mapped], encodings)
    # Without the last, what comes before the first key frame would be left out, without a word.
    command += ["-map_metadata", "0", "-map_chapters", "0", "-c", "copy", "-copyinkf"]
    for number, track in enumerate(tracks):
        command += _track(plan, number, track)
        if track.index in encodings:
            command += filters.mapped(encodings[track.index])[1]
            command += _times(number, target.name, encodings[track.index].time_base)
            command += encoders.video(encodings[track.index])
    command += _attached(mapped, len(tracks), covers, plan)
    command += _metadata(plan)
    if target.name in MATROSKA:
        # Otherwise the muxer marks a default track of each type by itself.
        command += ["-default_mode", "passthrough"]
    if target.name in ("mp4", "mov"):
        command += ["-movflags", f"+faststart{_movflags(plan)}"]
        # So the muxer calls the boxes of Dolby Vision and of spherical video, and FLAC until 6.1.
        flac = any(track.codec == "flac" for track in plan.after.tracks)
        command += ["-strict", "experimental" if flac else "unofficial"]
        if len(tracks) == len(plan.after.tracks) and _timecode(plan):
            # From a mere tag the muxer would make a timecode track.
            command += ["-write_tmcd", "0"]
    if plan.after.container == "m2ts":
        command += ["-mpegts_m2ts_mode", "1"]
    return [*command, "-max_muxing_queue_size", "4096", "-f", target.muxer, output]


def copied(plan: Plan, said: str, stored: Sequence[int] = ()) -> Iterator[str]:
    """From what ffmpeg says at its end: the copied tracks of which it did not write all it read.

    ``stored`` are the bytes of each track that are in the result, where the container tells: MP4's
    muxer takes E-AC-3 apart (``handle_eac3``), and drops what it does not understand behind its own
    count of what it wrote.
    """
    read = dict(_counts(said, "Input", "read"))
    written = dict(_counts(said, "Output", "muxed"))
    for number, track in enumerate(t for t in plan.after.tracks if t.codec != TIMECODE):
        encoded = track.index in dict(plan.encodes)
        old = next(t for t in plan.before.tracks if t.index == plan.origin(track.index))
        before, after = read.get(old.index), written.get(number)
        if encoded or track.codec != old.codec or before is None or after is None:
            continue
        # A frame that is not shown becomes part of the next one's packet: all bytes must be there.
        merged = track.codec == "vp9" and after.size >= before.size
        if after.packets < before.packets and not merged:
            yield f"{track}: {after.packets} of {before.packets} packets"
        elif track.codec == "eac3" and number < len(stored) and stored[number] < after.size:
            yield f"{track}: {stored[number]} of {after.size} bytes"


def _as_stored(encodings: Mapping[int, Encoding]) -> list[str]:
    """Pictures are encoded as they are stored, and what the container says of turning them is kept.

    ffmpeg would turn them.
    """
    return ["-noautorotate"] if encodings else []


def _times(number: int, target: str, time_base: str) -> list[str]:
    """Each picture at its own time. ffmpeg would put them on a grid of the mean frame rate."""
    if target in _EVEN:
        return []
    return [f"-fps_mode:{number}", "passthrough", f"-enc_time_base:{number}", time_base]


class _Count(NamedTuple):
    packets: int
    size: int


def _counts(said: str, side: str, verb: str) -> Iterator[tuple[int, _Count]]:
    line = rf"{side} stream #0:(\d+) \(\w+\): (\d+) packets {verb} \((\d+) bytes\)"
    for number, packets, size in re.findall(line, said):
        yield int(number), _Count(int(packets), int(size))


def first_pass(
    program: str, plan: Plan, source: str, encodings: Mapping[int, Encoding]
) -> list[str]:
    """Read the source for what the second pass has to know; nothing is written but that."""
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "warning", "-y"]
    command += ["-progress", "pipe:1", "-nostats"]
    if plan.before.container in _UNTIMED:
        command += ["-fflags", "+genpts"]
    command += [*_as_stored(encodings), "-i", source]
    alone = [replace(item, number=n) for n, item in enumerate(encodings.values())]
    for encoding in alone:
        maps, words = filters.mapped(encoding)
        command += [*maps, *words, *encoders.video(encoding)]
    return [*command, "-f", "null", "-"]


def _timecode(plan: Plan) -> bool:
    return bool(timed(plan.before)) or "timecode" in dict(plan.before.tags)


def _maps(
    plan: Plan, streams: Sequence[Track | Attachment], encodings: Mapping[int, Encoding]
) -> Iterator[str]:
    for stream in streams:
        if stream.index in encodings:
            yield from filters.mapped(encodings[stream.index])[0]
        else:
            yield from ("-map", f"0:{plan.origin(stream.index)}")


def _movflags(plan: Plan) -> str:
    """Apple's own tags are of another kind, and ffmpeg writes one kind or the other."""
    apple = plan.after.container == "mov" and any(t.startswith(APPLE) for t, _ in plan.after.tags)
    return "+use_metadata_tags" if apple else ""


def _track(plan: Plan, number: int, track: Track) -> list[str]:
    """All that the container can hold is said, so that nothing depends on what ffmpeg infers."""
    target = container(plan.after.container)
    origin = plan.origin(track.index)
    old = next(item for item in plan.before.tracks if item.index == origin)
    words: list[str] = []
    if track.index in plan.audio_encodes:
        words += audio(number, plan.audio_encodes[track.index], old)
    elif track.codec != old.codec and track.type == "subtitle":
        words += [f"-c:{number}", _SUBTITLE_ENCODERS[track.codec]]
    elif track.codec == old.codec == "vp9":
        # The muxers do so themselves, but behind the count by which ``copied`` finds losses.
        words += [f"-bsf:{number}", "vp9_superframe"]
    if target.languages:
        words += [f"-metadata:s:{number}", f"language={_language(plan, old, track)}"]
    if target.titles:
        words += [f"-metadata:s:{number}", f"title={track.title or ''}"]
    if target.flags:
        flags = sorted(track.dispositions & target.flags)
        words += [f"-disposition:{number}", "+".join(flags) or "0"]
    # Of this file these tags may be false, and Matroska would keep them.
    for name in sorted(tag for tag, _ in old.tags if is_debris(tag) and target.name in MATROSKA):
        words += [f"-metadata:s:{number}", f"{name}="]
    return words


def _language(plan: Plan, old: Track, new: Track) -> str:
    """As it is written, where the element that it is written in is the same one."""
    matroska = plan.after.container in MATROSKA
    same = plan.before.container in MATROSKA and matroska and not old.language_ietf
    if same and new.language == old.language:
        return new.language or "und"
    return alpha3(new.language, "B" if matroska else "T")


def _attached(
    mapped: list[Attachment], first: int, covers: Mapping[int, str], plan: Plan
) -> list[str]:
    words: list[str] = []
    for number, item in enumerate(mapped, first):
        if item.cover:
            words += [f"-disposition:{number}", "attached_pic"]
    carried = len([item for item in mapped if not item.cover])
    extra = [item for item in plan.after.attachments if item.index in covers]
    for number, item in enumerate(extra, carried):
        name = item.filename or f"cover.{'png' if item.codec == 'png' else 'jpg'}"
        words += ["-attach", covers[item.index]]
        words += [f"-metadata:s:t:{number}", f"mimetype={item.mime_type or 'image/jpeg'}"]
        words += [f"-metadata:s:t:{number}", f"filename={name}"]
    return words


def _metadata(plan: Plan) -> list[str]:
    """The tags that change. A tool's own Matroska would keep, as if they were of the new file."""
    words: list[str] = []
    for change in plan.changes:
        if change.kind.startswith("tag:"):
            words += ["-metadata", f"{change.kind[4:]}={change.after or ''}"]
    if plan.after.container in MATROSKA:
        for name, value in plan.after.tags:
            if name == "timecode":
                # ffmpeg 9 copies that of an MP4 to the video track alone.
                words += ["-metadata", f"{name}={value}"]
            if is_debris(name) and name != "encoder":
                words += ["-metadata", f"{name}="]
    return words
