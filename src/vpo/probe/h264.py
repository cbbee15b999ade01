"""Pixel format and colours of H.264 from its sequence parameter set (ITU-T H.264, 7.3.2.1).

ffmpeg learns the pixel format by decoding the first frames, which takes tens of milliseconds for
large ones, but it is in a few bits of the header. Only 8 bits are supported: with more, the video
may be HDR, and metadata in the frames may differ from the header.
"""

from __future__ import annotations

from typing import NamedTuple

_CONFIGURATION = 1
"""The version of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
_SPS = 7
_EXTENDED_SAR = 255
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameter set states the chroma format; all others have 4:2:0 in 8 bits."""
_CHROMA = {1: "420", 2: "422", 3: "444"}
_RGB = 0
_FULL, _LIMITED = 2, 1
"""ffmpeg's numbers of ranges (AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG)."""


class FrameFormat(NamedTuple):
    """The format of the frames: ``chroma`` as in ``422``, and the colours.

    Code points are those of ITU-T H.273, the range is ffmpeg's number; each is ``None`` if the
    header does not state it.
    """

    chroma: str
    range: int | None = None
    primaries: int | None = None
    transfer: int | None = None
    space: int | None = None

    def pixel_format(self, range_: int) -> str:
        """Return ffmpeg's name of the format; ``range_`` counts if the header has no range."""
        full = (self.range or range_) == _FULL
        return f"yuvj{self.chroma}p" if full else f"yuv{self.chroma}p"


class _Bits:
    """A reader of bits and of the Exp-Golomb codes of 9.1; ``IndexError`` at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def flag(self) -> int:
        byte = self._data[self._at >> 3]
        bit = byte >> (7 - (self._at & 7)) & 1
        self._at += 1
        return bit

    def number(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = value << 1 | self.flag()
        return value

    def unsigned(self) -> int:
        zeros = 0
        while not self.flag():
            zeros += 1
        return (1 << zeros) - 1 + self.number(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def frame_format(extradata: bytes | None) -> FrameFormat | None:
    """Return the format of the frames from a decoder configuration record.

    ``None`` if it is not such a record, does not have exactly one parameter set, or if the video is
    not progressive YUV in 8 bits with chroma.
    """
    data = extradata or b""
    try:
        if data[0] != _CONFIGURATION or data[5] & 31 != 1:
            return None
        length = int.from_bytes(data[6:8], "big")
        unit = data[8 : 8 + length]
        if len(unit) != length or unit[0] & 31 != _SPS:
            return None
        # Emulation prevention (7.4.1): a 3 after two zeros is not part of the data.
        return _parameters(_Bits(unit[1:].replace(b"\0\0\3", b"\0\0")))
    except IndexError:
        return None


def _parameters(bits: _Bits) -> FrameFormat | None:
    profile = bits.number(8)
    bits.number(16)  # constraints, level
    bits.unsigned()  # seq_parameter_set_id
    chroma: str | None = "420"
    if profile in _WITH_CHROMA:
        chroma = _chroma_of_8_bits(bits)
    if chroma is None:
        return None
    _skip_order_and_size(bits)
    if not bits.flag():  # frame_mbs_only_flag: fields, whose order is only in the frames
        return None
    bits.flag()  # direct_8x8_inference_flag
    if bits.flag():  # frame_cropping_flag
        for _ in range(4):
            bits.unsigned()
    found = _video_usability(bits) if bits.flag() else {}
    return None if found.get("space") == _RGB else FrameFormat(chroma, **found)


def _chroma_of_8_bits(bits: _Bits) -> str | None:
    """Return the chroma format; ``None`` unless all samples have 8 bits."""
    chroma = bits.unsigned()
    if chroma == 3 and bits.flag():  # separate_colour_plane_flag
        return None
    deep = bits.unsigned() or bits.unsigned()
    if deep:
        return None
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for number in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return _CHROMA.get(chroma)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order_and_size(bits: _Bits) -> None:
    bits.unsigned()  # log2_max_frame_num_minus4
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()
    bits.unsigned()  # max_num_ref_frames
    bits.flag()
    bits.unsigned()  # width
    bits.unsigned()  # height


def _video_usability(bits: _Bits) -> dict[str, int]:
    """Return the colours in the video usability information (E.1.1)."""
    if bits.flag() and bits.number(8) == _EXTENDED_SAR:
        bits.number(32)
    if bits.flag():  # overscan_info_present_flag
        bits.flag()
    if not bits.flag():  # video_signal_type_present_flag
        return {}
    bits.number(3)  # video_format
    found = {"range": _FULL if bits.flag() else _LIMITED}
    if bits.flag():
        found |= {name: bits.number(8) for name in ("primaries", "transfer", "space")}
    return found
