"""The content of a file: every packet of every stream, read once, without decoding."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from vpo.media.containers import is_untimed
from vpo.probe.block_content import BlockContent
from vpo.probe.ebml import StructureError
from vpo.probe.matroska import end_of_film
from vpo.probe.media_input import (
    DEMUXERS,
    REORDERING,
    MediaInput,
    error_text,
    open_container,
    open_input,
)
from vpo.probe.mpegts_joints import Joints
from vpo.probe.payload_forms import FORMS, PayloadForm, header_units, length_size, nal_units
from vpo.probe.stated_duration import stated_duration
from vpo.probe.stream_content import StreamContent
from vpo.probe.structure_walk import StructureWalk

if TYPE_CHECKING:
    import av.container

_ERROR = 16
"""libavutil's AV_LOG_ERROR."""
_BEAT_SECONDS = 1.0
_MOST_PLACES = 1 << 14
"""How many times of bytes are remembered: in a long film, one for each half of a second."""
_ZERO_RUN = 4096
"""Zeros in a row that no packet of a codec with entropy coding has."""
_UNIT_ZERO_RUN = 512
"""The same where NAL units follow their lengths: three would do (ITU-T H.264, 7.4.1), but for what
cameras put behind them."""
_DENSE_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1"})
_PADDED = "mpegts"
"""The demuxer of a container in which packets are padded with zeros (ITU-T H.264, B.1)."""

_NONE: Mapping[int, frozenset[bytes]] = {}

Beat = Callable[[float], None]
"""Takes the part of the file that is read, from 0 to 1."""


@dataclass
class Content:
    """All streams of a file by index, and what the parser found wrong on the way.

    ``errors`` are (seconds, message) where the demuxer reported an error, ``corrupt`` and ``zeros``
    the times of packets that it marked as corrupt or that break off, and of packets of nothing but
    zeros; ``None`` for an unknown time. ``start`` and ``duration`` are those that the container
    states, in seconds. ``files`` are the hashes of the attachments, by stream index.
    """

    container: str
    start: float
    duration: float | None
    streams: dict[int, StreamContent] = field(default_factory=dict)
    errors: list[tuple[float | None, str]] = field(default_factory=list)
    corrupt: list[float | None] = field(default_factory=list)
    zeros: list[float | None] = field(default_factory=list)
    files: dict[int, str] = field(default_factory=dict)


def read_content(
    path: str,
    forms: Mapping[int, PayloadForm],
    beat: Beat,
    header_units: Mapping[int, frozenset[bytes]] = _NONE,
    copied: bool = False,
) -> Content:
    """Read every packet of a file; ``forms`` by stream index, ``raw`` for the others.

    ``header_units`` are those of the source of each stream; the stream's own if they are not given.
    ``copied``: nothing is encoded, so that nobody will ask for key frames, sizes and captions of
    videos, and hashes are only compared: those of BLAKE3 take half the time of SHA-256, which goes
    on record for encoded videos. The packets of Matroska files are then read without a demuxer.
    ``ProbeError`` if it cannot be opened. What goes wrong later is in the content.
    """
    import av.logging

    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    # Otherwise a second reading of the file would hear nothing of what the first one was told.
    av.logging.set_skip_repeated(False)
    try:
        with (
            open_input(path) as file,
            av.logging.Capture() as messages,
            open_container(path, file.fd, decode=False, end=end_of_film(file.fd)) as source,
        ):
            reader = _Reader(file, source, forms, header_units, messages)
            return reader.read_copied(beat) if copied else reader.read(beat)
    finally:
        av.logging.set_level(before)


class Pulse:
    """Tells every second how far a file of so many bytes is read; returns whether it did."""

    def __init__(self, beat: Beat, size: int) -> None:
        self._beat, self._size, self._last = beat, size, time.monotonic()

    def __call__(self, offset: int) -> bool:
        if time.monotonic() - self._last <= _BEAT_SECONDS:
            return False
        self._last = time.monotonic()
        self._beat(min(1.0, offset / self._size))
        return True


class _Reader:
    """Reads the packets of one open file."""

    def __init__(
        self,
        file: MediaInput,
        source: av.container.InputContainer,
        forms: Mapping[int, PayloadForm],
        header_units: Mapping[int, frozenset[bytes]],
        messages: list[Any],
    ) -> None:
        self._file, self._source, self._messages = file, source, messages
        self._forms = {index: FORMS[name] for index, name in forms.items() if name != "raw"}
        self._names, self._header_units = forms, header_units
        self._reported = 0
        self._joints = Joints(file.fd, source.format.name)
        self._places: list[tuple[int, float]] = []
        self._places_every = file.stat.st_size // _MOST_PLACES + 1
        self._hash: Callable[..., Any] = hashlib.sha256
        self._walk: StructureWalk | None = StructureWalk(file.fd, source.format.name)
        self.content = Content(
            source.format.name,
            (source.start_time or 0) / 1_000_000,
            stated_duration(source, file.fd),
        )

    def read(self, beat: Beat) -> Content:
        """Read to the end; an error of the parser ends the reading, and is part of the content."""
        import av

        pulse = Pulse(beat, self._file.stat.st_size)
        try:
            for packet in _packets(self._source):
                # Before the packet is taken: where the parser goes on lies behind the error.
                if len(self._messages) > self._reported:
                    self._take_messages()
                if packet.size:
                    self._take(packet)
                    self._note_place(packet.pos or 0)
                if pulse(packet.pos or 0):
                    self._follow(packet.pos or 0)
        except av.FFmpegError as error:
            self.content.errors.append((self._now(), error_text(error)))
        self._take_messages()
        self._follow(self._file.stat.st_size)
        self._take_files()
        return self.content

    def read_copied(self, beat: Beat) -> Content:
        """Read to the end without the demuxer, which has to judge whatever is unusual."""
        from blake3 import blake3

        self._hash = blake3
        streams: Iterable[Any] = self._source.streams
        covers = [s for s in streams if s.disposition & s.disposition.attached_pic]
        tracks = [s for s in streams if s.type != "attachment" and s not in covers]
        pulse = Pulse(beat, self._file.stat.st_size)
        try:
            blocks = BlockContent(self._file.fd, tracks, self._begun)
            blocks.read(pulse)
        except (StructureError, OSError):
            self.content.streams.clear()
            return self.read(beat)
        self.content.zeros += blocks.zeros
        for cover in covers:
            self._take(next(self._source.demux(cover)))
        self._take_messages()
        self._take_files()
        return self.content

    def _begun(self, stream: Any) -> tuple[StreamContent, Callable[[bytes, Any], bytes] | None]:
        return self._new(stream), self._forms.get(stream.index)

    def _follow(self, position: int) -> None:
        """Take an error of the structure up to a byte; what follows it cannot be followed."""
        if self._walk is None:
            return
        try:
            self._walk.follow(position)
        except StructureError as error:
            self.content.errors.append((self._time_of(self._walk.offset), str(error)))
            self._walk = None

    def _note_place(self, position: int) -> None:
        """Remember how far the reading has come at some bytes."""
        if position >= self._places_every * len(self._places) and (now := self._now()) is not None:
            self._places.append((position, now))

    def _time_of(self, position: int) -> float | None:
        """Return how far the reading had come at a byte, in seconds."""
        after = bisect_right(self._places, (position, math.inf))
        return self._places[after - 1][1] if after else None

    def _take(self, packet: Any) -> None:
        stream = self.content.streams.get(packet.stream_index) or self._new(packet.stream)
        form = self._forms.get(packet.stream_index)
        payload = packet if form is None else form(bytes(packet), packet.stream)
        if self._joints.is_corrupt(packet) or stream.breaks_off(memoryview(packet), 0, packet.size):
            self.content.corrupt.append(_seconds(packet, stream))
        if stream.is_zeros(memoryview(packet), 0, packet.size):
            self.content.zeros.append(_seconds(packet, stream))
        if form is None or payload:
            if stream.type == "video":
                stream.pictures.take(packet)
            stream.digest.update(payload)
            stream.add(packet, packet.size if form is None else len(payload))

    def _new(self, stream: Any) -> StreamContent:
        context = stream.codec_context
        codec = context.codec.canonical_name if context is not None else ""
        base = stream.time_base or Fraction(1, 1_000_000)
        content = StreamContent(stream.type, codec, base, digest=self._hash())
        content.untimed = _is_untimed(self.content.container, codec)
        if codec == "opus":
            content.delay = _opus_delay(context.extradata or b"")
        if codec in _DENSE_CODECS and self.content.container != _PADDED:
            content.unit_length = length_size(stream)
            content.zero_run = _UNIT_ZERO_RUN if content.unit_length else _ZERO_RUN
        self.content.streams[stream.index] = content
        if self._names.get(stream.index) == "nal":
            content.header_units = header_units(stream)
            moved = self._header_units.get(stream.index, content.header_units)
            self._forms[stream.index] = partial(nal_units, moved=moved)
        return content

    def _take_messages(self) -> None:
        """Take what the demuxer itself has reported as an error since the last time."""
        for level, name, message in self._messages[self._reported :]:
            if level <= _ERROR and name == self.content.container:
                self.content.errors.append((self._now(), message.strip()))
        self._reported = len(self._messages)

    def _take_files(self) -> None:
        """Take the attachments, and the covers, which have been read as packets."""
        found = self.content.files
        streams: Iterable[Any] = self._source.streams
        for stream in streams:
            if stream.type == "attachment":
                found[stream.index] = self._hash(stream.data).hexdigest()
            elif stream.disposition & stream.disposition.attached_pic:
                cover = self.content.streams.get(stream.index)
                found[stream.index] = cover.digest.hexdigest() if cover else ""

    def _now(self) -> float | None:
        """How far the reading has come, in seconds."""
        ends = [end for s in self.content.streams.values() if (end := s.seconds) is not None]
        return max(ends, default=None)


def _packets(source: av.container.InputContainer) -> Iterator[Any]:
    """Yield all packets; PyAV has no object for a stream that has appeared since the opening."""
    with contextlib.suppress(IndexError):
        yield from source.demux()


def _is_untimed(demuxer: str, codec: str) -> bool:
    return is_untimed(DEMUXERS.get(demuxer, "")) and codec in REORDERING


def _opus_delay(head: bytes) -> Fraction:
    """Return the pre-skip of the identification header (RFC 7845, 5.1)."""
    return Fraction(int.from_bytes(head[10:12], "little"), 48000)


def _seconds(packet: Any, stream: StreamContent) -> float | None:
    moment = packet.dts if packet.pts is None else packet.pts
    return None if moment is None else float(moment * stream.time_base)
