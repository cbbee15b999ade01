"""The content of a Matroska file whose tracks are only copied, read block by block.

A demuxer also looks into each packet, and copies it: that takes as long as to hash it. What it
gives differently from what is in the block, or times in another way, is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vpo.probe import matroska
from vpo.probe.ebml import StructureError
from vpo.probe.matroska_blocks import BlockTrack, FrameBlock, read_block_tracks, read_blocks

if TYPE_CHECKING:
    from vpo.probe.stream_content import StreamContent

_TYPES = {"video": 1, "audio": 2, "subtitle": 17}
_WHOLE_FRAMES = frozenset(
    {
        *("V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC", "V_AV1", "V_VP8", "V_VP9", "V_MPEG2"),
        *("A_AAC", "A_AC3", "A_EAC3", "A_DTS", "A_OPUS", "A_VORBIS", "A_FLAC"),
        *("S_TEXT/UTF8", "S_TEXT/ASS", "S_HDMV/PGS", "S_VOBSUB"),
    }
)
"""Codecs of which a block holds packets as they are; demuxers cut MP3 and TrueHD anew. None of them
is uncompressed."""
_NANOSECONDS = 1_000_000_000

New = Callable[[Any], "tuple[StreamContent, Callable[[bytes, Any], bytes] | None]"]


class BlockContent:
    """Reads the streams of an open file, all of which must be of a kind that is known.

    ``new`` returns the empty content of a stream when its first packet comes, and how its packets
    are compared, if not as they are. ``zeros`` are the times of packets of nothing but zeros.
    """

    def __init__(self, fd: int, streams: Sequence[Any], new: New) -> None:
        self._fd, self._structure = fd, matroska.read_structure(fd)
        tracks = read_block_tracks(fd, self._structure)
        if [track.type for track in tracks] != [_TYPES.get(each.type) for each in streams]:
            raise StructureError("tracks that the demuxer leaves out")
        self.zeros: list[float] = []
        self._streams = {
            track.number: _Stream(track, stream, new, self.zeros)
            for track, stream in zip(tracks, streams, strict=True)
        }
        if len(self._streams) != len(tracks):
            raise StructureError("two tracks of the same number")

    def read(self, beat: Callable[[int], object]) -> None:
        """Read all blocks; ``StructureError`` where a demuxer has to judge the file.

        ``beat`` takes the offset that was reached.
        """
        for block in read_blocks(self._fd, self._structure, beat):
            stream = self._streams.get(block.track)
            if stream is None:
                raise StructureError("a block of no track")
            stream.take(block)


class _Stream:
    """Takes the blocks of one stream."""

    def __init__(self, track: BlockTrack, stream: Any, new: New, zeros: list[float]) -> None:
        if track.codec_id not in _WHOLE_FRAMES:
            raise StructureError(f"packets of {track.codec_id} are not as they are in the blocks")
        self._stream, self._new, self._zeros = stream, new, zeros
        self._decode, self._default = track.decode, track.default_duration
        self._tick = round(stream.time_base * _NANOSECONDS)
        self._delay = (track.delay + self._tick // 2) // self._tick
        self._content: StreamContent | None = None
        self._form: Callable[[bytes, Any], bytes] | None = None

    def take(self, block: FrameBlock) -> None:
        """Take the frames of a block."""
        if self._content is None:
            self._content, self._form = self._new(self._stream)
        count = len(block.sizes)
        start = block.time - self._delay
        length = block.duration or self._default * count // self._tick
        if count > 1 and not length:
            raise StructureError("frames without times")
        if not length and self._content.type == "audio" and self._content.times:
            length = max(0, start - self._content.times[-1])  # as long as the last one
        moments = [start + length * number // count for number in range(count + 1)]
        if self._form is None and self._decode is None and all(block.sizes):
            self._take_as_they_are(self._content, block, moments)
        else:
            self._take_each(self._content, block, moments)

    def _take_as_they_are(
        self, content: StreamContent, block: FrameBlock, moments: Sequence[int]
    ) -> None:
        at = begin = block.start
        for moment, size in zip(moments, block.sizes, strict=False):
            _require_whole(content, block.data, at, at + size)
            suspect = content.zero_run or not block.data[at]
            if suspect and content.is_zeros(block.data, at, at + size):
                self._zeros.append(float(moment * content.time_base))
            at += size
        content.digest.update(memoryview(block.data)[begin:at])
        content.add_frames(moments, block.sizes, at - begin)

    def _take_each(self, content: StreamContent, block: FrameBlock, moments: Sequence[int]) -> None:
        at = block.start
        for number, size in enumerate(block.sizes):
            frame, at = block.data[at : at + size], at + size
            frame = frame if self._decode is None else self._decode(frame)
            _require_whole(content, frame, 0, len(frame))
            if frame and content.is_zeros(frame, 0, len(frame)):
                self._zeros.append(float(moments[number] * content.time_base))
            payload = frame if self._form is None or not frame else self._form(frame, self._stream)
            if payload:
                content.digest.update(payload)
                content.add_frames(moments[number : number + 2], [len(payload)], len(frame))


def _require_whole(content: StreamContent, data: bytes, at: int, end: int) -> None:
    """Let the demuxer judge a packet whose first NAL unit is longer than itself."""
    if content.breaks_off(data, at, end):
        raise StructureError("a packet breaks off")
