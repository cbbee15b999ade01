"""The argv of ffmpeg for a plan that rewrites a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from vpo.media.containers import (
    APPLE_TAG_PREFIX,
    FAR_AHEAD,
    MOST_STREAMS,
    TIMECODE,
    Container,
    container,
    is_tool_tag,
    with_timecode,
    without_header,
)
from vpo.media.languages import alpha3, quicktime
from vpo.media.model import Attachment, Track
from vpo.plan.model import Plan
from vpo.policy.change_kind import ChangeKind
from vpo.policy.loudness import TAG as LOUDNESS_TAG
from vpo.tools import filters, video_options
from vpo.tools.audio_options import audio
from vpo.tools.loudness import AudioLevel
from vpo.tools.video_options import Encoding

SUBTITLE_ENCODERS = {"subrip": "srt", "mov_text": "mov_text", "ass": "ass", "webvtt": "webvtt"}

_LIMITS = ("-protocol_whitelist", "file", "-max_streams", str(MOST_STREAMS))


class SideFiles(NamedTuple):
    """Temporary files that ffmpeg reads besides the source, by index in the source.

    ``covers`` has, for each cover that goes into a Matroska file, a file that holds it: ffmpeg
    would make a video track of a cover that it copies. ``substitutes`` are read in place of a track
    that it does not read right, or that is made by vpo; ``formats`` are ffmpeg's names of their
    formats where these are neither Matroska nor, of subtitles, WebVTT; ``starts`` are the times of
    what ffmpeg would begin at zero, in milliseconds.
    """

    covers: Mapping[int, str] = MappingProxyType({})
    substitutes: Mapping[int, str] = MappingProxyType({})
    formats: Mapping[int, str] = MappingProxyType({})
    starts: Mapping[int, int] = MappingProxyType({})


NO_FILES = SideFiles()


@dataclass(frozen=True)
class FfmpegJob:
    """A plan that ffmpeg carries out, with what it reads and writes.

    ``encodings`` are, by index in the source, the video tracks that are encoded; ``levels`` what
    was measured of the audio that gets a loudness, by index in the plan.
    """

    plan: Plan
    source: str
    output: str
    files: SideFiles = NO_FILES
    encodings: Mapping[int, Encoding] = field(default_factory=dict)
    levels: Mapping[int, AudioLevel] = field(default_factory=dict)


def argv(program: str, job: FfmpegJob) -> list[str]:
    """Return the command that writes the output from the source."""
    plan, covers = job.plan, job.files.covers
    target = container(plan.after.container)
    mapped = [item for item in plan.after.attachments if item.index not in covers]
    tracks = [track for track in plan.after.tracks if track.codec != TIMECODE]
    command = [*_start(program, "level+verbose"), *_input(job)]
    command += _maps(job, [*tracks, *mapped])
    # Without -copyinkf, ffmpeg silently drops what comes before the first key frame.
    command += ["-map_metadata", "0", "-map_chapters", "0", "-c", "copy", "-copyinkf"]
    for number, track in enumerate(tracks):
        command += _track(job, number, track)
        if track.index in job.encodings:
            command += _encoded(number, target, job.encodings[track.index])
    command += _attached(mapped, len(tracks), covers, plan)
    command += _metadata(plan)
    command += target.muxer_options
    if target.mp4_family:
        command += _mp4(plan, tracks)
    return [*command, "-max_muxing_queue_size", "4096", "-f", target.muxer, job.output]


def first_pass(program: str, job: FfmpegJob) -> list[str]:
    """Return the command that writes the statistics for the second pass, and nothing else."""
    plan, target = job.plan, container(job.plan.after.container)
    # ffmpeg names the statistics by the number of the stream, which must be that of the second.
    last = max(encoding.number for encoding in job.encodings.values())
    command = [*_start(program, "warning"), *_input(job)]
    command += [*_maps(job, plan.after.tracks[: last + 1]), "-c", "copy"]
    for encoding in job.encodings.values():
        command += _encoded(encoding.number, target, encoding)
    return [*command, "-max_muxing_queue_size", "4096", "-f", "null", "-"]


def _start(program: str, level: str) -> list[str]:
    command = [program, "-hide_banner", "-nostdin", "-loglevel", level, "-y"]
    return [*command, "-progress", "pipe:1", "-nostats"]


def _input(job: FfmpegJob) -> list[str]:
    arguments: list[str] = []
    if container(job.plan.before.container).lacks_timestamps:
        # They do not store every presentation time; Matroska and MP4 require them.
        arguments += ["-fflags", "+genpts"]
    for encoding in job.encodings.values():
        arguments += encoding.encoder.device_options
    arguments += _as_stored(job.encodings)
    arguments += [*input_options(job.plan.before.container), "-i", job.source]
    for index, path in job.files.substitutes.items():
        subtitle = any(track.index == index for track in job.plan.before.of("subtitle"))
        form = job.files.formats.get(index, "webvtt" if subtitle else "matroska")
        if (start := job.files.starts.get(index)) is not None:
            arguments += ["-itsoffset", f"{start}ms"]
        arguments += [*_LIMITS, "-f", form, "-i", path]
    return arguments


def input_options(name: str) -> list[str]:
    """Return the options with which ffmpeg reads one file, as the container of that name.

    Left to itself, it may take for a playlist what was probed as a video, and read other files.
    """
    kind = container(name)
    limits = list(_LIMITS)
    if kind.transport_stream:
        limits += ["-fix_teletext_pts", "0"]  # as the probe reads them
    if without_header(name):
        for option, value in FAR_AHEAD.items():
            limits += [f"-{option}", value]
    return [*limits, "-f", kind.demuxer or kind.muxer]


def _encoded(number: int, target: Container, encoding: Encoding) -> list[str]:
    arguments = filters.mapped(encoding)[1]
    arguments += _times(number, target, encoding.time_base)
    return arguments + video_options.video(encoding)


def _mp4(plan: Plan, tracks: Sequence[Track]) -> list[str]:
    """Return the options of the MP4 muxer for the boxes that the result needs."""
    arguments = ["-movflags", f"+faststart{_movflags(plan)}"]
    # The muxer calls Dolby Vision and spherical video unofficial, FLAC and TrueHD experimental up
    # to 6.1.
    new = any(track.codec in ("flac", "truehd") for track in plan.after.tracks)
    arguments += ["-strict", "experimental" if new else "unofficial"]
    if len(tracks) == len(plan.after.tracks) and _timecode(plan):
        # From a mere tag the muxer would make a timecode track.
        arguments += ["-write_tmcd", "0"]
    return arguments


def _as_stored(encodings: Mapping[int, Encoding]) -> list[str]:
    """Keep frames in the orientation in which they are stored; the container's rotation is kept.

    ffmpeg would rotate them.
    """
    return ["-noautorotate"] if encodings else []


def _times(number: int, target: Container, time_base: str) -> list[str]:
    """Give each frame its own time. ffmpeg would put them on a grid of the mean frame rate.

    For a container without times it does so in both passes, whatever the first writes.
    """
    if target.constant_frame_rate:
        return [f"-fps_mode:{number}", "vfr"]
    return [f"-fps_mode:{number}", "passthrough", f"-enc_time_base:{number}", time_base]


def _timecode(plan: Plan) -> bool:
    return bool(with_timecode(plan.before)) or "timecode" in dict(plan.before.tags)


def _maps(job: FfmpegJob, streams: Sequence[Track | Attachment]) -> Iterator[str]:
    names = {index: f"{number}:0" for number, index in enumerate(job.files.substitutes, 1)}
    for stream in streams:
        name = names.get(stream.index, f"0:{job.plan.origin(stream.index)}")
        if stream.index in job.encodings:
            yield from filters.mapped(job.encodings[stream.index], name)[0]
        else:
            yield from ("-map", name)


def _movflags(plan: Plan) -> str:
    """Ask for Apple's tags where there are some; ffmpeg writes one kind of tags or the other."""
    apple = container(plan.after.container).apple_tags and any(
        t.startswith(APPLE_TAG_PREFIX) for t, _ in plan.after.tags
    )
    return "+use_metadata_tags" if apple else ""


def _track(job: FfmpegJob, number: int, track: Track) -> list[str]:
    """State all that the container can hold, so that nothing depends on what ffmpeg infers."""
    plan = job.plan
    target = container(plan.after.container)
    old = plan.read_as(track)
    arguments: list[str] = []
    if track.index in plan.audio_encodes:
        how = plan.audio_encodes[track.index]
        arguments += audio(number, how, old, job.levels.get(track.index))
    elif track.codec != old.codec and track.type == "subtitle":
        arguments += [f"-c:{number}", SUBTITLE_ENCODERS[track.codec]]
    elif track.codec == old.codec == "vp9":
        # The muxers do so themselves, but behind the count by which ``lost_packets`` finds losses.
        arguments += [f"-bsf:{number}", "vp9_superframe"]
    if track.codec == old.codec == "hevc" and target.hevc_tag and not _has_own_name(old):
        arguments += [f"-tag:{number}", target.hevc_tag]
    if target.languages:
        arguments += [f"-metadata:s:{number}", f"language={_language(plan, old, track)}"]
    if target.titles:
        arguments += [f"-metadata:s:{number}", f"title={track.title or ''}"]
    if target.flags:
        flags = sorted(track.dispositions & target.flags)
        arguments += [f"-disposition:{number}", "+".join(flags) or "0"]
    if target.track_tags:
        arguments += _track_tags(number, old, track)
    return arguments


def _track_tags(number: int, old: Track, new: Track) -> Iterator[str]:
    """Yield the tags that change, and none for those of tools.

    Of this file these may be false, and Matroska would keep them.
    """
    before, after = dict(old.tags), dict(new.tags)
    for name in sorted(before.keys() | after.keys()):
        if is_tool_tag(name):
            yield from (f"-metadata:s:{number}", f"{name}=")
        elif name == LOUDNESS_TAG and before.get(name) != after.get(name):
            yield from (f"-metadata:s:{number}", f"{name}={after.get(name, '')}")


def _has_own_name(track: Track) -> bool:
    """Return whether the name of its codec says more: Dolby Vision (``dvh1``)."""
    return (track.codec_tag or "").startswith("dv")


def _language(plan: Plan, old: Track, new: Track) -> str:
    """Return the language unchanged where the same element holds it, else as three letters."""
    matroska = container(plan.after.container).matroska
    same = container(plan.before.container).matroska and matroska and not old.language_ietf
    if same and new.language == old.language:
        return new.language or "und"
    target = container(plan.after.container)
    if target.mp4_family and not target.three_letter_languages:
        return quicktime(new.language) or "und"
    return alpha3(new.language, "B" if matroska else "T")


def _attached(
    mapped: list[Attachment], first: int, covers: Mapping[int, str], plan: Plan
) -> list[str]:
    arguments: list[str] = []
    for number, item in enumerate(mapped, first):
        if item.cover:
            arguments += [f"-disposition:{number}", "attached_pic"]
    carried = len([item for item in mapped if not item.cover])
    extra = [item for item in plan.after.attachments if item.index in covers]
    for number, item in enumerate(extra, carried):
        name = item.filename or f"cover.{'png' if item.codec == 'png' else 'jpg'}"
        arguments += ["-attach", covers[item.index]]
        arguments += [f"-metadata:s:t:{number}", f"mimetype={item.mime_type or 'image/jpeg'}"]
        arguments += [f"-metadata:s:t:{number}", f"filename={name}"]
    return arguments


def _metadata(plan: Plan) -> list[str]:
    """Return the changed tags, and remove tags of tools, which Matroska would keep."""
    arguments: list[str] = []
    for change in plan.changes:
        if change.kind is ChangeKind.TAG:
            arguments += ["-metadata", f"{change.fact.name}={change.after or ''}"]
    if container(plan.after.container).matroska:
        for name, value in plan.after.tags:
            if name == "timecode":
                # ffmpeg 9 copies that of an MP4 to the video track alone.
                arguments += ["-metadata", f"{name}={value}"]
            if is_tool_tag(name) and name != "encoder":
                arguments += ["-metadata", f"{name}="]
    return arguments
