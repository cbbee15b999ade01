"""How long files will take, from how long others took: for the order of work, and for its end.

Before a file is opened, its size and name are known, and its media if it was probed before and is
still the same. Its *kind* is then what the policies want done with that media: the strategy, or the
encoder. If the file is new here, its kind is the suffix of its name. Each kind has a pace of its
own, learned from the record and from the run itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from vpo.db.records import Load, Took
from vpo.discover import Candidate
from vpo.run.progress import RunningFile

_LEAST_SECONDS = 0.05
"""What looking at a file takes, however small it is: the anchor of every pace."""
_SCOUTS, _MANY = 10, 50
"""So many files tell of the others, where there are many."""
_WEIGHT = 10.0
"""For how many files of this run the whole record counts: the machine may be busier today."""


_TELLING, _TELLING_SECONDS = 0.02, 5.0
"""The part of a file, and the time, after which it tells how long the rest takes: before, it is the
start of the tool that tells."""


class Pace:
    """A fixed time and one a byte or pixel: the line of least squares through what was seen."""

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
        """Let what was seen so far count for no more than a few files."""
        part = _WEIGHT / max(_WEIGHT, self._count)
        self._count, self._amount, self._seconds, self._squares, self._products = (
            value * part
            for value in (self._count, self._amount, self._seconds, self._squares, self._products)
        )

    def seconds(self, count: int, amount: int) -> float:
        """For so many files that have so many bytes or pixels together."""
        fixed, slope = self._line()
        return count * fixed + amount * slope

    def _line(self) -> tuple[float, float]:
        """Neither is negative. An empty file that takes next to nothing is always among the seen,
        so that files which are all of one size say what smaller ones take."""
        count, total = self._count + 1, self._seconds + _LEAST_SECONDS
        spread = count * self._squares - self._amount**2
        if spread <= 0:
            return total / count, 0.0
        slope = max(0.0, (count * self._products - self._amount * total) / spread)
        fixed = (total - slope * self._amount) / count
        return (fixed, slope) if fixed >= 0 else (0.0, total / self._amount)


class Forecast:
    """What is still to be done of one batch.

    ``foreseen`` are the loads of files whose media is known.
    Times are those of any clock that only goes forward, in seconds.
    """

    def __init__(
        self,
        items: Sequence[Candidate],
        workers: int,
        record: Iterable[Took] = (),
        foreseen: Mapping[str, Load] | None = None,
    ) -> None:
        self._workers = workers
        self._foreseen = foreseen or {}
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
        """The one that takes longest first, so that no long file is left for the end.

        As long as nothing was ever seen, a few of all sizes come behind the very first: from the
        largest alone nobody could tell what the others take.
        """
        found = sorted(items, key=lambda item: (-self.seconds(item.path), -item.size))
        if self._learned or len(found) < _MANY:
            return found
        first, rest = found[: self._workers], found[self._workers :]
        scouts = rest[len(rest) // _SCOUTS // 2 :: len(rest) // _SCOUTS]
        chosen = set(scouts)
        return [*first, *scouts, *(item for item in rest if item not in chosen)]

    def seconds(self, path: str) -> float:
        """How long a worker will need for this file."""
        kind, amount = self._load(path)
        return self._seconds(kind, 1, amount, self._sizes[path])

    def advance(self, parts: Mapping[str, float]) -> None:
        """What part is done of the files, as far as their tools tell."""
        self._parts = {path: parts[path] for path in self._running if path in parts}

    def begin(self, path: str, now: float) -> None:
        """The work on a file begins."""
        if path in self._sizes:
            self._wait(path, -1)
            self._running[path] = now

    def end(self, path: str, took: Took | None) -> None:
        """The work on a file has ended; what it took, if that says something of others."""
        if self._running.pop(path, None) is not None and took is not None:
            self._learn(took)

    def remaining(self, now: float) -> float | None:
        """Seconds until all is done; ``None`` as long as nothing was ever seen."""
        if not self._learned:
            return None
        left = [self.left(path, began, now) for path, began in self._running.items()]
        waiting = sum(self._seconds(kind, *amounts) for kind, amounts in self._waiting.items())
        return max((sum(left) + waiting) / self._workers, *left, 0.0)

    def running(self, now: float) -> tuple[RunningFile, ...]:
        """The files that are being worked on, the oldest first."""
        return tuple(
            RunningFile(
                path,
                self._parts.get(path),
                self.left(path, began, now) if self._learned or path in self._parts else None,
            )
            for path, began in self._running.items()
        )

    def left(self, path: str, began: float, now: float) -> float:
        """Seconds for the rest of a file: by the part that is done, if a tool has told enough."""
        part, took = self._parts.get(path, 0.0), now - began
        if part >= _TELLING and took >= _TELLING_SECONDS:
            return took * (1 - part) / part
        return max(0.0, self.seconds(path) - took)

    def _wait(self, path: str, sign: int) -> None:
        kind, amount = self._load(path)
        count, amounts, size = self._waiting.get(kind, (0, 0, 0))
        more = sign * self._sizes[path]
        self._waiting[kind] = count + sign, amounts + sign * amount, size + more

    def _load(self, path: str) -> Load:
        return self._foreseen.get(path) or Load(_suffix(path), self._sizes[path])

    def _seconds(self, kind: str, count: int, amount: int, size: int) -> float:
        """By the pace of the kind, or by that of all bytes where none of it was ever seen."""
        pace = self._paces.get(kind)
        return pace.seconds(count, amount) if pace else self._any.seconds(count, size)

    def _learn(self, took: Took) -> None:
        self._learned = True
        loads = {took.load} if took.load else set()
        if took.alike:
            loads.add(Load(_suffix(took.path), took.size))
            self._any.learn(took.size, took.seconds)
        for kind, amount in loads:
            self._paces.setdefault(kind, Pace()).learn(amount, took.seconds)


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()
