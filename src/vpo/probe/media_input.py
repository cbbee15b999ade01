"""Opening media files with PyAV, by their file descriptor and with errors as ``ProbeError``."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from stat import S_ISREG
from typing import TYPE_CHECKING

from vpo.errors import ProbeError
from vpo.media.containers import FAR_AHEAD, MOST_STREAMS, without_header

if TYPE_CHECKING:
    import av.container

_SKIP_FRAMES = {"skip_frame": "all", "analyzeduration": "500000"}
"""Options with which decoders decode nothing to find out more about streams (ffmpeg-codecs(1)). As
they then never know all, the search ends after half a second of video (ffmpeg-formats(1)), not
after five, for which much of the file may have to be read."""
DEMUXERS = {
    "matroska,webm": "mkv",
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "mpegts": "ts",
    "asf": "wmv",
    "mpeg": "mpg",
    "avi": "avi",
    "flv": "flv",
    "ogg": "ogg",
    "rm": "rm",
    "mxf": "mxf",
    "wtv": "wtv",
    "dv": "dv",
}
"""The containers by the names of ffmpeg's demuxers. None of these opens another file."""
REORDERING = frozenset({"h264", "hevc"})
"""Codecs of which ffmpeg guesses wrongly when frames are shown that are not stored in that order,
where the container does not state it. Of the codecs before them it knows."""
_CHUNK = 8 << 20
_UNSETTLED = frozenset({errno.EINVAL, errno.ESTALE})
_AGAIN_AFTER = (0.1, 0.5)
"""Seconds before a file is opened again."""
OUT_OF_MEMORY = "the memory did not suffice to read it; use fewer workers, or process it alone"
_ONE_FILE = {
    "protocol_whitelist": "file",
    "max_streams": str(MOST_STREAMS),
    "format_whitelist": ",".join([*(name.partition(",")[0] for name in DEMUXERS), "srt", "ass"]),
    "fix_teletext_pts": "0",
}
"""Options with which nothing but the file itself is read: no playlist, no series of images. The
last two formats are those of subtitles within AVI. Teletext keeps its own times; otherwise they
depend on the other streams (ffmpeg-formats(1))."""


@dataclass(frozen=True)
class MediaInput:
    """A file that is open for probing: its path, its file descriptor, and its status."""

    path: str
    fd: int
    stat: os.stat_result


@contextmanager
def open_input(path: str) -> Iterator[MediaInput]:
    """Open a file; what the parser raises while it is open becomes ``ProbeError``."""
    import av

    try:
        fd = open_settled(path)
    except OSError as error:
        raise ProbeError(f"cannot be opened: {error.strerror}", _rights(error)) from None
    try:
        stat = os.fstat(fd)
        if not S_ISREG(stat.st_mode):
            raise ProbeError("not a regular file")
        if stat.st_size == 0:
            raise ProbeError("the file is empty", "download or copy it again, or remove it")
        yield MediaInput(path, fd, stat)
    except av.MemoryError:
        raise ProbeError(OUT_OF_MEMORY) from None
    except (av.FFmpegError, UnicodeError) as error:
        raise ProbeError(
            f"cannot be read as a video file: {error_text(error)}", _advice(error)
        ) from None
    except OSError as error:
        raise read_problem(error) from None
    finally:
        os.close(fd)


def open_settled(path: str, flags: int = 0) -> int:
    """Open a file to read it; again where a file server's client refuses that for no reason.

    Clients of SMB do so for a moment where another machine has just replaced the file. Raises
    ``OSError``.
    """
    flags |= os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    for delay in _AGAIN_AFTER:
        try:
            return os.open(path, flags)
        except OSError as error:
            if error.errno not in _UNSETTLED:
                raise
            time.sleep(delay)
    return os.open(path, flags)


def open_container(
    path: str, fd: int, decode: bool = True, end: int | None = None
) -> av.container.InputContainer:
    """Open a file with PyAV; without ``decode``, it decodes nothing to find out about streams.

    Where audio begins so late that nothing is known of it yet, more of the file is read: otherwise
    its format stays unknown, and its first packets get wrong times. ``end``: nothing behind this
    byte is read.
    """
    options = _ONE_FILE if decode else {**_ONE_FILE, **_SKIP_FRAMES}
    name = encodable_name(path, fd)
    if end is not None:
        options = {**options, "protocol_whitelist": "file,subfile"}
        name = f"subfile,,start,0,end,{end},,:{name}"
    source = _opened(name, options)
    if not _has_unknown_audio(source):
        return source
    source.close()
    return _opened(name, {**options, **FAR_AHEAD})


def _has_unknown_audio(source: av.container.InputContainer) -> bool:
    """Return whether a container without a header has audio that has not begun yet.

    Not counted is what shares its PID: ffmpeg announces AC-3 beside TrueHD, be it there or not.
    """
    if not without_header(DEMUXERS.get(source.format.name, "")):
        return False
    ids = [stream.id for stream in source.streams]
    return any(
        stream.codec_context is not None
        and not stream.codec_context.sample_rate
        and ids.count(stream.id) == 1
        for stream in source.streams.audio
    )


def _opened(name: str, options: dict[str, str]) -> av.container.InputContainer:
    import av

    try:
        return av.open(name, options=options, metadata_errors="replace")
    except av.ArgumentError:  # how a format that is not on the list is refused
        raise ProbeError("not a video container that vpo knows") from None


def encodable_name(path: str, fd: int) -> str:
    """Return a name of an open file that is valid UTF-8: PyAV takes no other."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{fd}"
    return path


def read_problem(error: OSError) -> ProbeError:
    """Return the error for a file that the system cannot read."""
    return ProbeError(
        f"it cannot be read ({error.strerror or error})",
        _rights(error) or "check the disk or the network, and run again",
    )


def _rights(error: OSError) -> str:
    missing = error.errno in (errno.EACCES, errno.EPERM)
    return "the user that runs vpo needs the right to read it" if missing else ""


def read_all_bytes(path: str, beat: Callable[[float], None]) -> None:
    """Read a file to its end; raise the ``OSError`` that a demuxer takes for damage.

    ``beat`` takes the part that is read, from 0 to 1.
    """
    buffer = bytearray(_CHUNK)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        while file.readinto(buffer):
            beat(min(1.0, file.tell() / max(1, size)))


def _is_read_error(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.EIO, errno.ESTALE, errno.EINTR)


def _advice(error: Exception) -> str:
    import av.error

    if isinstance(error, (av.error.PatchWelcomeError, UnicodeError)):
        return "it is not damaged for all that is known, and stays as it is"
    # Demuxers report a file that is too short as EIO, too.
    fault = "the disk or the network failed, or " if _is_read_error(error) else ""
    return f"{fault}it is damaged, incomplete, or not a video"


def error_text(error: Exception) -> str:
    """Return what an exception of PyAV says, without the file's name.

    What FFmpeg names like a mistake of the system or of its own is told as what it means.
    """
    import av.error

    if isinstance(error, av.error.EOFError):
        return "it ends too early"
    if isinstance(error, av.error.PatchWelcomeError):
        return "it has something that FFmpeg cannot read yet"
    if isinstance(error, UnicodeError):
        return "a name in it is no text"
    denied = isinstance(error, av.error.PermissionError) and error.errno == errno.EPERM
    if denied or isinstance(error, av.error.InvalidDataError):
        return "its structure is invalid"  # demuxers say either; opening has succeeded by then
    text = getattr(error, "strerror", None) or str(error)
    return str(text).lower()
