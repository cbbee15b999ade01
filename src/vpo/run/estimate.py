"""The estimate of a dry run: how long the changes would take, and how many bytes they would save.

What earlier outcomes show is preferred: each kind of work (a strategy, or an encoder with its
preset) has its own pace, and encodes have shown how small they make files. For kinds that are not
recorded there are guesses, with wide ranges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from vpo.db.records import Cost, Timing
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Track
from vpo.plan.model import Plan
from vpo.run.cost import plan_cost
from vpo.run.forecast import Pace

_ENOUGH = 3
"""The number of earlier outcomes from which a kind counts as known."""
_PARTS = (0.1, 0.9)
"""The parts of the outcomes below the ends of a range: it holds for four of five."""
_EDIT_SECONDS = (0.04, 0.5)
_COPY_BYTES = (30e6, 500e6)
"""Bytes a second of a remux with all its proofs: a slow disk, a fast one."""
_AUDIO_BYTES = (10e6, 150e6)
"""Bytes a second of files whose audio is encoded."""
_PIXELS = {"h264": (5e6, 60e6), "hevc": (1e6, 15e6), "av1": (1e6, 20e6), "vp9": (0.7e6, 8e6)}
"""Pixels a second that one core encodes with the preset ``medium``."""
_HARDWARE_PIXELS = (100e6, 800e6)
_PRESETS = {
    "ultrafast": 6.0,
    "superfast": 4.0,
    "veryfast": 3.0,
    "faster": 2.0,
    "fast": 1.3,
    "slow": 0.5,
    "slower": 0.2,
    "veryslow": 0.1,
}
"""How much faster than ``medium`` the presets of x264 are."""
_SIZES = {"h264": (0.3, 1.3), "hevc": (0.15, 0.9), "av1": (0.12, 0.9), "vp9": (0.2, 0.95)}
"""The size of an encoded video, as a part of what it was."""
_RATE_TOLERANCE = 0.15
_AUDIO_RATES = (64e3, 1.5e6)
"""Bits a second of audio whose rate is not known."""


class Range(NamedTuple):
    """An estimated value, and the range in which it is expected."""

    low: float
    expected: float
    high: float

    def plus(self, other: Range) -> Range:
        return Range(*(one + two for one, two in zip(self, other, strict=True)))

    def times(self, factor: float) -> Range:
        low, high = sorted((self.low * factor, self.high * factor))
        return Range(low, self.expected * factor, high)


NOTHING = Range(0.0, 0.0, 0.0)


class Estimate(NamedTuple):
    """What the changes of a run would take and save.

    ``seconds`` is the duration of the run; ``saved`` are the bytes by which the files become
    smaller. ``guessed`` of the ``files`` are of kinds that are not known; ``records`` is the
    number of earlier outcomes behind the others.
    """

    files: int
    seconds: Range
    saved: Range
    guessed: int
    records: int

    def facts(self) -> dict[str, object]:
        """Return the estimate as documented for JSON."""
        return {
            "files": self.files,
            "seconds": {name: round(value, 1) for name, value in self.seconds._asdict().items()},
            "saved": {name: round(value) for name, value in self.saved._asdict().items()},
            "guessed": self.guessed,
            "records": self.records,
        }


@dataclass
class _Kind:
    """What is recorded of one kind of work."""

    amounts: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)

    def time(self, amount: int) -> Range:
        """Return the seconds for a file of this amount."""
        pace, spread = self._pace
        return spread.times(pace.seconds(1, amount))

    @cached_property
    def _pace(self) -> tuple[Pace, Range]:
        """The pace, and by which factor files took less and more time."""
        pace = Pace()
        for one, took in zip(self.amounts, self.seconds, strict=True):
            pace.learn(one, took)
        ratios = [
            took / max(pace.seconds(1, one), 1e-3)
            for one, took in zip(self.amounts, self.seconds, strict=True)
        ]
        low, high = _ends(ratios)
        # A few outcomes say little of how busy the machine can be.
        doubt = 1 + 1 / math.sqrt(len(ratios))
        return pace, Range(min(low, 1.0) / doubt, 1.0, max(high, 1.0) * doubt)

    @cached_property
    def size(self) -> Range:
        """The size of a result, as a part of what the file was."""
        low, high = _ends(self.sizes)
        return Range(low, sum(self.sizes) / len(self.sizes), high)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    found = sorted(values)
    low, high = (found[round(part * (len(found) - 1))] for part in _PARTS)
    return low, high


class Estimator:
    """Adds up the plans of a dry run, without keeping them.

    ``record`` are earlier outcomes; ``workers`` process files at the same time on ``cores``.
    """

    def __init__(self, record: Iterable[Timing], workers: int, cores: int) -> None:
        self._workers, self._cores = max(1, workers), max(1, cores)
        self._kinds: dict[str, _Kind] = {}
        for took in record:
            if took.cost is not None:
                self._learn(took.cost, took)
        self._files = self._guessed = 0
        self._shared = self._alone = self._longest = self._saved = NOTHING
        self._used: set[str] = set()

    def _learn(self, cost: Cost, took: Timing) -> None:
        kind = self._kinds.setdefault(cost.kind, _Kind())
        kind.amounts.append(cost.amount)
        kind.seconds.append(took.seconds)
        if took.after is not None and took.size:
            kind.sizes.append(took.after / took.size)

    def add(self, plan: Plan) -> None:
        """Add the plan of one file that would be changed."""
        cost = plan_cost(plan)
        kind = self._kinds.get(cost.kind)
        known = kind is not None and len(kind.seconds) >= _ENOUGH
        self._files += 1
        if kind is not None and known:
            self._used.add(cost.kind)
            seconds = kind.time(cost.amount)
            self._shared = self._shared.plus(seconds)
        else:
            self._guessed += 1
            kind = None
            seconds = _guessed_seconds(plan, cost, self._cores)
            self._alone = self._alone.plus(seconds)
        self._longest = max(self._longest, seconds, key=_expected)
        self._saved = self._saved.plus(_saved(plan, kind))

    def result(self) -> Estimate:
        """Return the estimate for all plans."""
        # Records are of files that shared the machine with others; a guess is for all cores.
        total = self._shared.times(1 / self._workers).plus(self._alone)
        seconds = max(total, self._longest, key=_expected)
        records = sum(len(self._kinds[name].seconds) for name in self._used)
        return Estimate(self._files, seconds, self._saved, self._guessed, records)


def _expected(found: Range) -> float:
    return found.expected


def _between(ends: tuple[float, float]) -> Range:
    """Return a guess between two ends, with the geometric mean as the expected value."""
    return Range(ends[0], math.sqrt(ends[0] * ends[1]), ends[1])


def _at_pace(amount: float, pace: tuple[float, float]) -> Range:
    return _between((amount / pace[1], amount / pace[0]))


def _guessed_seconds(plan: Plan, cost: Cost, cores: int) -> Range:
    """Return how long a file may take on this number of cores."""
    if plan.strategy == "header":
        return _between(_EDIT_SECONDS)
    copy = _at_pace(plan.before.size, _COPY_BYTES)
    encodes = list(plan.video_encodes.values())
    if not encodes:
        audio = _at_pace(plan.before.size, _AUDIO_BYTES)
        return audio if plan.encodes else copy
    # Without a known duration or size of the frames, the cost is in bytes: some 10 pixels each.
    pixels = cost.amount if cost.kind != plan.strategy else cost.amount * 10
    return copy.plus(_encode_seconds(encodes[0], pixels, cores))


def _encode_seconds(how: VideoEncode, pixels: int, cores: int) -> Range:
    if how.hw not in ("none", "auto"):
        return _at_pace(pixels, _HARDWARE_PIXELS)
    faster = _PRESETS.get(how.preset or "", 1.0) * cores
    slow, fast = _PIXELS[how.codec]
    found = _at_pace(pixels, (slow * faster, fast * faster))
    if how.quality.vmaf is not None or how.quality.two_pass:
        found = Range(found.low * 1.3, found.expected * 1.7, found.high * 2.5)
    return found


def _saved(plan: Plan, kind: _Kind | None) -> Range:
    """Return the bytes by which a file becomes smaller."""
    removed = _removed(plan)
    tracks = {track.index: track for track in plan.before.tracks}
    for index, how in plan.video_encodes.items():
        video, seconds = tracks[index], tracks[index].duration or plan.before.duration
        before = video.bit_rate * seconds / 8 if video.bit_rate and seconds else None
        whole = before or max(0.0, plan.before.size - removed.expected)
        if kind is not None and len(kind.sizes) >= _ENOUGH:
            # The records are of whole files, the tracks that were removed included.
            part = kind.size
            saved = Range(1 - part.high, 1 - part.expected, 1 - part.low)
            return saved.times(plan.before.size)
        removed = removed.plus(_encode_saves(how, whole, seconds))
    return removed


def _encode_saves(how: VideoEncode, before: float, seconds: float | None) -> Range:
    rate = how.quality.target_bitrate
    if rate and seconds:
        after = rate * seconds / 8
        off = after * _RATE_TOLERANCE
        return Range(before - after - off, before - after, before - after + off)
    part = _between(_SIZES[how.codec])
    return Range(1 - part.high, 1 - part.expected, 1 - part.low).times(before)


def _removed(plan: Plan) -> Range:
    """Return the bytes of the tracks and attachments that a plan removes."""
    gone = set(plan.removed)
    found = NOTHING
    for item in plan.before.streams:
        if item.index not in gone:
            continue
        if not isinstance(item, Track):
            size = float(item.size or 0)
            found = found.plus(Range(size, size, size))
            continue
        seconds = item.duration or plan.before.duration
        if item.bit_rate and seconds:
            size = item.bit_rate * seconds / 8
            found = found.plus(Range(size, size, size))
        elif item.type == "audio" and seconds:
            found = found.plus(_between(_AUDIO_RATES).times(seconds / 8))
    return found
