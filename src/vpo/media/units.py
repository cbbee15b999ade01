"""Sizes, bit rates, percentages, durations and resolutions, as policies write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from vpo.text import suggestion

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?)b)?", re.IGNORECASE)
_BITRATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:bps|bit/s|b/s)?", re.IGNORECASE)
_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)\s*w)?\s*(?:(\d+(?:\.\d+)?)\s*d)?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+(?:\.\d+)?)\s*m)?\s*(?:(\d+(?:\.\d+)?)\s*s?)?",
    re.IGNORECASE,
)

RESOLUTIONS = {
    "480p": (0, 0),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "1440p": (2560, 1440),
    "2160p": (3840, 2160),
    "4320p": (7680, 4320),
}
"""The width and height of each resolution class, lowest first; all below 720p is 480p."""

_RESOLUTION_NAMES = {"4k": "2160p", "uhd": "2160p", "8k": "4320p"}
_LEAST_BIT_RATE = 30_000
"""Bits a second; a smaller number without a unit was meant in thousands."""
_MOST_FRAMES = 1000
_ROUNDED = Fraction(1, 200)
"""The frames a second by which 23.976 and 29.97 are rounded."""
_TOLERANCE = 0.95
"""The part of a class's width or height that is enough, as black borders are cropped."""


def size(value: Any) -> int:
    """Return the bytes of ``500MB`` (decimal), ``700MiB`` (binary) or a number of bytes."""
    found = _SIZE.fullmatch(str(value).strip())
    if isinstance(value, bool) or not found:
        raise ValueError(f"`{value}` is not a size like 500MB, 700MiB or 1.5 GB")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[(prefix or "").lower()])


def bitrate(value: Any) -> int:
    """Return the bits a second of ``5M``, ``2500k``, ``192 kbps`` or a number of bits."""
    found = _BITRATE.fullmatch(str(value).strip())
    number = 0 if isinstance(value, bool) or not found else float(found[1])
    if not found or number <= 0:
        raise ValueError(f"`{value}` is not a bit rate like 5M, 2500k or 192 kbps")
    if number < _LEAST_BIT_RATE and str(value).strip().isdecimal():
        raise ValueError(f"`{value}` is {value} bits a second; did you mean {value}k?")
    return int(number * 1000 ** _POWERS[found[2].lower()])


def fraction(value: Any) -> float:
    """Return the fraction of ``20%`` or of a number of percent."""
    text = str(value).strip().removesuffix("%").strip()
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if isinstance(value, bool) or not 0 <= percent < 100:
        raise ValueError(f"`{value}` is not a percentage from 0% to less than 100%")
    return percent / 100


def duration(value: Any) -> float:
    """Return the seconds of ``90s``, ``1h30m15s``, ``30d``, ``2w`` or a number of seconds."""
    text = str(value).strip()
    found = _DURATION.fullmatch(text)
    if isinstance(value, bool) or not text or not found:
        raise ValueError(f"`{value}` is not a duration like 90s, 1h30m or 30d")
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds


def format_duration(seconds: float) -> str:
    """Return whole days, hours and minutes as ``duration`` reads them, else the seconds."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % unit == 0:
            return f"{seconds / unit:.0f}{name}"
    return f"{seconds:g}s"


def resolution(value: Any) -> str:
    """Return the name of a resolution class; ``4k`` is ``2160p`` and ``8k`` is ``4320p``."""
    name = str(value).strip().lower()
    name = _RESOLUTION_NAMES.get(name, name)
    if name not in RESOLUTIONS:
        known = [*RESOLUTIONS, "4k", "8k"]
        raise ValueError(f"`{value}` is not a resolution{suggestion(f'{name}p', known)}")
    return name


def resolution_of(width: int | None, height: int | None) -> str | None:
    """Return the resolution class by width or height, whichever is higher; ``None`` if unknown.

    Portrait video has the class that it would have in landscape.
    """
    if not width or not height:
        return None
    long, short = max(width, height), min(width, height)
    return [
        name
        for name, (class_width, class_height) in RESOLUTIONS.items()
        if long >= class_width * _TOLERANCE or short >= class_height * _TOLERANCE
    ][-1]


def frame_rate(value: Any) -> str:
    """Return the exact frame rate of ``25``, ``29.97`` or ``30000/1001`` as a fraction."""
    try:
        rate = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if isinstance(value, bool) or not 1 <= rate <= _MOST_FRAMES:
        raise ValueError(f"`{value}` is not a frame rate like 30, 29.97 or 30000/1001")
    whole = -(-rate.numerator // rate.denominator)
    slower = Fraction(whole * 1000, 1001)
    return str(slower if abs(rate - slower) < _ROUNDED else rate)


def below(one: str, other: str) -> bool:
    """Return whether one resolution class is lower than another."""
    order = list(RESOLUTIONS)
    return order.index(one) < order.index(other)
