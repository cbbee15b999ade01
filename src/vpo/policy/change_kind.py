"""The facts of a file that a policy can change, as keys of reasons and of reported changes."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

FactValue = str | bool | int | None
_TAG_PREFIX = "tag:"


class ChangeKind(Enum):
    """A kind of change. ``TAG`` and ``FLAG`` stand for many: their ``Fact`` has the name."""

    REMOVE = "remove"
    ADD = "add"
    MOVE = "move"
    TITLE = "title"
    LANGUAGE = "language"
    CODEC = "codec"
    SIZE = "size"
    BIT_DEPTH = "bit_depth"
    FRAME_RATE = "frame_rate"
    CHANNELS = "channels"
    LOUDNESS = "loudness"
    DYNAMIC_RANGE = "dynamic_range"
    CONTAINER = "container"
    EXTENSION = "extension"
    NAME = "name"
    TAG = "tag"
    FLAG = "flag"
    TEXT = "text"
    SIDECAR = "sidecar"


class Fact(NamedTuple):
    """What of a file can change.

    ``track`` is the stream index in the source of a track or attachment, ``None`` for what concerns
    the whole file; ``name`` that of a container's tag, or ffmpeg's of a disposition (``default``).
    """

    kind: ChangeKind
    track: int | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """The name of the change in messages, JSON and the database (``title``, ``tag:NAME``)."""
        if self.kind is ChangeKind.TAG:
            return f"{_TAG_PREFIX}{self.name}"
        return self.name or self.kind.value

    @classmethod
    def parse(cls, label: str, track: int | None) -> Fact:
        """Return the fact that has this label; a word that is no other kind is a flag's name."""
        if label.startswith(_TAG_PREFIX):
            return cls(ChangeKind.TAG, track, label.removeprefix(_TAG_PREFIX))
        try:
            return cls(ChangeKind(label), track)
        except ValueError:
            return cls(ChangeKind.FLAG, track, label)
