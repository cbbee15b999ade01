"""The size that encoded video may have for ``min_savings``, whatever becomes of other tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from vpo.errors import SavingsError
from vpo.media.encode_spec import AudioEncode
from vpo.media.model import Track
from vpo.plan.model import Plan
from vpo.text import format_size

_SURE = 0.15
"""The fraction of a video after which the final size is projected."""
_MARGIN = 1.15
"""The factor by which a projected size must exceed the limit to end the encode early."""

Sizes = Mapping[int, int]
"""The bytes of all packets of each stream, by index."""


class SizeLimit:
    """The limit for the ``min_savings`` of a plan; none if it has none.

    ``sizes`` returns those of the source once they are known. Until then, bit rates that the source
    states give the size of its tracks.
    """

    def __init__(self, plan: Plan, sizes: Callable[[], Sizes | None] = lambda: None) -> None:
        self._plan, self._sizes = plan, sizes
        asked = (how.min_savings for how in plan.video_encodes.values())
        self._wanted = max((part for part in asked if part is not None), default=None)

    def project(self, written: int, part: float) -> None:
        """Raise ``SavingsError`` once the projected size of the file is clearly too large."""
        if self._wanted is None or part < _SURE:
            return
        sizes = self._sizes() or _stated_sizes(self._plan)
        video = sum(sizes.get(index, 0) for index in self._plan.video_encodes)
        if written / part > self._most(self._wanted, sizes, video) * _MARGIN:
            raise self._error(f"the file would have {format_size(int(written / part))}")

    def check_file(self, size: int) -> None:
        """Raise ``SavingsError`` if the file is too large: where its packets are not read."""
        if self._wanted is None:
            return
        sizes = self._sizes() or _stated_sizes(self._plan)
        encoded, before = self._plan.video_encodes, self._plan.before
        rest = before.size - sum(sizes[index] for index in sizes if index not in encoded)
        known = all(index in sizes for index in encoded)
        video = sum(sizes[index] for index in encoded) if known else max(0, rest)
        if size > self._most(self._wanted, sizes, video):
            raise self._error(f"the file would have {format_size(size)}")

    def check_video(self, before: int, after: int) -> None:
        """Raise ``SavingsError`` if the packets of the encoded video have too many bytes."""
        if self._wanted is not None and after > before * (1 - self._wanted):
            raise self._error(
                f"the video would have {format_size(after)} instead of {format_size(before)}"
            )

    def _most(self, wanted: float, sizes: Sizes, video: int) -> float:
        """Return the most bytes of the file, if its encoded video has so many."""
        kept = {track.index for track in self._plan.after.tracks}
        removed = sum(sizes[index] for index in sizes if index not in kept)
        return max(0.0, self._plan.before.size - wanted * video - removed + _added(self._plan))

    def _error(self, result: str) -> SavingsError:
        return SavingsError(
            f"encoded, {result}; that saves less than {self._wanted or 0:.0%} (min_savings), so "
            "its video is not encoded"
        )


def _stated_sizes(plan: Plan) -> Sizes:
    rates = ((t, t.bit_rate, t.duration or plan.before.duration) for t in plan.before.tracks)
    return {t.index: int(rate * seconds / 8) for t, rate, seconds in rates if rate and seconds}


def _added(plan: Plan) -> float:
    """Return the most bytes of the tracks that are added."""
    return sum(_most_bits(plan)) * (plan.before.duration or 0) / 8


def _most_bits(plan: Plan) -> Iterator[int]:
    """Yield the bits a second of added tracks: lossless ones are smaller than 16-bit samples."""
    there = {track.index: track for track in plan.before.tracks}
    for index, how in plan.audio_encodes.items():
        if index not in there:
            yield _bits(how, there[how.source])


def _bits(how: AudioEncode, source: Track) -> int:
    channels = how.channels or source.channels or 2
    return how.bitrate or channels * (source.sample_rate or 48_000) * 16
