"""Mapped tones, as the real ffmpeg makes them of patches whose light is known."""

from __future__ import annotations

import math
import shutil
import struct
import subprocess

import pytest

from vpo.media.encode_spec import Quality, VideoEncode
from vpo.media.model import Color, Hdr, Track
from vpo.tools import filters
from vpo.tools.video_encoders import VIDEO_ENCODERS
from vpo.tools.video_options import Encoding

SIDE = 64
TRACK = Track(
    0,
    "video",
    "hevc",
    pixel_format="yuv420p10le",
    color=Color("bt2020nc", "bt2020", "smpte2084", "tv"),
    hdr=Hdr(light=(1000, 400)),
)
# ITU-R BT.2087: linear BT.709 in linear BT.2020.
TO_2020 = (
    (0.6274, 0.3293, 0.0433),
    (0.0691, 0.9195, 0.0114),
    (0.0164, 0.0880, 0.8956),
)
Rgb = tuple[float, float, float]


def pq(candela: float) -> float:
    """The signal for a luminance: SMPTE ST 2084, equation 5.2."""
    power = math.pow(max(candela, 0.0) / 10_000, 2610 / 16_384)
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    return math.pow((c1 + c2 * power) / (1 + c3 * power), 2523 / 32)


def hdr(color: Rgb, candela: float) -> tuple[int, int, int]:
    """A BT.709 colour of that luminance in 10-bit BT.2100 PQ."""
    red, green, blue = (
        pq(candela * sum(a * b for a, b in zip(row, color, strict=True))) for row in TO_2020
    )
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    cb, cr = (blue - luma) / 1.8814, (red - luma) / 1.4746
    return round(64 + 876 * luma), round(512 + 896 * cb), round(512 + 896 * cr)


def mapped(color: Rgb, candela: float) -> Rgb:
    """What becomes of it, as BT.709 RGB from 0 to 1."""
    luma, cb, cr = hdr(color, candela)
    count = SIDE * SIDE
    patch = struct.pack(f"<{count}H", *[luma] * count)
    patch += struct.pack(f"<{count // 4}H", *[cb] * (count // 4))
    patch += struct.pack(f"<{count // 4}H", *[cr] * (count // 4))
    spec = VideoEncode("hevc", Quality(), tonemap=True)
    encoding = Encoding(spec, TRACK, VIDEO_ENCODERS["libx265"], 0, tonemapper="zscale")
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", f"{SIDE}x{SIDE}", "-i", "-"]
    command = ["ffmpeg", "-v", "error", *raw, "-vf", filters.chain(encoding)]
    result = subprocess.run(
        [*command, "-f", "rawvideo", "-"], input=patch, capture_output=True, check=True
    ).stdout
    assert len(result) == count * 3 // 2
    middle = (SIDE // 4) ** 2 * 2
    y = (result[count // 2] - 16) / 219
    u = (result[count + middle] - 128) / 224
    v = (result[count + count // 4 + middle] - 128) / 224
    return y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u


@pytest.fixture(autouse=True)
def zscale(media_tools: None) -> None:  # noqa: ARG001
    ffmpeg = shutil.which("ffmpeg") or "ffmpeg"
    said = subprocess.run([ffmpeg, "-filters"], capture_output=True, text=True, check=True).stdout
    if " zscale " not in said:
        pytest.skip("this ffmpeg has no zscale")


def test_tone_mapping_keeps_greys_in_order() -> None:
    greys = [mapped((1, 1, 1), candela) for candela in (0, 1, 10, 50, 100, 203, 400, 1000)]
    for grey in greys:
        assert max(grey) - min(grey) < 0.02
    levels = [grey[1] for grey in greys]
    assert levels == sorted(set(levels))
    assert levels[0] == pytest.approx(0, abs=0.01)
    assert levels[-1] == pytest.approx(1, abs=0.02)
    assert 0.5 < levels[4] < 0.8


@pytest.mark.parametrize("at", [0, 1, 2])
def test_tone_mapping_keeps_pure_colours(at: int) -> None:
    color = [0.0, 0.0, 0.0]
    color[at] = 1.0
    result = list(mapped((color[0], color[1], color[2]), 100))
    assert result.pop(at) > 0.5
    assert max(map(abs, result)) < 0.1
