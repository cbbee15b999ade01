"""Probing: a path to a ``MediaFile``, with PyAV, in this process; a few milliseconds a file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vpo.errors import ProbeError
from vpo.media.containers import container
from vpo.media.model import Chapter, MediaFile
from vpo.probe import h264, hdr, mp4, streams
from vpo.probe.container_facts import ContainerFacts, read_container_facts, read_matroska_facts
from vpo.probe.media_input import DEMUXERS, MediaInput, open_container, open_input
from vpo.probe.packets import end_times_of
from vpo.probe.stated_duration import stated_duration

if TYPE_CHECKING:
    import av.container

_HEAD = 8


def probe_file(path: str, frames: bool = False, decode: bool = True) -> MediaFile:
    """Return what a file is; ``ProbeError`` if it cannot be read as a video container.

    With ``frames``, the first frame of every video track that may be HDR is decoded for its HDR
    metadata: some milliseconds more. Without ``decode``, ffmpeg decodes nothing to find out what
    the headers do not say, such as the pixel format of H.264: tens of milliseconds less for large
    frames.
    """
    with open_input(path) as file:
        facts = read_matroska_facts(file.fd)
        if decode and _headers_may_suffice(file.fd, facts):
            with open_container(path, file.fd, decode=False) as source:
                if _headers_suffice(source):
                    return _media_file(file, source, facts, frames)
        with open_container(path, file.fd, decode) as source:
            return _media_file(file, source, facts, frames)


def headers_and_end_times(path: str) -> tuple[MediaFile, dict[int, float]]:
    """Return ``probe_file`` without decoding, and the end times of all audio and video.

    The file is opened once.
    """
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        media = _media_file(file, source, read_matroska_facts(file.fd))
        return media, end_times_of(source, media.duration, media.audio_video_indexes)


def _media_file(
    file: MediaInput,
    source: av.container.InputContainer,
    matroska_facts: ContainerFacts | None,
    frames: bool = False,
) -> MediaFile:
    name = DEMUXERS.get(source.format.name)
    if name is None:
        raise ProbeError(f"not a video container that vpo knows ({source.format.name})")
    facts = matroska_facts if container(name).matroska else None
    media = _assembled(file, source, facts or read_container_facts(file.fd, name))
    return hdr.read_hdr_metadata(media, source) if frames else media


def _headers_may_suffice(fd: int, matroska_facts: ContainerFacts | None) -> bool:
    """Return whether the file has H.264 with its parameters in the container's header."""
    if matroska_facts is not None:
        return any(entry.codec_id == "V_MPEG4/ISO/AVC" for entry in matroska_facts.entries)
    try:
        is_mp4 = os.pread(fd, _HEAD, 0)[4:] == b"ftyp"
        return is_mp4 and any(track.tag == "avc1" for track in mp4.read_tracks(fd))
    except OSError:
        return False


def _headers_suffice(source: av.container.InputContainer) -> bool:
    """Return whether the format of all frames and all profiles are known without decoding."""
    media = [stream for stream in source.streams if stream.type in ("video", "audio")]
    profiles = all(stream.profile or not stream.profiles for stream in media)
    return profiles and all(
        stream.codec_context is not None
        and stream.codec_context.name == "h264"
        and h264.frame_format(stream.codec_context.extradata) is not None
        for stream in source.streams.video
    )


def _assembled(
    file: MediaInput, source: av.container.InputContainer, facts: ContainerFacts
) -> MediaFile:
    tags = {key.lower(): value for key, value in source.metadata.items()}
    mp4_family = container(facts.container).mp4_family
    # QuickTime is older than the box that names a brand.
    if mp4_family and tags.get("major_brand", "qt").startswith("qt"):
        facts = replace(facts, container="mov")
    if facts.title_known:
        tags["title"] = facts.title or ""
    found = list(source.streams)
    real = [stream for stream in found if streams.is_track(stream, facts)]
    if not any(stream.type in ("video", "audio", "subtitle") for stream in real):
        raise ProbeError(
            "it has no video, audio or subtitle track", "download or copy it again, or remove it"
        )
    duration = stated_duration(source, file.fd)
    return MediaFile(
        path=file.path,
        container=facts.container,
        size=file.stat.st_size,
        mtime_ns=file.stat.st_mtime_ns,
        duration=duration,
        tracks=streams.without_false_rates(
            streams.to_tracks(real, facts), file.stat.st_size, duration
        ),
        attachments=streams.to_attachments(
            [stream for stream in found if stream.id not in facts.chapter_pictures]
        ),
        chapters=tuple(_chapter(item) for item in source.chapters()),
        tags=tuple(sorted((key, value) for key, value in tags.items() if value)),
        fragile=facts.fragile,
        outside=facts.outside,
    )


def _chapter(item: Any) -> Chapter:
    base = float(item["time_base"])
    return Chapter(
        start=round(item["start"] * base, 3),
        end=round(item["end"] * base, 3),
        title=item["metadata"].get("title"),
    )
