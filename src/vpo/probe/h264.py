"""What the header of H.264 says of its pictures: its sequence parameter set (ITU-T H.264, 7.3.2.1).

ffmpeg learns the pixel format by decoding the first pictures, tens of milliseconds for large ones;
it is in a few bits of the header. Read for 8 bits only: with more, the pictures may be HDR, and
messages beside them may say otherwise than the header.
"""

from __future__ import annotations

from typing import NamedTuple

_CONFIGURATION = 1
"""The version of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
_SPS = 7
_EXTENDED_SAR = 255
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameter set says how chroma is sampled; all others have 4:2:0 in 8 bits."""
_CHROMA = {1: "420", 2: "422", 3: "444"}
_RGB = 0
_FULL, _LIMITED = 2, 1
"""As ffmpeg numbers ranges (AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG)."""


class Pictures(NamedTuple):
    """``chroma`` as in ``422``; the code points are those of ITU-T H.273, the range ffmpeg's
    number, each ``None`` where the header does not say it."""

    chroma: str
    range: int | None = None
    primaries: int | None = None
    transfer: int | None = None
    space: int | None = None

    def pixel_format(self, range_: int) -> str:
        """ffmpeg's name; ``range_`` is what the container says where the header does not."""
        full = (self.range or range_) == _FULL
        return f"yuv{'j' if full else ''}{self.chroma}p"


class _Bits:
    """Bits from the left, with the Exp-Golomb codes of 9.1; ``IndexError`` at the end."""

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


def pictures(extradata: bytes | None) -> Pictures | None:
    """What a decoder configuration record says of its pictures.

    ``None`` if it is no such record or has not exactly one parameter set, or has one that tells of
    other pictures than of whole ones, in YUV with 8 bits and chroma.
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


def _parameters(bits: _Bits) -> Pictures | None:
    profile = bits.number(8)
    bits.number(16)  # constraints, level
    bits.unsigned()  # seq_parameter_set_id
    chroma: str | None = "420"
    if profile in _WITH_CHROMA:
        chroma = _eight_bits(bits)
    if chroma is None:
        return None
    _pass_over_order_and_size(bits)
    if not bits.flag():  # frame_mbs_only_flag: fields, whose order only the pictures tell
        return None
    bits.flag()  # direct_8x8_inference_flag
    if bits.flag():  # frame_cropping_flag
        for _ in range(4):
            bits.unsigned()
    found = _usability(bits) if bits.flag() else {}
    return None if found.get("space") == _RGB else Pictures(chroma, **found)


def _eight_bits(bits: _Bits) -> str | None:
    """The chroma format of pictures in 8 bits."""
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
                _pass_over_scaling_list(bits, 16 if number < 6 else 64)
    return _CHROMA.get(chroma)


def _pass_over_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _pass_over_order_and_size(bits: _Bits) -> None:
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


def _usability(bits: _Bits) -> dict[str, int]:
    """The colours in the video usability information (E.1.1)."""
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
