"""What subtitles say and when, whatever codec they are in, and text subtitles as a file.

Two tracks are compared by their cues, as a conversion keeps little else: of text the letters and
digits, of pictures the bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from stat import S_ISLNK, S_ISREG
from typing import Any, NamedTuple

from vpo.errors import ProbeError
from vpo.media.containers import container
from vpo.media.hearing_impaired import plain_text
from vpo.media.languages import primary
from vpo.probe.media_input import (
    DEMUXERS,
    MediaInput,
    encodable_name,
    error_text,
    open_container,
    open_input,
)
from vpo.probe.payload_forms import subtitle_text, words_of
from vpo.probe.webvtt import clock, webvtt_cues

_FORMATS = {
    "subrip": "srt",
    "ass": "ass",
    "webvtt": "webvtt",
    "hdmv_pgs_subtitle": "sup",
    "dvd_subtitle": "vobsub",
}
"""FFmpeg's names of the formats of files that hold subtitles of a codec."""
_TEXTS = frozenset({"subrip", "ass", "webvtt", "mov_text", "text"})
_MOST_TEXT = 64 << 20
"""Bytes of a file that could be text."""
_CHARSETS = {
    "ar": "cp1256", "be": "cp1251", "bg": "cp1251", "bs": "cp1250", "cs": "cp1250",
    "el": "cp1253", "et": "cp1257", "fa": "cp1256", "he": "cp1255", "hr": "cp1250",
    "hu": "cp1250", "ja": "cp932", "ko": "cp949", "lt": "cp1257", "lv": "cp1257",
    "mk": "cp1251", "pl": "cp1250", "ro": "cp1250", "ru": "cp1251", "sk": "cp1250",
    "sl": "cp1250", "sr": "cp1251", "th": "cp874", "tr": "cp1254", "uk": "cp1251",
    "vi": "cp1258", "zh": "gb18030",
}  # fmt: skip
"""The character sets that files without Unicode are in, by language; others are in Windows'
Western one."""
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ASS_FIELDS = 9
_CAPTION_MARKUP = re.compile(r"</?font[^<>]*>|\{\\an\d\}")
_BEAT = 2000
"""Packets after which a sign of life is given."""
_MOST_APART = 100
"""Milliseconds by which a conversion may move a cue."""


SignOfLife = Callable[[], object]
"""Shows that the file is being read."""
Edit = Callable[[str], str]
"""Changes the text of a cue."""


class Cue(NamedTuple):
    """When a subtitle is shown, in milliseconds, its words, and those of it for who hears."""

    start: int
    words: str
    plain: str


def read_cues(
    path: str, indexes: list[int], beat: SignOfLife = lambda: None
) -> dict[int, list[Cue]]:
    """Return the cues of subtitle tracks of a film, by stream index. Raises ``ProbeError``.

    Of pictures there are the first and the last, whose words are a hash of all of them. Times count
    from the start of the file, in Matroska from zero, as players count. ``beat`` is called now and
    then: a film is long, and may have few subtitles.
    """
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        streams = [source.streams[index] for index in indexes]
        matroska = container(DEMUXERS.get(source.format.name, "")).matroska
        origin = 0 if matroska else _start(path, file.fd) // 1000
        return _cues(_packets(source, streams, beat), streams, origin)


def _packets(source: Any, streams: list[Any], beat: SignOfLife) -> Iterator[Any]:
    """Yield the packets of streams; those of the first audio show that the file is read."""
    if not streams:
        return
    wanted = {stream.index for stream in streams}
    for number, packet in enumerate(source.demux([*streams, *source.streams.audio[:1]])):
        if number % _BEAT == 0:
            beat()
        if packet.stream.index in wanted and packet.size and packet.pts is not None:
            yield packet


def _start(path: str, fd: int) -> int:
    """Return when the film starts, in microseconds, as ffmpeg finds it out."""
    with open_container(path, fd) as source:
        return source.start_time or 0


def _cues(packets: Iterable[Any], streams: list[Any], origin: int) -> dict[int, list[Cue]]:
    found: dict[int, list[Cue]] = {stream.index: [] for stream in streams}
    pictures = {s.index: _Pictures() for s in streams if codec_of(s) not in ("", *_TEXTS)}
    for packet in packets:
        index = packet.stream.index
        start = round(packet.pts * packet.time_base * 1000) - origin
        if index in pictures:
            pictures[index].add(bytes(packet), start)
            continue
        text = subtitle_text(bytes(packet), codec_of(packet.stream))
        if words := words_of(text):
            found[index].append(Cue(start, words, words_of(plain_text(text))))
    found |= {index: each.cues() for index, each in pictures.items()}
    return {index: sorted(cues) for index, cues in found.items()}


class _Pictures:
    """The packets of subtitles that are pictures, which files cut into others than films."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._times: list[int] = []

    def add(self, data: bytes, start: int) -> None:
        self._digest.update(data)
        self._times = [*self._times[:1], start]

    def cues(self) -> list[Cue]:
        """Return two cues: when the first and the last are shown, with a hash of all."""
        words = self._digest.hexdigest()
        return [Cue(start, words, words) for start in self._times]


def codec_of(stream: Any) -> str:
    """Return the codec of a stream; empty for what ffmpeg has no name for."""
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else ""


def alike(one: Sequence[Cue], other: Sequence[Cue]) -> bool:
    """Return whether both say the same at the same times, to what conversions round."""
    return len(one) == len(other) and all(
        mine.words == theirs.words and abs(mine.start - theirs.start) <= _MOST_APART
        for mine, theirs in zip(one, other, strict=True)
    )


def plain_cues(cues: Sequence[Cue]) -> list[Cue]:
    """Return what the cues say to those who hear."""
    return sorted(Cue(cue.start, cue.plain, cue.plain) for cue in cues if cue.plain)


class SidecarContent(NamedTuple):
    """What a file beside a film holds; ``charset`` is what its text was read as.

    ``size`` is in bytes, ``mtime_ns`` in nanoseconds since 1970.
    """

    size: int
    mtime_ns: int
    charset: str | None
    cues: list[Cue]


def read_sidecar(path: str, codec: str, language: str | None) -> SidecarContent:
    """Return what a subtitle file says, which may be nothing. Raises ``ProbeError``.

    Links are not followed: whoever may write to the folder could have any file read through one.
    """
    with _opened(path, codec, language) as (source, charset, status):
        streams = list(source.streams.subtitles)[:1] if source is not None else []
        packets = _packets(source, streams, bool)
        cues = next(iter(_cues(packets, streams, 0).values()), [])
        return SidecarContent(status.st_size, status.st_mtime_ns, charset, cues)


def sidecar_text(path: str, codec: str, language: str | None, plain: bool) -> str:
    """Return the text of a subtitle file, in its format.

    ``plain``: without what only the hard of hearing need. Raises ``ProbeError``.
    """
    if not plain:
        with _regular(path) as file:
            return _decoded_file(file, language)[1] if file.stat.st_size else ""
    with _opened(path, codec, language) as (source, _, _):
        stream = source.streams.subtitles[0]
        return _file_of(_packets(source, [stream], bool), stream, True, 0)


def captions_text(path: str, film: str) -> str:
    """Return captions that ffmpeg wrote as SubRip, without its markup, from the film's start.

    Raises ``ProbeError``.
    """
    with open_input(film) as file:
        origin = _start(film, file.fd)
    with _opened(path, "subrip", None) as (source, _, _):
        if source is None:
            return ""
        stream = source.streams.subtitles[0]
        packets = _packets(source, [stream], bool)
        return "\n".join(_subrip(packets, "subrip", _without_markup, origin))


def _without_markup(text: str) -> str:
    """Return a caption without the font and the place that ffmpeg gives each."""
    return _CAPTION_MARKUP.sub("", text)


@contextlib.contextmanager
def _opened(
    path: str, codec: str, language: str | None
) -> Iterator[tuple[Any, str | None, os.stat_result]]:
    """Yield a subtitle file as PyAV reads it, ``None`` for an empty one, and its character set."""
    import av

    with _regular(path) as file:
        if not file.stat.st_size:
            yield None, None, file.stat
            return
        charset: str | None = None
        opened: Any = encodable_name(path, file.fd)
        if codec in _TEXTS:
            charset, text = _decoded_file(file, language)
            opened = io.BytesIO(text.encode("utf-8"))
        try:
            with av.open(opened, format=_FORMATS[codec], metadata_errors="replace") as source:
                yield source, charset, file.stat
        except av.FFmpegError as error:
            raise ProbeError(f"it cannot be read: {error_text(error)}") from None


@contextlib.contextmanager
def _regular(path: str) -> Iterator[MediaInput]:
    """Open a file that is no link; an empty one has no file descriptor."""
    status = os.lstat(path)
    if S_ISLNK(status.st_mode):
        raise ProbeError("it is a link")
    if S_ISREG(status.st_mode) and not status.st_size:
        yield MediaInput(path, -1, status)
        return
    with open_input(path) as file:
        if not os.path.samestat(file.stat, status):
            raise ProbeError("it was replaced while it was opened")
        yield file


def _decoded_file(file: MediaInput, language: str | None) -> tuple[str, str]:
    if file.stat.st_size > _MOST_TEXT:
        raise ProbeError("it is too large to be text")
    return decoded(_read(file.fd), language)


def _read(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def decoded(data: bytes, language: str | None) -> tuple[str, str]:
    """Return the character set of a text, and the text.

    Unicode is recognized; otherwise the language of the text says in which set it is likely to be.
    """
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    usual = _CHARSETS.get(primary(language), "cp1252")
    for charset in filter(None, (marked, "utf-8", usual, "latin-1")):
        try:
            text = data.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
        return charset.removesuffix("-sig"), text.removeprefix("\ufeff").replace("\0", "")
    raise ProbeError("its text is in no character set that vpo knows")


def text_file(
    path: str, index: int, plain: bool, shifted: bool, beat: SignOfLife = lambda: None
) -> str:
    """Return a text track of a film as a file of its codec (SubRip for MP4's timed text).

    ``plain``: without what only the hard of hearing need. ``shifted``: times count from the start
    of the film, as ffmpeg counts. Raises ``ProbeError``.
    """
    with open_input(path) as file, open_container(path, file.fd, decode=False) as source:
        stream = source.streams[index]
        origin = _start(path, file.fd) if shifted else 0
        return _file_of(_packets(source, [stream], beat), stream, plain, origin)


def _file_of(packets: Iterable[Any], stream: Any, plain: bool, origin: int) -> str:
    """Return a stream of text subtitles as a file of its codec."""
    codec, edit = codec_of(stream), plain_text if plain else str
    if codec == "ass":
        header = stream.codec_context.extradata or b""
        return "\n".join([_ass_header(header), *_ass_lines(packets, edit, origin)]) + "\n"
    if codec in ("", "webvtt"):
        return "\n".join(["WEBVTT\n", *webvtt_cues(packets, edit, origin)])
    return "\n".join(_subrip(packets, codec, edit, origin))


def _times(packet: Any, origin: int) -> tuple[float, float]:
    base = packet.time_base
    start = packet.pts * base - origin / 1_000_000
    return float(start), float(start + (packet.duration or 0) * base)


def _subrip(packets: Iterable[Any], codec: str, edit: Edit, origin: int) -> Iterator[str]:
    number = 0
    for packet in packets:
        text = subtitle_text(bytes(packet), codec).replace("\r\n", "\n").strip("\0\n")
        text = edit(text)
        # A blank line would end the cue.
        lines = [line for line in text.split("\n") if line.strip()]
        if lines:
            number += 1
            start, end = (clock(t).replace(".", ",") for t in _times(packet, origin))
            yield "\n".join([str(number), f"{start} --> {end}", *lines, ""])


def _ass_header(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\0\n")


def _ass_lines(packets: Iterable[Any], edit: Edit, origin: int) -> Iterator[str]:
    """Yield the events: Matroska stores them without times, behind the order of reading."""
    for packet in packets:
        fields = bytes(packet).decode("utf-8", "replace").split(",", _ASS_FIELDS - 1)
        if len(fields) < _ASS_FIELDS:
            continue
        text = edit(fields[-1])
        if text or not fields[-1]:
            start, end = (clock(t)[1:-1] for t in _times(packet, origin))
            yield f"Dialogue: {','.join([fields[1], start, end, *fields[2:-1], text])}".rstrip()
