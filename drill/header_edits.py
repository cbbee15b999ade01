"""Header edits: killed at every call, wherever the element goes, and of headers that are damaged."""

from __future__ import annotations

from itertools import chain

from drill.bench import Bench
from drill.damaged import mutate
from drill.every_call import Shot, shoot
from drill.killed import Work
from drill.policies import HEADER

TITLE = """\
schema_version: 13
config: {on_error: skip}
phases: [{name: titles, titles: {video: TEXT, audio: TEXT}}]
"""
_PER_WORK = 60


def _titled(name: str, letters: int, sample: str) -> Work:
    return Work(name, TITLE.replace("TEXT", "x" * letters), (sample,))


WORKS = (
    Work("flags in their place", HEADER, ("wrong-flags.mkv",)),
    _titled("into the room behind", 100, "multi-audio.mkv"),
    _titled("into the room before", 3000, "wrong-flags.mkv"),
    _titled("to the end of the file", 300, "front-tags.mkv"),
    _titled("WebM", 300, "clip.webm"),
    Work("flags in MP4", HEADER.replace("jpn", "fre"), ("mov-text.mp4",)),
    _titled("to the end of an MP4", 300, "chapters.mp4"),
    _titled("to the end of QuickTime", 300, "camera.mov"),
)


def killed(bench: Bench) -> None:
    """Kill an edit at calls over the whole of it, for each place that an element can go to."""
    shots = chain.from_iterable(
        (Shot(work, False, "kill", number / _PER_WORK) for number in range(_PER_WORK))
        for work in WORKS
    )
    chosen = list(shots)
    shoot(bench, bench.random.sample(chosen, 2) if bench.short else chosen)


def mutated(bench: Bench) -> None:
    """A damaged header is left alone, or edited so that nothing else changes."""
    suffixes = (".mkv", ".webm", ".mp4", ".mov", ".m4v")
    mutate(bench, suffixes, ("header edit",), bench.scale(10, 2000))
