"""``preset`` and ``tune`` as each encoder calls them.

A policy says them in x264's words or in the encoder's own. The tables follow the documentation of
the encoders: SVT-AV1 ``Docs/CommonQuestions.md``, libvpx ``vpxenc --help``, libaom ``aomenc
--help``, NVIDIA's preset guide, and the options that ``ffmpeg -h encoder=NAME`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping

from vpo.errors import PlanError

Options = list[tuple[str, str]]
"""Options of ffmpeg for one stream: a name without its dash, and a value."""

X264 = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)


def _row(text: str) -> dict[str, str]:
    """One value for each of x264's presets."""
    return dict(zip(X264, text.split(), strict=True))


_X26X = _row(" ".join(X264))
_NVENC = _row("p1 p1 p2 p3 p3 p4 p5 p6 p7 p7")
_QSV = _row("veryfast veryfast veryfast faster fast medium slow slower veryslow veryslow")
_VAAPI = _row("7 7 7 6 5 4 3 2 1 1")
_SVT = _row("12 11 10 8 7 6 5 4 3 2")
_AOM = _row("8 8 7 6 5 4 3 2 1 0")
_VPX = _row("8 6 5 4 3 2 1 1 0 0")
_SPEEDS: Mapping[str, tuple[str, Mapping[str, str], frozenset[str]]] = {
    "libx264": ("preset", _X26X, frozenset()),
    "libx265": ("preset", _X26X, frozenset()),
    "libvpx-vp9": ("cpu-used", _VPX, frozenset(map(str, range(9)))),
    "libsvtav1": ("preset", _SVT, frozenset(map(str, range(14)))),
    "libaom-av1": ("cpu-used", _AOM, frozenset(map(str, range(9)))),
    "nvenc": ("preset", _NVENC, frozenset(f"p{n}" for n in range(1, 8))),
    "qsv": ("preset", _QSV, frozenset()),
    "vaapi": ("compression_level", _VAAPI, frozenset(map(str, range(1, 8)))),
}
"""The option of an encoder (or of a whole family), what x264's words are there, its own words."""

_REALTIME_FROM = 6
"""From this ``cpu-used`` on, libvpx needs its real-time mode."""


def speed(encoder: str, preset: str | None) -> Options:
    """The preset for an encoder; ``PlanError`` for a word that it does not have.

    Encoders without presets (VideoToolbox) take none.
    """
    found = _SPEEDS.get(encoder) or _SPEEDS.get(encoder.rpartition("_")[2])
    if found is None:
        return []
    option, words, own = found
    chosen = words.get(preset or "medium", preset or "")
    if chosen not in own and preset is not None and preset not in words:
        also = f", or {min(own, key=_order)} to {max(own, key=_order)}" if own else ""
        raise PlanError(f"{encoder} has no preset {preset!r}; use one of {' '.join(X264)}{also}")
    if encoder == "libvpx-vp9":
        slowest = preset == "placebo"
        mode = "realtime" if int(chosen) >= _REALTIME_FROM else "best" if slowest else "good"
        return [("deadline", mode), (option, chosen)]
    return [(option, chosen)]


def _order(word: str) -> int:
    return int(word.lstrip("p"))


TUNES = (
    "film",
    "animation",
    "grain",
    "stillimage",
    "psnr",
    "ssim",
    "fastdecode",
    "zerolatency",
)
_TUNE: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "libx264": {name: ("tune", name) for name in TUNES},
    "libx265": {
        name: ("tune", name)
        for name in ("animation", "grain", "psnr", "ssim", "fastdecode", "zerolatency")
    },
    "libvpx-vp9": {
        "film": ("tune-content", "film"),
        "grain": ("tune-content", "film"),
        "psnr": ("tune", "psnr"),
        "ssim": ("tune", "ssim"),
    },
    "libaom-av1": {"psnr": ("tune", "psnr"), "ssim": ("tune", "ssim")},
    "libsvtav1": {
        "film": ("svtav1-params", "tune=0"),
        "grain": ("svtav1-params", "film-grain=10"),
        "psnr": ("svtav1-params", "tune=1"),
        "fastdecode": ("svtav1-params", "fast-decode=1"),
    },
    "nvenc": {"zerolatency": ("tune", "ll")},
}


def tuning(encoder: str, tune: str | None) -> Options:
    """The tuning for an encoder; nothing where it has no such thing (see ``untuned``)."""
    option = _tunes(encoder).get(tune or "")
    return [option] if option else []


def untuned(encoder: str, tune: str | None) -> str | None:
    """What to tell where an encoder does not have the tuning that is asked for."""
    if tune is None or tune in _tunes(encoder):
        return None
    return f"{encoder} has no tune {tune}; encoded without"


def _tunes(encoder: str) -> Mapping[str, tuple[str, str]]:
    return _TUNE.get(encoder) or _TUNE.get(encoder.rpartition("_")[2]) or {}
