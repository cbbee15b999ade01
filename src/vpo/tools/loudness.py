"""Measuring the loudness of audio with ffmpeg, and the filters that change it.

EBU R 128 measures by ITU-R BS.1770: the integrated loudness of a programme, in LUFS, and its true
peak, in dBTP. The gain is the same for all of a track, so that its dynamic range stays; where that
would raise peaks above the limit, a limiter holds these alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from vpo.media.encode_spec import Loudness
from vpo.tools.process import Listener

_SILENCE = -70.0
"""The gate of BS.1770 in LUFS: what is not louder has no loudness."""
TOLERANCE = 0.5
"""The LU by which a programme may miss its target (EBU R 128, for what is not live)."""
_OVERSAMPLING = 4
"""Times the sample rate at which true peaks show (BS.1770, annex 2)."""
_METER = "ebur128=peak=true:metadata=1:framelog=verbose"
_PRINT = "ametadata=mode=print:file=-"
_INTEGRATED = "lavfi.r128.I"
_PEAKS = "lavfi.r128.true_peaks_ch"
_TIME = "pts_time:"


class AudioLevel(NamedTuple):
    """What was measured: ``loudness`` in LUFS, ``None`` for silence, and ``peak`` in dBTP.

    ``raised`` are the dB of gain that make up for what a limiter takes, ``reached`` the loudness
    that was measured behind it.
    """

    loudness: float | None
    peak: float
    raised: float = 0.0
    reached: float | None = None

    def is_at(self, wanted: Loudness) -> bool:
        """Return whether audio need not be changed to have a loudness; silence never has one.

        Lossy codecs raise peaks anew, so that these are no reason.
        """
        return self.loudness is None or abs(self.loudness - wanted.target) <= TOLERANCE

    def gain(self, wanted: Loudness) -> float:
        """Return the gain in dB that gives audio a loudness."""
        return 0.0 if self.loudness is None else wanted.target - self.loudness + self.raised

    def is_limited(self, wanted: Loudness) -> bool:
        """Return whether that gain would raise peaks above their limit."""
        return self.loudness is not None and self.peak + self.gain(wanted) > wanted.true_peak


def measuring_argv(
    program: str, source: Sequence[str], stream: int, steps: Sequence[str]
) -> list[str]:
    """Return the command that measures a stream behind these filters.

    ``source`` are the options that open the file.
    """
    graph = ",".join([*steps, _METER, _PRINT])
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "error", *source]
    return [*command, "-map", f"0:{stream}", "-filter:0", graph, "-f", "null", "-"]


def changing_steps(level: AudioLevel, wanted: Loudness, sample_rate: int | None) -> list[str]:
    """Return the filters that give audio of a level its loudness, at its own sample rate (Hz)."""
    gain = level.gain(wanted)
    steps = [f"volume={gain:.2f}dB"] if gain else []
    if not level.is_limited(wanted):
        return steps
    limiter = limiting_step(wanted.true_peak)
    if sample_rate is None:
        return [*steps, limiter]
    high = f"aresample={sample_rate * _OVERSAMPLING}"
    return [*steps, high, limiter, f"aresample={sample_rate}"]


def limiting_step(peak: float) -> str:
    """Return the filter that keeps samples under a peak in dBFS, and everything else as it is."""
    return f"alimiter=limit={10 ** (peak / 20):.4f}:level=false"


class LevelOutput(Listener):
    """Reads the level of a stream from the output of its measurement.

    ``heard_to`` takes the time up to which it was measured, in seconds.
    """

    def __init__(self, heard_to: Callable[[float], object] = bool) -> None:
        self._heard_to = heard_to
        self._loudness = _SILENCE
        self._peak = 0.0

    @property
    def level(self) -> AudioLevel:
        audible = self._loudness > _SILENCE
        peak = 20 * math.log10(self._peak) if self._peak > 0 else -math.inf
        return AudioLevel(self._loudness if audible else None, peak)

    def stdout(self, line: str) -> bool:
        key, _, value = line.partition("=")
        if key == _INTEGRATED:
            self._loudness = _number(value, self._loudness)
        elif key.startswith(_PEAKS):
            self._peak = max(self._peak, _number(value, 0.0))
        _, timed, time = line.partition(_TIME)
        if timed:
            self._heard_to(_number(time, 0.0))
        return bool(timed)


def _number(text: str, otherwise: float) -> float:
    try:
        found = float(text)
    except ValueError:
        return otherwise
    return found if math.isfinite(found) else otherwise
