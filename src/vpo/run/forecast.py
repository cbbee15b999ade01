"""The forecast of how long files take, for the order of a run and its time left.

Before a file is opened, its size and name are known, and its media if it was probed before and has
not changed. Its *kind* is then the strategy or the encoder of its plan. The kind of a new file is
its extension. Each kind has its own pace, learned from earlier outcomes and from the run itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from vpo.db.records import Cost, Timing
from vpo.discover import Candidate
from vpo.run.progress import RunningFile

_LEAST_SECONDS = 0.05
"""Seconds that a file takes at least, however small: the first point of every pace."""
_SAMPLES, _MANY = 10, 50
"""The number of sample files that are processed first, and the number of files that is worth it."""
_WEIGHT = 10.0
"""The weight of all earlier outcomes, in files of this run: the machine may be busier today."""


_MIN_PROGRESS, _MIN_PROGRESS_SECONDS = 0.02, 5.0
"""The fraction of a file and the seconds after which its progress is used to extrapolate: before,
the start of the tool dominates."""


class Pace:
    """A fixed time per file and a time per byte or pixel, fitted by least squares."""

    def __init__(self) -> None:
        self._count = self._amount = self._squares = self._products = 0.0
        self._seconds = 0.0

    def learn(self, amount: int, seconds: float) -> None:
        self._count += 1
        self._amount += amount
        self._seconds += seconds
        self._squares += float(amount) * amount
        self._products += amount * seconds

    def fade(self) -> None:
        """Reduce the weight of what was learned so far to that of a few files."""
        part = _WEIGHT / max(_WEIGHT, self._count)
        self._count, self._amount, self._seconds, self._squares, self._products = (
            value * part
            for value in (self._count, self._amount, self._seconds, self._squares, self._products)
        )

    def seconds(self, count: int, amount: int) -> float:
        """Return the seconds for ``count`` files with ``amount`` bytes or pixels in total."""
        fixed, slope = self._line()
        return count * fixed + amount * slope

    def _line(self) -> tuple[float, float]:
        """Return the fixed time and the slope, neither of them negative.

        An empty file that takes next to no time is always included, so that a line can be fitted
        to files that are all of one size.
        """
        count, total = self._count + 1, self._seconds + _LEAST_SECONDS
        spread = count * self._squares - self._amount**2
        if spread <= 0:
            return total / count, 0.0
        slope = max(0.0, (count * self._products - self._amount * total) / spread)
        fixed = (total - slope * self._amount) / count
        return (fixed, slope) if fixed >= 0 else (0.0, total / self._amount)


class Forecast:
    """The remaining time of one batch.

    ``costs`` are the costs of files whose media is known. Times are in seconds, of a monotonic
    clock.
    """

    def __init__(
        self,
        items: Sequence[Candidate],
        workers: int,
        record: Iterable[Timing] = (),
        costs: Mapping[str, Cost] | None = None,
    ) -> None:
        self._workers = workers
        self._costs = costs or {}
        self._paces: dict[str, Pace] = {}
        self._any = Pace()
        self._learned = False
        for took in record:
            self._learn(took)
        for pace in (self._any, *self._paces.values()):
            pace.fade()
        self._sizes = {item.path: item.size for item in items}
        self._waiting: dict[str, tuple[int, int, int]] = {}
        self._running: dict[str, float] = {}
        self._parts: dict[str, float] = {}
        for item in items:
            self._wait(item.path, 1)

    def ordered(self, items: Iterable[Candidate]) -> list[Candidate]:
        """Return the files with the longest first, so that none of them is left for the end.

        As long as nothing was learned, a few files of all sizes follow the very first, because the
        largest alone do not show how long the others take.
        """
        found = sorted(items, key=lambda item: (-self.seconds(item.path), -item.size))
        if self._learned or len(found) < _MANY:
            return found
        first, rest = found[: self._workers], found[self._workers :]
        samples = rest[len(rest) // _SAMPLES // 2 :: len(rest) // _SAMPLES]
        chosen = set(samples)
        return [*first, *samples, *(item for item in rest if item not in chosen)]

    def seconds(self, path: str) -> float:
        """Return the seconds that a worker needs for this file."""
        kind, amount = self._cost(path)
        return self._seconds(kind, 1, amount, self._sizes[path])

    def update(self, parts: Mapping[str, float]) -> None:
        """Update the fraction done of the running files, from 0 to 1."""
        self._parts = {path: parts[path] for path in self._running if path in parts}

    def begin(self, path: str, now: float) -> None:
        """Note that a file is started."""
        if path in self._sizes:
            self._wait(path, -1)
            self._running[path] = now

    def end(self, path: str, took: Timing | None) -> None:
        """Note that a file is done, and learn from its duration if given."""
        if self._running.pop(path, None) is not None and took is not None:
            self._learn(took)

    def remaining(self, now: float) -> float | None:
        """Return the seconds until all files are done; ``None`` if nothing was learned yet."""
        if not self._learned:
            return None
        left = [self.left(path, began, now) for path, began in self._running.items()]
        waiting = sum(self._seconds(kind, *amounts) for kind, amounts in self._waiting.items())
        return max((sum(left) + waiting) / self._workers, *left, 0.0)

    def running(self, now: float) -> tuple[RunningFile, ...]:
        """Return the files that are being processed, the oldest first."""
        return tuple(
            RunningFile(
                path,
                self._parts.get(path),
                self.left(path, began, now) if self._learned or path in self._parts else None,
            )
            for path, began in self._running.items()
        )

    def left(self, path: str, began: float, now: float) -> float:
        """Return the seconds left for a file, extrapolated from its progress if that is enough."""
        part, took = self._parts.get(path, 0.0), now - began
        if part >= _MIN_PROGRESS and took >= _MIN_PROGRESS_SECONDS:
            return took * (1 - part) / part
        return max(0.0, self.seconds(path) - took)

    def _wait(self, path: str, sign: int) -> None:
        kind, amount = self._cost(path)
        count, amounts, size = self._waiting.get(kind, (0, 0, 0))
        more = sign * self._sizes[path]
        self._waiting[kind] = count + sign, amounts + sign * amount, size + more

    def _cost(self, path: str) -> Cost:
        return self._costs.get(path) or Cost(_extension(path), self._sizes[path])

    def _seconds(self, kind: str, count: int, amount: int, size: int) -> float:
        """Return the seconds by the pace of the kind, or by that of all bytes if it is unknown."""
        pace = self._paces.get(kind)
        return pace.seconds(count, amount) if pace else self._any.seconds(count, size)

    def _learn(self, took: Timing) -> None:
        self._learned = True
        costs = {took.cost} if took.cost else set()
        if took.alike:
            costs.add(Cost(_extension(took.path), took.size))
            self._any.learn(took.size, took.seconds)
        for kind, amount in costs:
            self._paces.setdefault(kind, Pace()).learn(amount, took.seconds)


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()
