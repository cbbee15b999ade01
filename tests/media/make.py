"""The sample media: small generated files with every trait that once went wrong somewhere.

``python tests/media/make.py [FOLDER]`` makes them; ``manifest.toml`` says what is in each of them
and why it exists. A recipe is a function ``(kit, target)``; adding a file takes one recipe here and
one entry there. Recipes run at the same time, so they share nothing but the finished parts.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.toml"
DEFAULT = HERE / "files"
TOOLS = ("ffmpeg", "ffprobe", "mkvmerge", "mkvpropedit")
SECONDS = 2

Arg = str | bytes | Path
Recipe = Callable[["Kit", Path], None]
_recipes: dict[str, Recipe] = {}
_parts: dict[str, Recipe] = {}


def recipe(name: str) -> Callable[[Recipe], Recipe]:
    """Register how a file of the corpus is made."""
    return lambda function: _recipes.setdefault(name, function)


def part(name: str) -> Callable[[Recipe], Recipe]:
    """Register how an ingredient of other files is made; it is not in the corpus itself."""
    return lambda function: _parts.setdefault(name, function)


class Kit:
    """What recipes work with: the tools, the finished parts and a scratch folder."""

    def __init__(self, parts: Path) -> None:
        self.parts = parts

    def part(self, name: str) -> Path:
        return self.parts / name

    def ffmpeg(self, *args: Arg) -> None:
        run("ffmpeg", "-nostdin", "-v", "error", "-y", *args)

    def mkvmerge(self, target: Path, *args: Arg, stats: bool = False) -> None:
        """Output that depends on the arguments only; statistics tags would add noise to facts."""
        quiet = () if stats else ("--disable-track-statistics-tags",)
        run("mkvmerge", "-q", "--deterministic", "vpo", "--no-date", *quiet, "-o", target, *args)

    def propedit(self, target: Path, *args: Arg) -> None:
        run("mkvpropedit", "-q", target, *args)

    def srt(self, target: Path, *texts: str, start: int = 0) -> Path:
        """Subtitles of half a second each, the first at second ``start``."""
        cues = (
            f"{n + 1}\n{clock(start + n / 2)} --> {clock(start + n / 2 + 0.4)}\n{text}\n"
            for n, text in enumerate(texts)
        )
        target.write_text("\n".join(cues), encoding="utf-8")
        return target


def run(*args: Arg) -> None:
    """Run a tool; its own words are the error. mkvtoolnix says 1 for mere warnings."""
    argv = [os.fsencode(arg) for arg in args]
    done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    accepted = (0, 1) if argv[0].startswith(b"mkv") else (0,)
    if done.returncode not in accepted:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise RuntimeError(f"{os.fsdecode(b' '.join(argv))}\n{said}")


def clock(seconds: float) -> str:
    whole = int(seconds)
    hour, minute, second = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hour:02}:{minute:02}:{second:02},{round(seconds % 1 * 1000):03}"


EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")


def picture(size: str = "160x90", rate: int = 10, seconds: float = SECONDS) -> tuple[str, ...]:
    """ffmpeg's test picture as an input."""
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")


def tone(frequency: int, layout: str = "stereo", seconds: float = SECONDS) -> tuple[str, ...]:
    """A sine tone as an input; every track gets its own pitch, so that none equals another."""
    source = f"sine=frequency={frequency}:sample_rate=48000:duration={seconds}"
    return ("-f", "lavfi", "-i", f"{source},aformat=channel_layouts={layout}")


# Parts: elementary streams and the like, which several files are put together from.


@part("video.h264.mkv")
def _video(kit: Kit, target: Path) -> None:
    kit.ffmpeg(*picture(), "-c:v", "libx264", "-preset", "veryfast", "-crf", "40", *EXACT, target)


def _sound(name: str, codec: str, frequency: int, layout: str, *options: str) -> None:
    def make(kit: Kit, target: Path) -> None:
        kit.ffmpeg(*tone(frequency, layout), "-c:a", codec, *options, *EXACT, target)

    _parts[name] = make


_sound("eng.ac3", "ac3", 300, "5.1(side)", "-b:a", "192k")
_sound("jpn.m4a", "aac", 400, "stereo", "-b:a", "32k")
_sound("ger.mp3", "libmp3lame", 500, "stereo", "-b:a", "32k")
_sound("fre.eac3", "eac3", 550, "stereo", "-b:a", "64k")
_sound("comment.m4a", "aac", 600, "mono", "-b:a", "24k")
_sound("comment2.m4a", "aac", 700, "mono", "-b:a", "24k")
_sound("score.m4a", "aac", 800, "stereo", "-b:a", "32k")
_sound("eng.thd.mkv", "truehd", 310, "stereo", "-strict", "experimental", "-f", "matroska")
_sound("eng.dts", "dca", 320, "mono", "-strict", "experimental", "-b:a", "192k")
_sound("eng.flac", "flac", 330, "stereo", "-sample_fmt", "s16")
_sound("eng.opus", "libopus", 340, "stereo", "-b:a", "24k")


@part("eng.srt")
def _eng(kit: Kit, target: Path) -> None:
    kit.srt(target, "Hello", "How are you?")


@part("fre.srt")
def _fre(kit: Kit, target: Path) -> None:
    kit.srt(target, "Bonjour", "Ça va ?")


@part("signs.srt")
def _signs(kit: Kit, target: Path) -> None:
    kit.srt(target, "[EXIT]")


@part("late.srt")
def _late(kit: Kit, target: Path) -> None:
    kit.srt(target, "Translated by nobody", start=3600)


@part("jpn.ass")
def _ass(_: Kit, target: Path) -> None:
    target.write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
        "Style: Default,Sample,20\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
        "Dialogue: 0,0:00:00.10,0:00:00.90,Default,こんにちは\n",
        encoding="utf-8",
    )


@part("eng.vtt")
def _vtt(_: Kit, target: Path) -> None:
    target.write_text("WEBVTT\n\n00:00:00.100 --> 00:00:01.000\nHello\n", encoding="utf-8")


@part("eng.sup")
def _sup(_: Kit, target: Path) -> None:
    """Two display sets of a 16x2 white bar: the smallest that readers take for a PGS stream."""
    shown = _pgs_set(9000, 0, visible=True)
    hidden = _pgs_set(90000, 1, visible=False)
    target.write_bytes(shown + hidden)


def _pgs_set(time: int, number: int, *, visible: bool) -> bytes:
    def segment(kind: int, data: bytes) -> bytes:
        return b"PG" + struct.pack(">IIBH", time, 0, kind, len(data)) + data

    state = 0x80 if visible else 0
    objects = struct.pack(">BHBBHH", 1, 0, 0, 0, 8, 8) if visible else b"\0"
    composition = struct.pack(">HHBHBBB", 160, 90, 0x10, number, state, 0, 0) + objects
    window = struct.pack(">BBHHHH", 1, 0, 8, 8, 16, 2)
    if not visible:
        return segment(0x16, composition) + segment(0x17, window) + segment(0x80, b"")
    line = b"\0\x90\x01\0\0"  # sixteen pixels of colour 1, end of line
    bitmap = struct.pack(">HBB", 0, 0, 0xC0) + (4 + 2 * len(line)).to_bytes(3, "big")
    bitmap += struct.pack(">HH", 16, 2) + 2 * line
    palette = bytes((0, 0, 1, 235, 128, 128, 255))
    return (
        segment(0x16, composition)
        + segment(0x17, window)
        + segment(0x14, palette)
        + segment(0x15, bitmap)
        + segment(0x80, b"")
    )


@part("Sample.ttf")
def _font(_: Kit, target: Path) -> None:
    """The header of a TrueType font and nothing more: enough to be told from other files."""
    target.write_bytes(b"\0\1\0\0\0\1\0\x10\0\0\0\0" + b"name" + bytes(64))


@part("notes.txt")
def _notes(_: Kit, target: Path) -> None:
    target.write_text("A note\n", encoding="utf-8")


@part("cover.png")
def _cover(_: Kit, target: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes((200, 40, 40)) * 32 for _ in range(48))
    header = struct.pack(">IIBBBBB", 32, 48, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    target.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


@part("chapters.txt")
def _chapters(_: Kit, target: Path) -> None:
    times = ("00:00:00.000", "00:00:00.800", "00:00:01.500")
    names = ("Opening", "Middle", "Credits")
    lines = (
        f"CHAPTER{n:02}={time}\nCHAPTER{n:02}NAME={name}\n"
        for n, (time, name) in enumerate(zip(times, names, strict=True), 1)
    )
    target.write_text("".join(lines), encoding="utf-8")


@part("chapters.ffmeta")
def _ffmeta(_: Kit, target: Path) -> None:
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    target.write_text(
        ";FFMETADATA1\n" + chapter.format(0, 1000, "One") + chapter.format(1000, 2000, "Two")
    )


# Matroska, by mkvmerge. ``_tracks`` writes each track's facts as mkvmerge's options.


def _track(
    source: Path, language: str = "und", title: str = "", flags: Sequence[str] = (), no: str = ""
) -> tuple[Arg, ...]:
    """One track from one file: no flag is set that is not named."""
    names = {"default": "--default-track-flag", "forced": "--forced-display-flag"}
    flag_args = [
        item
        for flag in ("default", "forced", *(f for f in flags if f not in names))
        for item in (
            names.get(flag, f"--{flag.replace('_', '-')}-flag"),
            f"0:{'yes' if flag in flags else 'no'}",
        )
    ]
    name = ("--track-name", f"0:{title}") if title else ()
    rest = ("--no-chapters", "--no-global-tags", *([no] if no else []))
    return ("--language", f"0:{language}", *name, *flag_args, *rest, source)


@recipe("multi-audio.mkv")
def _multi_audio(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("ger.mp3"), "ger", "Deutsch", ["default"]),
        *_track(kit.part("eng.ac3"), "eng", "Surround 5.1"),
        *_track(kit.part("jpn.m4a"), "jpn", flags=["original"]),
        *_track(kit.part("comment.m4a"), "eng", "Director's Commentary"),
        *_track(kit.part("comment2.m4a"), "eng", flags=["commentary"]),
        *_track(kit.part("eng.srt"), "eng"),
        *_track(kit.part("signs.srt"), "eng", "Signs", ["forced"]),
        *_track(kit.part("fre.srt"), "fre", "Français"),
        *_track(kit.part("jpn.ass"), "jpn"),
    )


@recipe("wrong-flags.mkv")
def _wrong_flags(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["forced"]),
        *_track(kit.part("comment.m4a"), "eng", "Commentary", ["default"]),
        *_track(kit.part("eng.ac3"), "eng", flags=["forced"]),
        *_track(kit.part("score.m4a"), "zxx", "Isolated Score", ["default"]),
        *_track(kit.part("eng.srt"), "eng", "Full", ["default", "forced"]),
        *_track(kit.part("fre.srt"), "fre", flags=["default"]),
        *_track(kit.part("signs.srt"), "eng", "SDH", ["hearing_impaired"]),
    )


@recipe("attachments.mkv")
def _attachments(kit: Kit, target: Path) -> None:
    def attach(name: str, mime: str, description: str = "") -> tuple[Arg, ...]:
        said = ("--attachment-description", description) if description else ()
        return ("--attachment-mime-type", mime, *said, "--attach-file", kit.part(name))

    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("jpn.m4a"), "jpn", flags=["default"]),
        *_track(kit.part("jpn.ass"), "eng", "Styled", ["default"]),
        *attach("Sample.ttf", "font/ttf"),
        *attach("notes.txt", "text/plain", "What this is"),
        *attach("cover.png", "image/png"),
    )


@recipe("chapters.mkv")
def _chaptered(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *("--title", "A Film with Chapters", "--chapter-language", "eng"),
        *("--chapters", kit.part("chapters.txt")),
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("eng.ac3"), "eng", flags=["default"]),
    )


@recipe("und.mkv")
def _und(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("jpn.m4a"), flags=["default"]),
        *_track(kit.part("eng.srt")),
    )


@recipe("no-language.mkv")
def _no_language(kit: Kit, target: Path) -> None:
    """Without the elements: Matroska's default for a language that is not written is English."""
    _und(kit, target)
    for number in (1, 2, 3):
        edit = ("--edit", f"track:{number}", "--delete", "language", "--delete", "language-ietf")
        kit.propedit(target, *edit)


@recipe("ietf.mkv")
def _ietf(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("jpn.m4a"), "pt-BR", flags=["default"]),
        *_track(kit.part("score.m4a"), "es-419"),
        *_track(kit.part("comment.m4a"), "zh-Hant-TW"),
        *_track(kit.part("eng.srt"), "pt-BR"),
        *_track(kit.part("fre.srt"), "sr-Latn"),
    )


@recipe("many-tracks.mkv")
def _many(kit: Kit, target: Path) -> None:
    """Forty tracks; tools that number streams with one digit or sort them as text show it here."""
    languages = ("eng", "ger", "fre", "spa", "ita", "jpn", "rus", "pol", "dut", "swe")
    audio = [_track(kit.part("comment.m4a"), languages[n % 10], f"Audio {n}") for n in range(9)]
    subtitles = [_track(kit.part("signs.srt"), languages[n % 10], f"Sub {n}") for n in range(30)]
    video = _track(kit.part("video.h264.mkv"), flags=["default"])
    kit.mkvmerge(target, *video, *(arg for track in (*audio, *subtitles) for arg in track))


@recipe("unknown-track.mkv")
def _unknown_track(kit: Kit, target: Path) -> None:
    """The type of the second of three subtitle tracks becomes 0x10 (logo), which ffmpeg skips."""
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("jpn.m4a"), "jpn", flags=["default"]),
        *_track(kit.part("signs.srt"), "ger"),
        *_track(kit.part("eng.srt"), "eng"),
    )
    data = target.read_bytes()
    target.write_bytes(data.replace(b"\x83\x81\x11", b"\x83\x81\x10", 1))


@recipe("vfr.mkv")
def _vfr(kit: Kit, target: Path) -> None:
    """Ten frames a second, then five: frame times from a list."""
    times = [n * 100 for n in range(10)] + [1000 + n * 200 for n in range(10)]
    stamps = target.with_name(target.name + ".times")
    stamps.write_text("# timestamp format v2\n" + "".join(f"{time}\n" for time in times))
    video = _track(kit.part("video.h264.mkv"), flags=["default"])
    audio = _track(kit.part("eng.ac3"), "eng", flags=["default"])
    kit.mkvmerge(target, "--timestamps", b"0:" + os.fsencode(stamps), *video, *audio)
    stamps.unlink()


@recipe("late-subtitle.mkv")
def _late_subtitle(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("eng.ac3"), "eng", flags=["default"]),
        *_track(kit.part("late.srt"), "ger", "Credits"),
    )


@recipe("statistics.mkv")
def _statistics(kit: Kit, target: Path) -> None:
    video = _track(kit.part("video.h264.mkv"), flags=["default"])
    audio = _track(kit.part("eng.ac3"), "eng", flags=["default"])
    kit.mkvmerge(target, *video, *audio, stats=True)


@recipe("stale-statistics.mkv")
def _stale(kit: Kit, target: Path) -> None:
    """ffmpeg copies the old stream's statistics onto the re-encoded one."""
    source = target.with_name(target.name + ".source.mkv")
    _statistics(kit, source)
    codecs = ("-c", "copy", "-c:a", "aac", "-b:a", "24k", "-ac", "1")
    kit.ffmpeg("-i", source, "-map", "0", *codecs, *EXACT, target)
    source.unlink()


@recipe("home-cinema.mkv")
def _home_cinema(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("eng.thd.mkv"), "eng", "TrueHD", ["default"]),
        *_track(kit.part("eng.ac3"), "eng", "Core"),
        *_track(kit.part("eng.dts"), "eng", "DTS"),
    )


@recipe("bitmap-subtitles.mkv")
def _bitmap(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("eng.ac3"), "eng", flags=["default"]),
        *_track(kit.part("eng.sup"), "eng", "PGS"),
    )


@recipe("webvtt.mkv")
def _webvtt(kit: Kit, target: Path) -> None:
    """mkvmerge writes S_TEXT/WEBVTT, which ffmpeg shows as a subtitle without a codec."""
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("eng.opus"), "eng", flags=["default"]),
        *_track(kit.part("eng.vtt"), "eng"),
    )


@recipe("no-seekhead.mkv")
def _no_seekhead(kit: Kit, target: Path) -> None:
    """The SeekHead is turned into a Void, as a tool would that has no use for it."""
    video = _track(kit.part("video.h264.mkv"), flags=["default"])
    audio = _track(kit.part("eng.ac3"), "eng", flags=["default"])
    kit.mkvmerge(target, *video, *audio)
    data = bytearray(target.read_bytes())
    at = data.index(b"\x11\x4d\x9b\x74")
    width = 9 - data[at + 4].bit_length()
    length = int.from_bytes(data[at + 4 : at + 4 + width], "big") & ((1 << 7 * width) - 1)
    total = 4 + width + length  # a Void of the same length: one byte of id, eight of size
    data[at : at + total] = b"\xec\x01" + (total - 9).to_bytes(7, "big") + bytes(total - 9)
    target.write_bytes(data)


@recipe("audio-only.mka")
def _audio_only(kit: Kit, target: Path) -> None:
    kit.mkvmerge(target, *_track(kit.part("eng.flac"), "eng", "Album", ["default"]))


# Matroska and others, by ffmpeg.


def _inputs(*paths: Path) -> Iterator[Arg]:
    for path in paths:
        yield from ("-i", path)


def _maps(*streams: str) -> Iterator[str]:
    for stream in streams:
        yield from ("-map", stream)


def _languages(**streams: str) -> Iterator[str]:
    """``a0="eng"`` is ``-metadata:s:a:0 language=eng``."""
    for stream, language in streams.items():
        yield from (f"-metadata:s:{stream[0]}:{stream[1:]}", f"language={language}")


@recipe("front-tags.mkv")
def _front(kit: Kit, target: Path) -> None:
    """ffmpeg's layout: tags and index before the clusters, CRCs, no statistics."""
    kit.ffmpeg(
        *_inputs(kit.part("video.h264.mkv"), kit.part("eng.ac3"), kit.part("eng.srt")),
        *("-c", "copy", "-cues_to_front", "1", "-metadata", "title=Front"),
        *("-metadata", "DIRECTOR=Somebody", *_languages(a0="eng", s0="eng")),
        *EXACT,
        target,
    )


@recipe("hdr10.mkv")
def _hdr10(kit: Kit, target: Path) -> None:
    master = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    colours = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited"
    hdr = f"hdr10=1:repeat-headers=1:{colours}:master-display={master}:max-cll=1000,400"
    # Since ffmpeg 8, what the frames say goes before the options of the encoder.
    frames = "setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    kit.ffmpeg(
        *(*picture(), *tone(440), "-vf", frames, "-pix_fmt", "yuv420p10le", "-c:v", "libx265"),
        *("-preset", "ultrafast", "-crf", "40", "-x265-params", f"{hdr}:log-level=none:pools=1"),
        *("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"),
        *("-color_range", "tv", "-c:a", "aac", "-b:a", "32k", *_languages(a0="eng"), *EXACT),
        target,
    )


@recipe("mov-text.mp4")
def _mov_text(kit: Kit, target: Path) -> None:
    names = ("video.h264.mkv", "jpn.m4a", "fre.eac3", "eng.srt", "fre.srt")
    kit.ffmpeg(
        *_inputs(*(kit.part(name) for name in names)),
        *_maps("0:v", "1:a", "2:a", "3:s", "4:s"),
        *("-c", "copy", "-c:s", "mov_text"),
        *_languages(a0="eng", a1="fre", s0="eng", s1="fre"),
        *("-metadata:s:a:1", "title=Version française", "-metadata", "title=Two languages"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default", "-disposition:s", "0"),
        *("-movflags", "+faststart"),  # EXACT would leave out the tracks' titles
        target,
    )


@recipe("cover.mp4")
def _cover_mp4(kit: Kit, target: Path) -> None:
    kit.ffmpeg(
        *_inputs(kit.part("video.h264.mkv"), kit.part("jpn.m4a"), kit.part("cover.png")),
        *_maps("0:v", "1:a", "2:v"),
        *("-c", "copy", "-disposition:v:1", "attached_pic", *_languages(a0="jpn"), *EXACT),
        target,
    )


@recipe("chapters.mp4")
def _chapters_mp4(kit: Kit, target: Path) -> None:
    """Chapters in MP4 are a text track, which readers show or hide."""
    kit.ffmpeg(
        *_inputs(kit.part("video.h264.mkv"), kit.part("jpn.m4a"), kit.part("chapters.ffmeta")),
        *_maps("0:v", "1:a"),
        *("-map_chapters", "2", "-c", "copy", *_languages(a0="eng"), *EXACT),
        target,
    )


@recipe("no-language.mp4")
def _no_language_mp4(kit: Kit, target: Path) -> None:
    kit.ffmpeg(
        *_inputs(kit.part("video.h264.mkv"), kit.part("jpn.m4a")), "-c", "copy", *EXACT, target
    )


@recipe("camera.mov")
def _camera(kit: Kit, target: Path) -> None:
    """A camera's file: uncompressed sound and a timecode track, which is neither of the three."""
    kit.ffmpeg(
        *(*picture(), *tone(440), "-c:v", "libx264", "-preset", "veryfast", "-crf", "40"),
        *("-c:a", "pcm_s16le", "-ar", "16000", "-ac", "1", "-timecode", "01:00:00:00"),
        *(*_languages(a0="eng"), *EXACT),
        target,
    )


@recipe("data-first.mp4")
def _data_first(kit: Kit, target: Path) -> None:
    """The timecode track stands before the audio: ffmpeg and mkvmerge count differently."""
    kit.ffmpeg(
        *_inputs(kit.part("video.h264.mkv"), kit.part("jpn.m4a")),
        *("-c", "copy", "-timecode", "01:00:00:00", *_languages(a0="jpn"), *EXACT),
        target,
    )
    data = target.read_bytes()
    first, audio, timecode = _boxes(data, b"trak", 8 + _boxes(data, b"moov", 0)[0][0])
    target.write_bytes(
        data[: first[1]] + data[slice(*timecode)] + data[slice(*audio)] + data[timecode[1] :]
    )


def _boxes(data: bytes, kind: bytes, start: int) -> list[tuple[int, int]]:
    """Start and end of the boxes of one kind among those that follow one another from there."""
    found: list[tuple[int, int]] = []
    while start + 8 <= len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        if data[start + 4 : start + 8] == kind:
            found.append((start, start + length))
        start += length or len(data)
    return found


@recipe("fragmented.mp4")
def _fragmented(kit: Kit, target: Path) -> None:
    """As a stream recorder leaves it: an empty index, then fragments."""
    flags = "frag_keyframe+empty_moov+default_base_moof"
    kit.ffmpeg(
        *(*picture(), *_inputs(kit.part("jpn.m4a")), "-c:a", "copy", "-c:v", "libx264"),
        # Reordered frames would add to the duration: as many as the encoder likes.
        *("-preset", "veryfast", "-crf", "40", "-bf", "0", "-movflags", flags),
        *(*_languages(a0="eng"), *EXACT),
        target,
    )


@recipe("old.avi")
def _avi(kit: Kit, target: Path) -> None:
    kit.ffmpeg(
        *(*picture(), *_inputs(kit.part("ger.mp3")), "-c:v", "mpeg4", "-q:v", "20"),
        *("-c:a", "copy", *EXACT),
        target,
    )


@recipe("broadcast.ts")
def _ts(kit: Kit, target: Path) -> None:
    kit.ffmpeg(
        *(*picture(rate=25), *_inputs(kit.part("eng.ac3")), *tone(450)),
        *(*_maps("0:v", "1:a", "2:a"), "-c:v", "mpeg2video", "-q:v", "30", "-c:a:0", "copy"),
        *("-c:a:1", "mp2", "-b:a:1", "64k", *_languages(a0="eng", a1="deu"), *EXACT),
        target,
    )


def _webm(kit: Kit, target: Arg, *options: Arg) -> None:
    kit.ffmpeg(
        *(*picture(), *_inputs(kit.part("eng.opus"), kit.part("eng.vtt"))),
        *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "50"),
        *("-b:v", "0", "-threads", "1", "-c:a", "copy", *_languages(a0="eng", s0="eng")),
        *(*options, *EXACT, "-f", "webm"),
        target,
    )


@recipe("clip.webm")
def _clip(kit: Kit, target: Path) -> None:
    _webm(kit, target, "-c:s", "webvtt")


@recipe("live.webm")
def _live(kit: Kit, target: Path) -> None:
    """Sizes and duration unknown, no index: what a browser's recorder writes."""
    _webm(kit, target, "-sn", "-live", "1")


# Names that get lost between a shell, a tool and a database.


def _named(kit: Kit, target: Path) -> None:
    kit.mkvmerge(
        target,
        *_track(kit.part("video.h264.mkv"), flags=["default"]),
        *_track(kit.part("comment.m4a"), "ger", "Deutsch", ["default"]),
        *_track(kit.part("score.m4a"), "eng", "English"),
    )


# What is not, or no longer, a video file.


@recipe("bad/zero.mkv")
def _zero(_: Kit, target: Path) -> None:
    target.write_bytes(b"")


@recipe("bad/text.mkv")
def _text(_: Kit, target: Path) -> None:
    target.write_text("This is not a video.\n" * 20)


@recipe("bad/truncated.mkv")
def _truncated(kit: Kit, target: Path) -> None:
    """A third is missing: the header promises more than there is."""
    _statistics(kit, target)
    os.truncate(target, target.stat().st_size * 2 // 3)


@recipe("bad/no-moov.mp4")
def _no_moov(kit: Kit, target: Path) -> None:
    """A recording that was cut off before its index was written."""
    kit.ffmpeg("-i", kit.part("video.h264.mkv"), "-c", "copy", *EXACT, target)
    data = target.read_bytes()
    target.write_bytes(data[: data.rindex(b"moov") - 4])


# Making all of it.


def manifest() -> dict[str, Any]:
    """The documented facts by file name."""
    return {decode(name): facts for name, facts in _manifest()["files"].items()}


def odd_names() -> dict[str, str]:
    """Relative path of each oddly named copy of one file, and why it is there."""
    return {f"names/{decode(item['name'])}": item["why"] for item in _manifest()["names"]}


def _manifest() -> dict[str, Any]:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    facts: dict[str, Any] = toml.loads(MANIFEST.read_text(encoding="utf-8"))
    return facts


def decode(name: str) -> str:
    """A manifest's name: bytes that are not UTF-8, and the percent sign, are percent-encoded."""
    return os.fsdecode(unquote_to_bytes(name))


def recipes() -> set[str]:
    """The names of all files that are made, but for the oddly named copies."""
    return set(_recipes)


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def key() -> str:
    """Changes when the script, the names or the tools do."""
    digest = hashlib.sha256()
    digest.update(Path(__file__).read_bytes())
    digest.update(MANIFEST.read_bytes())
    for argv in (["ffmpeg", "-version"], ["mkvmerge", "--version"]):
        digest.update(subprocess.run(argv, capture_output=True, check=True).stdout)
    return digest.hexdigest()[:16]


def cached(root: Path = DEFAULT) -> Path:
    """The corpus for this script and these tools, made if need be.

    Safe with several processes at a time: one makes it, the others wait for the lock, and the
    folder appears under its name only when it is complete.
    """
    folder = root / key()
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _replace_old(root, folder)
    return folder


def _replace_old(root: Path, folder: Path) -> None:
    for old in root.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=root))
    make(scratch)
    scratch.chmod(0o755)
    scratch.rename(folder)


def make(folder: Path) -> None:
    """Make every file of the corpus in the folder."""
    for sub in ("bad", "names"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as parts, ThreadPoolExecutor(os.cpu_count()) as pool:
        kit = Kit(Path(parts))
        _all(pool, kit, {kit.part(name): how for name, how in _parts.items()})
        _all(pool, kit, {folder / name: how for name, how in _recipes.items()})
        source = kit.part("named.mkv")
        _named(kit, source)
        _copy_names(source, folder)


def _all(pool: ThreadPoolExecutor, kit: Kit, recipes: dict[Path, Recipe]) -> None:
    """Follow all the recipes; the first that fails is the error."""
    for done in [pool.submit(how, kit, target) for target, how in recipes.items()]:
        done.result()


def _copy_names(source: Path, folder: Path) -> None:
    for name in odd_names():
        # macOS refuses names that are not UTF-8; a file that cannot exist needs no test.
        try:
            shutil.copyfile(source, folder / name)
        except OSError as error:
            if error.errno != errno.EILSEQ:
                raise


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the sample media.")
    parser.add_argument(
        "folder", nargs="?", type=Path, help="where to (default: the cache that the tests share)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    wanted = arguments().folder
    if wanted:
        make(wanted)
    print(wanted or cached())
