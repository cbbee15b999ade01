"""The forecast of how long files take, for the order of a run and its time left.

Before a file is opened, its size and name are known, and its media if it was probed before and has
not changed. Its *kind* is then the strategy or the encoder of its plan. The kind of a new file is
its extension. Each kind has its own pace, learned from earlier outcomes, from the run itself, and
from the progress of the files that it processes now.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

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
_FIRST_SECONDS = 2.0
"""The seconds of progress after which that of a file counts as long as nothing else is known."""


class Pace:
    """A fixed time per file and a time per byte or pixel, fitted by least squares."""

    def __init__(self) -> None:
        self._count = self._amount = self._squares = self._products = 0.0
        self._seconds = 0.0

    @property
    def learned(self) -> bool:
        return self._count > 0

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


class Remaining(NamedTuple):
    """What is left of a batch: the seconds, the part of all work that is done, from 0 to 1.

    Both are ``None`` if unknown. ``running`` are the files in progress, the oldest first.
    """

    seconds: float | None
    part: float | None
    running: tuple[RunningFile, ...]


class Paces:
    """The pace of each kind of file, and that of all bytes for a kind that is unknown."""

    def __init__(
        self, by_kind: Mapping[str, Pace] | None = None, every: Pace | None = None
    ) -> None:
        self._by_kind = dict(by_kind or {})
        self._any = every or Pace()
        self.learned = False

    def learn(self, took: Timing) -> None:
        """Learn from the duration of a file."""
        self.learned = True
        costs = {took.cost} if took.cost else set()
        if took.alike:
            costs.add(Cost(_extension(took.path), took.size))
            self._any.learn(took.size, took.seconds)
        for kind, amount in costs:
            self._by_kind.setdefault(kind, Pace()).learn(amount, took.seconds)

    def fade(self) -> None:
        """Reduce the weight of what was learned so far to that of a few files."""
        for pace in (self._any, *self._by_kind.values()):
            pace.fade()

    def knows(self, kind: str) -> bool:
        """Return whether anything was learned that holds for this kind."""
        return kind in self._by_kind or self._any.learned

    def seconds(self, kind: str, count: int, amount: int, size: int) -> float:
        """Return the seconds by the pace of the kind, or by that of all bytes if it is unknown."""
        pace = self._by_kind.get(kind)
        return pace.seconds(count, amount) if pace else self._any.seconds(count, size)

    def with_all(self, timings: Iterable[Timing]) -> Paces:
        """Return the paces that have also learned these durations."""
        timings = list(timings)
        if not timings:
            return self  # short files come by the thousand
        found = deepcopy(self)
        for took in timings:
            found.learn(took)
        return found


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
        self._paces = Paces()
        for took in record:
            self._paces.learn(took)
        self._paces.fade()
        self._sizes = {item.path: item.size for item in items}
        self._waiting: dict[str, tuple[int, int, int]] = {}
        self._running: dict[str, float] = {}
        self._parts: dict[str, float] = {}
        self._first: dict[str, tuple[float, float]] = {}
        self._spent = 0.0
        for item in items:
            self._wait(item.path, 1)

    def expect(self, item: Candidate) -> None:
        """Add a file that was not known at the start."""
        self._sizes[item.path] = item.size
        self._wait(item.path, 1)

    def ordered(self, items: Iterable[Candidate]) -> list[Candidate]:
        """Return the files with the longest first, so that none of them is left for the end.

        As long as nothing was learned, a few files of all sizes follow the very first, because the
        largest alone do not show how long the others take.
        """
        found = sorted(items, key=lambda item: (-self.seconds(item.path), -item.size))
        if self._paces.learned or len(found) < _MANY:
            return found
        first, rest = found[: self._workers], found[self._workers :]
        samples = rest[len(rest) // _SAMPLES // 2 :: len(rest) // _SAMPLES]
        chosen = set(samples)
        return [*first, *samples, *(item for item in rest if item not in chosen)]

    def seconds(self, path: str) -> float:
        """Return the seconds that a worker needs for this file."""
        return self._expected(path, self._paces)

    def update(self, parts: Mapping[str, float], now: float) -> None:
        """Update the fraction done of the running files, from 0 to 1."""
        before = self._parts
        self._parts = {path: parts[path] for path in self._running if path in parts}
        for path, part in self._parts.items():
            if part and (path not in self._first or part < before.get(path, 0.0)):
                self._first[path] = now, part

    def begin(self, path: str, now: float) -> None:
        """Note that a file is started."""
        if path in self._sizes:
            self._wait(path, -1)
            self._running[path] = now

    def end(self, path: str, took: Timing | None) -> None:
        """Note that a file is done, and learn from its duration if given."""
        self._first.pop(path, None)
        if self._running.pop(path, None) is not None and took is not None:
            self._spent += took.seconds
            self._paces.learn(took)

    def put_off(self, path: str) -> None:
        """Note that a file which was started waits again."""
        self._first.pop(path, None)
        if self._running.pop(path, None) is not None:
            self._wait(path, 1)

    def at(self, now: float) -> Remaining:
        """Return what is left at this time; unknown as long as there is a kind without a pace."""
        paces = self._paces.with_all(self._extrapolated(now))
        running = tuple(
            RunningFile(path, self._parts.get(path), self._left(path, now, paces))
            for path in self._running
        )
        left = [item.left for item in running if item.left is not None]
        kinds = [kind for kind, (count, *_) in self._waiting.items() if count]
        if len(left) < len(running) or not all(map(paces.knows, kinds)):
            return Remaining(None, None, running)
        waiting = sum(paces.seconds(kind, *amounts) for kind, amounts in self._waiting.items())
        rest = sum(left) + waiting
        spent = self._spent + sum(now - began for began in self._running.values())
        part = spent / (spent + rest) if spent else 0.0
        return Remaining(max(rest / self._workers, *left, 0.0), part, running)

    def _extrapolated(self, now: float) -> Iterator[Timing]:
        """Yield how long the running files will have taken, as far as their progress shows it."""
        for path, began in self._running.items():
            if self._shows(path, now):
                took = now - began + self._rest(path, now)
                yield Timing(path, self._costs.get(path), self._sizes[path], took)

    def _shows(self, path: str, now: float) -> bool:
        """Return whether the progress of a file shows how long it takes."""
        part, took = self._parts.get(path, 0.0), now - self._running[path]
        if part >= _MIN_PROGRESS and took >= _MIN_PROGRESS_SECONDS:
            return True
        if self._paces.knows(self._cost(path).kind) or path not in self._first:
            return False
        since, first = self._first[path]
        return part > first and now - since >= _FIRST_SECONDS

    def _rest(self, path: str, now: float) -> float:
        """Return the seconds left at the pace of the progress so far.

        Counted from the first progress: before, tools start and encoders fill their buffers.
        """
        part = self._parts[path]
        since, first = self._first[path]
        if part > first and now > since:
            return (1 - part) * (now - since) / (part - first)
        return (1 - part) * (now - self._running[path]) / part

    def _left(self, path: str, now: float, paces: Paces) -> float | None:
        """Return the seconds left for a running file, by its progress if that shows them.

        Of a file that is overdue nothing is known, but that it takes longer: as long again.
        """
        if self._shows(path, now):
            return self._rest(path, now)
        known = paces.knows(self._cost(path).kind)
        took = now - self._running[path]
        return abs(self._expected(path, paces) - took) if known else None

    def _expected(self, path: str, paces: Paces) -> float:
        kind, amount = self._cost(path)
        return paces.seconds(kind, 1, amount, self._sizes[path])

    def _wait(self, path: str, sign: int) -> None:
        kind, amount = self._cost(path)
        count, amounts, size = self._waiting.get(kind, (0, 0, 0))
        more = sign * self._sizes[path]
        self._waiting[kind] = count + sign, amounts + sign * amount, size + more

    def _cost(self, path: str) -> Cost:
        return self._costs.get(path) or Cost(_extension(path), self._sizes[path])


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()
