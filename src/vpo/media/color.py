"""Names of the colour code points in streams.

The numbers are those of ITU-T H.273, the names are ffmpeg's (libavutil/pixdesc.c), as its options
take them. Code point 2 ("unspecified") and those that nobody uses have no name here.
"""

import re

_RGB = re.compile(
    r"pal8|gbr.*|x2(rgb|bgr)\d.*|(0?rgb|0?bgr|argb|abgr)(a|0)?\d*(le|be)?|x(rgb|bgr).*"
)

PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    11: "iec61966-2-4",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
SPACES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}
RANGES = {1: "tv", 2: "pc"}


def is_rgb(pixel_format: str | None) -> bool:
    """Return whether a pixel format, by ffmpeg's name, holds red, green and blue, not YUV."""
    return _RGB.fullmatch(pixel_format or "") is not None
