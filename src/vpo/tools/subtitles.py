"""The argv of the tools that write subtitle tracks into files of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vpo.media.containers import container
from vpo.tools.ffmpeg import SUBTITLE_ENCODERS, input_options
from vpo.tools.process import Listener

FORMATS = {
    "subrip": "srt",
    "mov_text": "srt",
    "text": "srt",
    "ass": "ass",
    "webvtt": "webvtt",
    "hdmv_pgs_subtitle": "sup",
    "dvd_subtitle": "vobsub",
}
"""FFmpeg's names of the formats of files, by the codec of the track that they hold."""
TEXTS = frozenset({"subrip", "ass", "webvtt"})
"""The codecs of files that are text."""
_CODECS = {"mov_text": "subrip", "text": "subrip"}
"""The codecs that tracks have in a file of their own, where they have another."""


def codec_in_file(codec: str) -> str:
    """Return the codec that a track has in a file of its own."""
    return _CODECS.get(codec, codec)


class TrackFile(NamedTuple):
    """A file that a track is written to.

    ``codec`` is that of the track in the file, ``read`` that in which it is read: from the stream
    ``stream`` of the film, or from a file that ``made`` names.
    """

    path: str
    codec: str
    read: str
    stream: int
    made: str | None = None


def argv(program: str, name: str, source: str, files: Sequence[TrackFile]) -> list[str]:
    """Return the command with which ffmpeg writes tracks of a film into files, in one reading.

    ``name`` is that of the film's container. In Matroska the times are those that players show;
    elsewhere they count from the start of the film.
    """
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "level+warning", "-y"]
    command += ["-progress", "pipe:1", "-nostats"]
    if container(name).matroska:
        command.append("-copyts")
    command += [*input_options(name), "-i", source]
    inputs: dict[str, int] = {}
    for found in files:
        if found.made is not None and found.made not in inputs:
            inputs[found.made] = len(inputs) + 1
            command += ["-f", FORMATS[found.read], "-i", found.made]
    for found in files:
        at = f"0:{found.stream}" if found.made is None else f"{inputs[found.made]}:0"
        wanted = codec_in_file(found.codec)
        codec = "copy" if found.read == wanted else SUBTITLE_ENCODERS[wanted]
        command += ["-map", at, "-c", codec, "-f", FORMATS[wanted], found.path]
    return command


def captions_argv(program: str, source: str, output: str) -> list[str]:
    """Return the command that writes the captions of a film's video as SubRip.

    ``source`` is a path without any character that has a meaning to ffmpeg's filters.
    """
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "level+warning", "-y"]
    command += ["-progress", "pipe:1", "-nostats", "-copyts"]
    command += ["-f", "lavfi", "-i", f"movie={source}[out0+subcc]"]
    return [*command, "-map", "0:s", "-c", "srt", "-f", "srt", output]


def vobsub_argv(program: str, source: str, tracks: Mapping[int, str]) -> list[str]:
    """Return the command with which mkvextract writes pairs of files, by Matroska's track id."""
    command = [program, "--gui-mode", source, "tracks"]
    return [*command, *(f"{number}:{path}" for number, path in tracks.items())]


class Reading(Listener):
    """Counts every line as progress: a tool that finds no subtitles for long is no stalled one."""

    def stdout(self, line: str) -> bool:
        return bool(line)
