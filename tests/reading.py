"""What is in a media file, read without any of vpo's own code.

Facts come from ffprobe and, for Matroska, from mkvmerge as well; where both state one they must
agree. What vpo believes about a file is never taken as proof of what it did to it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

PathLike = str | bytes | Path

_FORMATS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "mkv", "mpegts": "ts"}
_MKVMERGE_FLAGS = {
    "default": "default_track",
    "forced": "forced_track",
    "comment": "flag_commentary",
    "original": "flag_original",
    "hearing_impaired": "flag_hearing_impaired",
    "visual_impaired": "flag_visual_impaired",
}


@dataclass(frozen=True)
class TrackReading:
    """One track. ``language`` is ``und`` where the file states none (so is Matroska's default
    taken for stated: readers say ``eng``); ``ietf`` and ``matroska_id`` are mkvmerge's."""

    index: int
    type: str
    codec: str
    language: str
    title: str | None
    flags: frozenset[str]
    channels: int | None
    tags: dict[str, str]
    ietf: str | None = None
    matroska_id: int | None = None
    matroska_uid: int | None = None

    @property
    def default(self) -> bool:
        return "default" in self.flags

    @property
    def forced(self) -> bool:
        return "forced" in self.flags

    @property
    def commentary(self) -> bool:
        """The container's own flag; titles are for the policy to judge."""
        return "comment" in self.flags


@dataclass(frozen=True)
class AttachmentReading:
    """A carried file; a cover picture of an MP4 has neither name nor size here."""

    name: str | None
    mime: str | None
    size: int | None


@dataclass(frozen=True)
class ChapterReading:
    """A chapter, in seconds."""

    start: float
    end: float
    title: str | None


@dataclass(frozen=True)
class Reading:
    """A whole file. ``duration`` is ``None`` where it does not tell; tag names are lower case."""

    path: Path
    container: str
    duration: float | None
    size: int
    tracks: tuple[TrackReading, ...]
    attachments: tuple[AttachmentReading, ...]
    chapters: tuple[ChapterReading, ...]
    tags: dict[str, str]

    def of(self, kind: str) -> tuple[TrackReading, ...]:
        """The tracks of one type, in order."""
        return tuple(track for track in self.tracks if track.type == kind)

    @cached_property
    def summary(self) -> tuple[str, ...]:
        """A line for each track, short to compare: ``audio aac jpn default "Title"``."""
        return tuple(_line(track) for track in self.tracks)


def _line(track: TrackReading) -> str:
    title = [f'"{track.title}"'] if track.title else []
    return " ".join([track.type, track.codec, track.language, *sorted(track.flags), *title])


_Found = TypeVar("_Found")
_MOST = 1 << 24
"""Bytes of the largest file whose content is hashed, to read the same content once only."""
_known: dict[object, Any] = {}


def _once(look: Callable[..., _Found], path: PathLike, *how: Sequence[str]) -> _Found:
    """Call the function; or return what it found in a file of the same content and suffix."""
    plain = Path(os.fsdecode(path))
    if not plain.is_file() or plain.stat().st_size > _MOST:
        return look(path, *how)
    digest = hashlib.sha256(plain.read_bytes()).digest()
    key = (look, digest, plain.suffix, *map(tuple, how))
    if key not in _known:
        _known[key] = look(path, *how)
    found: _Found = _known[key]
    return found


def read(path: PathLike) -> Reading:
    """Read the file; ``subprocess.CalledProcessError`` if ffprobe cannot."""
    return replace(_once(_read, path), path=Path(os.fsdecode(path)))


def _read(path: PathLike) -> Reading:
    shows = ("-show_streams", "-show_format", "-show_chapters")
    data = json.loads(_output("ffprobe", "-v", "error", *shows, "-of", "json", _url(path)))
    container = _container(path, data["format"])
    names = _mp4_names(Path(os.fsdecode(path))) if container in ("mp4", "mov") else {}
    tracks = tuple(_track(stream, names) for stream in data["streams"] if _is_track(stream))
    attachments = tuple(_attachment(stream) for stream in data["streams"] if _is_attachment(stream))
    if container in ("mkv", "webm"):
        tracks, attachments = _with_mkvmerge(path, tracks, attachments)
    duration = data["format"].get("duration")
    return Reading(
        path=Path(os.fsdecode(path)),
        container=container,
        duration=float(duration) if duration else None,
        size=int(data["format"]["size"]),
        tracks=tracks,
        attachments=attachments,
        chapters=tuple(_chapter(item) for item in data["chapters"]),
        tags=_tags(data["format"]),
    )


def identify(path: PathLike) -> dict[str, Any]:
    """``mkvmerge -J``, as it is."""
    return copy.deepcopy(_once(_identify, path))


def _identify(path: PathLike) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_output("mkvmerge", "-J", os.path.abspath(path)))
    return answer


def stream_hashes(path: PathLike, maps: Sequence[str] = ("0",)) -> tuple[str, ...]:
    """``type:md5`` of every stream's payload, in order: equal means carried unchanged.

    The same stream has other bytes in another container for some codecs (H.264, AAC, subtitles);
    compare within one container, or decoded with ``frame_hashes``.
    """
    # Without the last, what comes before the first key frame would not be looked at.
    return _once(_hashes, path, maps, ("-c", "copy", "-copy_unknown", "-copyinkf"))


def frame_hashes(path: PathLike, maps: Sequence[str] = ("0:v", "0:a?")) -> tuple[str, ...]:
    """``type:md5`` of every stream as decoded, in order."""
    return _once(_hashes, path, maps, ())


def _hashes(path: PathLike, maps: Sequence[str], how: Sequence[str]) -> tuple[str, ...]:
    mapped: list[str] = [arg for name in maps for arg in ("-map", name)]
    out = ("-f", "streamhash", "-hash", "md5", "-")
    start = (_copier() if how else "ffmpeg", "-nostdin", "-v", "error", "-i")
    output = _output(*start, _url(path), *mapped, *how, *out)
    rows = (line.split(",", 2) for line in output.decode().splitlines())
    return tuple(f"{kind}:{digest.removeprefix('MD5=')}" for _, kind, digest in rows)


@cache
def _copier() -> str:
    """The ffmpeg that copies packets: that of pip, if any, which starts in a third of the time."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return "ffmpeg"
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def decodes(path: PathLike) -> list[str]:
    """What ffmpeg complains about while decoding the whole file; empty if all is well."""
    maps = ("-map", "0:v?", "-map", "0:a?")
    argv = ("ffmpeg", "-nostdin", "-v", "error", "-i", _url(path), *maps, "-f", "null", "-")
    done = subprocess.run(argv, capture_output=True, check=False)
    lines = done.stderr.decode(errors="replace").splitlines()
    return lines or ([f"ffmpeg ended with {done.returncode}"] if done.returncode else [])


def _output(*argv: str | bytes) -> bytes:
    return subprocess.run(argv, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout


def _url(path: PathLike) -> bytes:
    """Absolute and with the protocol, so that no name is an option or a protocol of its own."""
    return b"file:" + os.path.abspath(os.fsencode(path))


def _container(path: PathLike, data: dict[str, Any]) -> str:
    name = _FORMATS.get(data["format_name"], data["format_name"])
    if name == "mkv":
        with Path(os.fsdecode(path)).open("rb") as file:
            return "webm" if b"webm" in file.read(64) else "mkv"
    if name == "mp4" and _tags(data).get("major_brand", "").startswith("qt"):
        return "mov"
    return str(name)


def _is_attachment(stream: dict[str, Any]) -> bool:
    return stream["codec_type"] == "attachment" or bool(stream["disposition"]["attached_pic"])


def _is_track(stream: dict[str, Any]) -> bool:
    """Not the text track that MP4 chapters are kept in; they are read as chapters."""
    return not _is_attachment(stream) and stream.get("codec_name") != "bin_data"


def _tags(item: dict[str, Any]) -> dict[str, str]:
    return {key.lower(): value for key, value in item.get("tags", {}).items()}


def _mp4_names(path: Path) -> dict[int, str]:
    """The tracks' names by stream index: ``moov/trak/udta/name``, which ffprobe 5 does not read."""
    data = path.read_bytes()
    tracks = [trak for moov in _boxes(data, b"moov") for trak in _boxes(moov, b"trak")]
    return {
        number: name.rstrip(b"\0").decode()
        for number, track in enumerate(tracks)
        for udta in _boxes(track, b"udta")
        for name in _boxes(udta, b"name")
    }


def _boxes(data: bytes, kind: bytes) -> list[bytes]:
    """The contents of the boxes of one kind that are directly in the data."""
    found: list[bytes] = []
    at = 0
    while at + 8 <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        length = length or len(data) - at
        if data[at + 4 : at + 8] == kind:
            found.append(data[at + head : at + length])
        at += length
    return found


def _track(stream: dict[str, Any], names: dict[int, str]) -> TrackReading:
    tags = _tags(stream)
    return TrackReading(
        index=stream["index"],
        type=stream["codec_type"],
        codec=stream.get("codec_name", "unknown"),
        language=tags.get("language", "und"),
        title=tags.get("title") or tags.get("name") or names.get(stream["index"]),
        flags=frozenset(name for name, value in stream["disposition"].items() if value),
        channels=stream.get("channels"),
        tags=tags,
    )


def _attachment(stream: dict[str, Any]) -> AttachmentReading:
    tags = _tags(stream)
    codec = stream.get("codec_name")
    kind = {"png": "image/png", "mjpeg": "image/jpeg"}.get(codec or "")
    return AttachmentReading(tags.get("filename"), tags.get("mimetype") or kind, None)


def _chapter(item: dict[str, Any]) -> ChapterReading:
    start, end = float(item["start_time"]), float(item["end_time"])
    return ChapterReading(round(start, 3), round(end, 3), _tags(item).get("title"))


def _with_mkvmerge(
    path: PathLike, tracks: tuple[TrackReading, ...], attachments: tuple[AttachmentReading, ...]
) -> tuple[tuple[TrackReading, ...], tuple[AttachmentReading, ...]]:
    answer = identify(path)
    seen = answer["tracks"]
    assert len(seen) == len(tracks), "ffprobe and mkvmerge count the tracks differently"
    checked = tuple(_checked(track, item) for track, item in zip(tracks, seen, strict=True))
    carried = answer["attachments"]
    assert [a.name for a in attachments] == [item["file_name"] for item in carried]
    return checked, tuple(
        AttachmentReading(item["file_name"], item["content_type"], item["size"]) for item in carried
    )


def _checked(track: TrackReading, item: dict[str, Any]) -> TrackReading:
    """The track with what only mkvmerge knows; the rest must be the same."""
    facts = item["properties"]
    flags = frozenset(name for name, key in _MKVMERGE_FLAGS.items() if facts.get(key))
    ours = (track.language, track.title, track.flags & _MKVMERGE_FLAGS.keys())
    theirs = (facts.get("language", "und"), facts.get("track_name"), flags)
    assert ours == theirs, f"track {track.index}: ffprobe says {ours}, mkvmerge {theirs}"
    return TrackReading(
        **{
            **vars(track),
            "ietf": facts.get("language_ietf"),
            "matroska_id": item["id"],
            "matroska_uid": facts.get("uid"),
        }
    )
