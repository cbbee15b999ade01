"""The desired state of one file while the phases of a policy fold over it.

A ``Draft`` is frozen: each method returns the next one. It remembers for every fact who changed it
last, so that the plan can say *which phase, which operation and why* without a second bookkeeping.
Tracks and attachments are named by their stream ``index`` in the source, which never changes here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, Protocol

from vpo.media.containers import container, holds_tag, uncarried, users_tags
from vpo.media.encode_spec import Encode
from vpo.media.model import Attachment, MediaFile, Track
from vpo.policy.change_kind import ChangeKind, Fact

Timestamp = Literal["preserve", "now"] | int
"""What becomes of the modification time; a number is nanoseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Who asked for a change: ``phase``, ``operation`` (the policy key) and why, in words.

    Both are empty for what no phase asked for and a rewrite brings with it.
    """

    phase: str
    operation: str
    text: str

    def __str__(self) -> str:
        return f"{self.phase}/{self.operation}: {self.text}" if self.phase else self.text


_ENCODED = (ChangeKind.CODEC, ChangeKind.SIZE, ChangeKind.CHANNELS, ChangeKind.DYNAMIC_RANGE)
"""What of a track an encode can change."""

Value = str | int | float | bool


@dataclass(frozen=True)
class Known:
    """What is known of a file beside what is in it.

    ``metadata`` are the fields that metadata sources gave, by the source's name. ``encoded`` says
    that these policies have encoded the file's video before: what an encode cannot foresee, such as
    its bit rate, is then no reason to do it again. ``futile`` says that an encode was tried, and
    would not have saved as much as the policies want.
    """

    metadata: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    encoded: bool = False
    futile: bool = False


Skip = Literal["video_transcode", "audio_transcode", "track_filter"]
"""Operations that a rule can switch off for the rest of its phase."""


class Deferred(Protocol):
    """What was decided early in a phase and is carried out at a later step of it."""

    def carry_out(self, draft: Draft) -> Draft:
        """The draft after it. Raises ``PlanError`` where it cannot be done on this file."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The media as the policy wants it so far, and the reasons.

    ``phase`` and ``operation`` are set by whoever runs the operations; ``reasons`` maps a fact to
    the last reason that touched it; ``timestamp`` is ``None`` while no operation asked; ``skips``
    is what a rule of this phase has switched off, ``deferred`` what one has decided for later.
    ``encodes`` says, by stream index, how tracks are to be encoded; a track that is not in it is
    copied.
    """

    media: MediaFile
    phase: str = ""
    operation: str = ""
    reasons: Mapping[Fact, Reason] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()
    timestamp: Timestamp | None = None
    known: Known = Known()
    skips: frozenset[Skip] = frozenset()
    encodes: Mapping[int, Encode] = field(default_factory=lambda: MappingProxyType({}))
    deferred: tuple[Deferred, ...] = ()

    def at(self, phase: str, operation: str) -> Draft:
        """The same state, with what follows attributed to this phase and operation."""
        return replace(self, phase=phase, operation=operation)

    def warn(self, text: str) -> Draft:
        """Add a warning, once."""
        if text in self.warnings:
            return self
        return replace(self, warnings=(*self.warnings, text))

    def set_flag(self, index: int, flag: str, value: bool, why: str) -> Draft:
        """Set or clear a disposition; where the container has no such flag, only a warning."""
        track = self.track(index)
        if (flag in track.dispositions) == value:
            return self
        kind = container(self.media.container)
        if flag not in kind.flags:
            return self.warn(f"{kind.name} cannot hold the {flag} flag; left as it is")
        return self._replace(track.with_flag(flag, value), ChangeKind.FLAG, why, flag)

    def set_title(self, index: int, title: str | None, why: str) -> Draft:
        """Set or (``None``) clear a track's title."""
        track = self.track(index)
        if (track.title or None) == (title or None):
            return self
        if not container(self.media.container).titles:
            return self.warn(f"{self.media.container} cannot hold track titles; left as they are")
        return self._replace(replace(track, title=title), ChangeKind.TITLE, why)

    def set_language(self, index: int, language: str, why: str) -> Draft:
        """Set a track's language tag."""
        track = self.track(index)
        if track.language == language:
            return self
        if not container(self.media.container).languages:
            return self.warn(f"{self.media.container} cannot hold languages; left as they are")
        return self._replace(replace(track, language=language), ChangeKind.LANGUAGE, why)

    def set_codec(self, index: int, codec: str, why: str) -> Draft:
        """Have a track in another codec."""
        track = replace(self.track(index), codec=codec, profile=None)
        return self._replace(track, ChangeKind.CODEC, why)

    def encode(self, track: Track, how: Encode, why: str) -> Draft:
        """Have a track encoded; ``track`` is the one of that index, as it will be then."""
        track = replace(track, profile=None, bit_rate=None)
        tracks = tuple(track if t.index == track.index else t for t in self.media.tracks)
        facts = [Fact(kind, track.index) for kind in _ENCODED]
        draft = self._with(replace(self.media, tracks=tracks), facts, why)
        return replace(draft, encodes=MappingProxyType({**self.encodes, track.index: how}))

    @property
    def free_index(self) -> int:
        """The stream index of a track to be added: one that the source has not."""
        removed = (f.track for f in self.reasons if f.kind is ChangeKind.REMOVE)
        gone = (index for index in removed if index is not None)
        return 1 + max([-1, *gone, *(item.index for item in self.media.streams)])

    def add(self, track: Track, how: Encode, position: int, why: str) -> Draft:
        """Have one more track, at this place in the order of all tracks, encoded from another."""
        kind = container(self.media.container)
        track = replace(track, dispositions=track.dispositions & kind.flags)
        tracks = list(self.media.tracks)
        tracks.insert(position, track)
        media = replace(self.media, tracks=tuple(tracks))
        draft = self._with(media, [Fact(ChangeKind.ADD, track.index)], why)
        return replace(draft, encodes=MappingProxyType({**self.encodes, track.index: how}))

    def set_container(self, name: str, why: str) -> Draft:
        """Have the file in another container, under the same name with that container's suffix.

        Flags and tags that the new container does not have go; cover pictures are called what
        they will be called there. What else it cannot hold is not in it: whoever asks for it says
        what that is.
        """
        kind = container(name)
        path = os.path.splitext(self.media.path)[0] + kind.extensions[0]
        named = tuple(_renamed(item, kind.attachments) for item in self.media.attachments)
        tracks = tuple(_rehoused(track, name) for track in self.media.tracks)
        media = replace(
            self.media, container=name, path=path, tracks=tracks, attachments=named, fragile=()
        )
        draft = self._with(media, [Fact(ChangeKind.CONTAINER)], why)
        for tag in users_tags(media.tags):
            if not holds_tag(name, tag):
                draft = draft.set_tag(tag, "", f"{name} cannot hold this tag")
        for track in media.tracks:
            for flag in sorted(track.dispositions - kind.flags):
                cleared = draft.track(track.index).with_flag(flag, False)
                reason = f"{name} cannot hold the {flag} flag"
                draft = draft._replace(cleared, ChangeKind.FLAG, reason, flag)
        return draft

    def set_tag(self, name: str, value: str, why: str) -> Draft:
        """Set a tag of the container, or delete it with ``""``."""
        tags = dict(self.media.tags)
        if tags.get(name, "") == value:
            return self
        tags.pop(name, None)
        if value:
            tags[name] = value
        media = replace(self.media, tags=tuple(sorted(tags.items())))
        return self._with(media, [Fact(ChangeKind.TAG, name=name)], why)

    def set_timestamp(self, timestamp: Timestamp) -> Draft:
        """Ask for a modification time; the last one that asks is obeyed."""
        return replace(self, timestamp=timestamp)

    def remove(self, indexes: Iterable[int], why: Mapping[int, str] | str) -> Draft:
        """Leave out tracks and attachments; ``why`` is one text, or one for each index."""
        draft, gone = self, frozenset(indexes)
        media = replace(
            self.media,
            tracks=tuple(t for t in self.media.tracks if t.index not in gone),
            attachments=tuple(a for a in self.media.attachments if a.index not in gone),
        )
        for index in sorted(gone):
            text = why if isinstance(why, str) else why[index]
            draft = draft._with(media, [Fact(ChangeKind.REMOVE, index)], text)
        return draft

    def order(self, indexes: Iterable[int], why: Mapping[int, str] | str) -> Draft:
        """Put the tracks into this order, which must name every track once; ``why`` is one text,
        or one for each index.
        """
        by_index = {track.index: track for track in self.media.tracks}
        tracks = tuple(by_index.pop(index) for index in indexes)
        if by_index:
            raise ValueError(f"order leaves out the tracks {sorted(by_index)}")
        if tracks == self.media.tracks:
            return self
        draft = self
        for track in tracks:
            text = why if isinstance(why, str) else why[track.index]
            fact = Fact(ChangeKind.MOVE, track.index)
            draft = draft._with(replace(self.media, tracks=tracks), [fact], text)
        return draft

    def track(self, index: int) -> Track:
        """The track of that stream index; ``KeyError`` if it is not (or no longer) there."""
        for track in self.media.tracks:
            if track.index == index:
                return track
        raise KeyError(index)

    def _replace(self, new: Track, kind: ChangeKind, why: str, name: str = "") -> Draft:
        tracks = tuple(new if t.index == new.index else t for t in self.media.tracks)
        return self._with(replace(self.media, tracks=tracks), [Fact(kind, new.index, name)], why)

    def _with(self, media: MediaFile, facts: list[Fact], why: str) -> Draft:
        reason = Reason(self.phase, self.operation, why)
        reasons = MappingProxyType({**self.reasons, **dict.fromkeys(facts, reason)})
        return replace(self, media=media, reasons=reasons)


def _rehoused(track: Track, name: str) -> Track:
    """The track with what the container of that name holds of it beside its stream."""
    lost = uncarried(track, name)
    tagged = container(name).track_tags or track.type == "data"
    return replace(
        track,
        tags=tuple(users_tags(track.tags).items()) if tagged else (),
        side_data=tuple(fact for fact in track.side_data if fact[0] not in lost),
    )


def _renamed(item: Attachment, attachments: bool) -> Attachment:
    """A cover as it is in a container with attachments, where it is a named file, or without."""
    if not attachments:
        return replace(item, filename=None, mime_type=None, description=None)
    if not item.cover or item.filename:
        return item
    kind = "png" if item.codec == "png" else "jpeg"
    filename = "cover.png" if kind == "png" else "cover.jpg"
    return replace(item, filename=filename, mime_type=f"image/{kind}")
