"""The desired state of one file, changed step by step as the phases of a policy are applied.

``DesiredState`` is frozen: each method returns a new one. It records for every fact the reason of
its last change, so that the plan can say *which phase, which operation and why*. Tracks and
attachments are identified by their stream ``index`` in the source, which never changes here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol

from vpo.media import pixel_formats
from vpo.media.containers import container, holds_tag, unsupported_side_data, user_tags
from vpo.media.encode_spec import AudioEncode, Encode
from vpo.media.model import Attachment, MediaFile, Track
from vpo.media.subtitle_source import Extract, SubtitleSource
from vpo.policy.change_kind import ChangeKind, Fact
from vpo.policy.external_facts import ExternalFacts

Timestamp = Literal["preserve", "now"] | int
"""The modification time of the result; a number is nanoseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Who asked for a change: ``phase``, ``operation`` (its key in the policy) and why, as text.

    Phase and operation are empty for what no phase asked for and the container requires.
    """

    phase: str
    operation: str
    text: str

    def __str__(self) -> str:
        return f"{self.phase}/{self.operation}: {self.text}" if self.phase else self.text


_CHANGED_BY_ENCODE: Mapping[ChangeKind, Callable[[Track], object]] = {
    ChangeKind.CODEC: lambda track: track.codec,
    ChangeKind.SIZE: lambda track: (track.width, track.height),
    ChangeKind.BIT_DEPTH: lambda track: pixel_formats.depth(track.pixel_format),
    ChangeKind.FRAME_RATE: lambda track: track.frame_rate,
    ChangeKind.CHANNELS: lambda track: track.channels,
    ChangeKind.DYNAMIC_RANGE: lambda track: track.dynamic_range,
}
"""The kinds of changes that an encode can make, and what of a track then differs."""
SkippableOperation = Literal["video_transcode", "audio_transcode", "track_filter"]
"""An operation that a rule can switch off for the rest of its phase."""


CaptionMode = Literal["keep", "extract", "drop"]
"""What becomes of closed captions in the frames of a video."""


class DeferredAction(Protocol):
    """A change decided early in a phase and applied at a later step of it."""

    def apply(self, state: DesiredState, config: Any) -> DesiredState:
        """Return the changed state. Raises ``PlanError`` if this file does not allow it."""


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The media as the policy wants it so far, with the reason of every change.

    ``phase`` and ``operation`` are those being applied; ``reasons`` maps a fact to the reason of
    its last change; ``timestamp`` is ``None`` until an operation sets it; ``skips`` are the
    operations that a rule of this phase switched off, ``deferred`` the changes it put off.
    ``encodes`` maps a stream index to how that track is encoded; other tracks are copied.
    ``sources`` maps a stream index to what a subtitle track is made from if it is not simply copied
    or converted; ``extracts`` are the files to be written beside the film.
    ``captions`` is what becomes of those in encoded video.
    ``data_required``: a data track that no tool can carry is an error, not left out.
    ``made`` are the tracks that an operation still to come has made in an earlier run: what decides
    among tracks passes them over, as it did then. ``named_by`` is the server that names the file.
    """

    media: MediaFile
    phase: str = ""
    operation: str = ""
    reasons: Mapping[Fact, Reason] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()
    timestamp: Timestamp | None = None
    external: ExternalFacts = field(default_factory=ExternalFacts)
    skips: frozenset[SkippableOperation] = frozenset()
    encodes: Mapping[int, Encode] = field(default_factory=lambda: MappingProxyType({}))
    deferred: tuple[DeferredAction, ...] = ()
    sources: Mapping[int, SubtitleSource] = field(default_factory=lambda: MappingProxyType({}))
    extracts: tuple[Extract, ...] = ()
    captions: CaptionMode = "keep"
    data_required: bool = False
    made: frozenset[int] = frozenset()
    named_by: str | None = None

    def attributed_to(self, phase: str, operation: str) -> DesiredState:
        """Return the same state, with further changes attributed to this phase and operation."""
        return replace(self, phase=phase, operation=operation)

    def warn(self, text: str) -> DesiredState:
        """Add a warning, unless it is there already."""
        if text in self.warnings:
            return self
        return replace(self, warnings=(*self.warnings, text))

    def set_flag(self, index: int, flag: str, value: bool, why: str) -> DesiredState:
        """Set or clear a disposition; only warn if the container has no such flag."""
        track = self.track(index)
        if (flag in track.dispositions) == value:
            return self
        kind = container(self.media.container)
        if flag not in kind.flags:
            return self.warn(f"{kind.name} cannot hold the {flag} flag; left unchanged")
        return self._replace_track(track.with_flag(flag, value), ChangeKind.FLAG, why, flag)

    def set_default(self, chosen: Track, why: str, why_not: str) -> DesiredState:
        """Make a track the only default of its type; ``why_not`` is for all others."""
        state = self.set_flag(chosen.index, "default", True, why)
        for other in self.media.of(chosen.type):
            if other.default and other.index != chosen.index:
                state = state.set_flag(other.index, "default", False, why_not)
        return state

    def set_title(self, index: int, title: str | None, why: str) -> DesiredState:
        """Set the title of a track, or clear it with ``None``."""
        track = self.track(index)
        if (track.title or None) == (title or None):
            return self
        if not container(self.media.container).titles:
            return self.warn(f"{self.media.container} cannot hold track titles; left unchanged")
        return self._replace_track(replace(track, title=title), ChangeKind.TITLE, why)

    def set_language(self, index: int, language: str, why: str) -> DesiredState:
        """Set the language tag of a track."""
        track = self.track(index)
        if track.language == language:
            return self
        if not container(self.media.container).languages:
            return self.warn(f"{self.media.container} cannot hold languages; left unchanged")
        return self._replace_track(replace(track, language=language), ChangeKind.LANGUAGE, why)

    def set_codec(self, index: int, codec: str, why: str) -> DesiredState:
        """Convert a subtitle track to another codec."""
        track = replace(self.track(index), codec=codec, profile=None)
        return self._replace_track(track, ChangeKind.CODEC, why)

    def encode(
        self,
        track: Track,
        how: Encode,
        why: str,
        own: Mapping[ChangeKind, str] = MappingProxyType({}),
    ) -> DesiredState:
        """Encode a track; ``track`` describes it as it will be afterwards, under the same index.

        ``own`` are the reasons of kinds of changes that have another than the encode itself. What
        an earlier encode has changed, and this one keeps, has the reason of that one.
        """
        track, old = replace(track, profile=None, bit_rate=None), self.track(track.index)
        tracks = tuple(track if t.index == track.index else t for t in self.media.tracks)
        kinds = [kind for kind, of in _CHANGED_BY_ENCODE.items() if of(track) != of(old)]
        if track.index not in self.encodes and ChangeKind.CODEC not in kinds:
            kinds.insert(0, ChangeKind.CODEC)
        if isinstance(how, AudioEncode) and how.loudness is not None:
            kinds.append(ChangeKind.LOUDNESS)
        state = self
        for kind in kinds:
            state = state._with(state.media, [Fact(kind, track.index)], own.get(kind, why))
        encodes = MappingProxyType({**self.encodes, track.index: how})
        return replace(state, media=replace(self.media, tracks=tracks), encodes=encodes)

    @property
    def unused_index(self) -> int:
        """A stream index for a track to be added: one that the source does not use."""
        removed = (f.track for f in self.reasons if f.kind is ChangeKind.REMOVE)
        gone = (index for index in removed if index is not None)
        return 1 + max([-1, *gone, *(item.index for item in self.media.streams)])

    def add_track(self, track: Track, how: Encode, position: int, why: str) -> DesiredState:
        """Add a track encoded from another, at this position in the order of all tracks."""
        kind = container(self.media.container)
        track = replace(track, dispositions=track.dispositions & kind.flags)
        tracks = list(self.media.tracks)
        tracks.insert(position, track)
        media = replace(self.media, tracks=tuple(tracks))
        state = self._with(media, [Fact(ChangeKind.ADD, track.index)], why)
        return replace(state, encodes=MappingProxyType({**self.encodes, track.index: how}))

    def add_subtitle(self, track: Track, source: SubtitleSource, why: str) -> DesiredState:
        """Add a subtitle track that is made from something else, behind the last one."""
        kind = container(self.media.container)
        track = replace(
            track,
            dispositions=track.dispositions & kind.flags,
            title=track.title if kind.titles else None,
        )
        tracks = list(self.media.tracks)
        subtitles = [n for n, t in enumerate(tracks) if t.type == "subtitle"]
        others = [n for n, t in enumerate(tracks) if t.type != "data"]
        tracks.insert(max(subtitles or others, default=-1) + 1, track)
        media = replace(self.media, tracks=tuple(tracks))
        state = self._with(media, [Fact(ChangeKind.ADD, track.index)], why)
        return state._made_from(track.index, source)

    def set_source(self, index: int, source: SubtitleSource, why: str) -> DesiredState:
        """Make a subtitle track from something else than a copy."""
        state = self._with(self.media, [Fact(ChangeKind.TEXT, index)], why)
        return state._made_from(index, source)

    def _made_from(self, index: int, source: SubtitleSource) -> DesiredState:
        return replace(self, sources=MappingProxyType({**self.sources, index: source}))

    def extract(self, found: Extract, why: str) -> DesiredState:
        """Write a subtitle track into a file beside the film."""
        state = self._with(self.media, [Fact(ChangeKind.SIDECAR, found.track)], why)
        return replace(state, extracts=(*state.extracts, found))

    def set_container(self, name: str, why: str) -> DesiredState:
        """Change the container, and the extension of the file with it.

        Flags and tags that the new container cannot hold are dropped; cover images are renamed to
        what the new container calls them. Warning of other losses is up to the caller.
        """
        kind = container(name)
        path = os.path.splitext(self.media.path)[0] + kind.extensions[0]
        covers = tuple(_cover_in(item, kind.attachments) for item in self.media.attachments)
        tracks = tuple(_track_in(track, name) for track in self.media.tracks)
        media = replace(
            self.media, container=name, path=path, tracks=tracks, attachments=covers, fragile=()
        )
        state = self._with(media, [Fact(ChangeKind.CONTAINER)], why)
        for tag in user_tags(media.tags):
            if not holds_tag(name, tag):
                state = state.set_tag(tag, "", f"{name} cannot hold this tag")
        for track in media.tracks:
            for flag in sorted(track.dispositions - kind.flags):
                cleared = state.track(track.index).with_flag(flag, False)
                reason = f"{name} cannot hold the {flag} flag"
                state = state._replace_track(cleared, ChangeKind.FLAG, reason, flag)
        return state

    def set_extension(self, why: str) -> DesiredState:
        """Give the file the extension of its container."""
        extension = container(self.media.container).extensions[0]
        path = os.path.splitext(self.media.path)[0] + extension
        return self._with(replace(self.media, path=path), [Fact(ChangeKind.EXTENSION)], why)

    def set_name(self, stem: str, why: str) -> DesiredState:
        """Give the file another name, without its extension, in the same folder."""
        folder, name = os.path.split(self.media.path)
        path = os.path.join(folder, stem + os.path.splitext(name)[1])
        if path == self.media.path:
            return self
        return self._with(replace(self.media, path=path), [Fact(ChangeKind.NAME)], why)

    def set_tag(self, name: str, value: str, why: str) -> DesiredState:
        """Set a tag of the container, or delete it with ``""``."""
        tags = dict(self.media.tags)
        if tags.get(name, "") == value:
            return self
        tags.pop(name, None)
        if value:
            tags[name] = value
        media = replace(self.media, tags=tuple(sorted(tags.items())))
        return self._with(media, [Fact(ChangeKind.TAG, name=name)], why)

    def set_timestamp(self, timestamp: Timestamp) -> DesiredState:
        """Set the modification time of the result; the last call wins."""
        return replace(self, timestamp=timestamp)

    def remove(self, indexes: Iterable[int], why: Mapping[int, str] | str) -> DesiredState:
        """Remove tracks and attachments; ``why`` is one text, or one for each index."""
        state, gone = self, frozenset(indexes)
        media = replace(
            self.media,
            tracks=tuple(t for t in self.media.tracks if t.index not in gone),
            attachments=tuple(a for a in self.media.attachments if a.index not in gone),
        )
        for index in sorted(gone):
            text = why if isinstance(why, str) else why[index]
            state = state._with(media, [Fact(ChangeKind.REMOVE, index)], text)
        return state

    def reorder(self, indexes: Iterable[int], why: Mapping[int, str] | str) -> DesiredState:
        """Put the tracks into this order; ``why`` is one text, or one for each index.

        Raises ``ValueError`` unless every track is named once.
        """
        by_index = {track.index: track for track in self.media.tracks}
        tracks = tuple(by_index.pop(index) for index in indexes)
        if by_index:
            raise ValueError(f"order leaves out the tracks {sorted(by_index)}")
        if tracks == self.media.tracks:
            return self
        state = self
        for track in tracks:
            text = why if isinstance(why, str) else why[track.index]
            fact = Fact(ChangeKind.MOVE, track.index)
            state = state._with(replace(self.media, tracks=tracks), [fact], text)
        return state

    def track(self, index: int) -> Track:
        """Return the track with this stream index; ``KeyError`` if there is none (any more)."""
        for track in self.media.tracks:
            if track.index == index:
                return track
        raise KeyError(index)

    def _replace_track(
        self, new: Track, kind: ChangeKind, why: str, name: str = ""
    ) -> DesiredState:
        tracks = tuple(new if t.index == new.index else t for t in self.media.tracks)
        return self._with(replace(self.media, tracks=tracks), [Fact(kind, new.index, name)], why)

    def _with(self, media: MediaFile, facts: list[Fact], why: str) -> DesiredState:
        reason = Reason(self.phase, self.operation, why)
        reasons = MappingProxyType({**self.reasons, **dict.fromkeys(facts, reason)})
        return replace(self, media=media, reasons=reasons)


def _track_in(track: Track, name: str) -> Track:
    """Return the track with those tags and side data that the container of that name holds."""
    lost = unsupported_side_data(track, name)
    keeps_tags = container(name).track_tags or track.type == "data"
    return replace(
        track,
        tags=tuple(user_tags(track.tags).items()) if keeps_tags else (),
        side_data=tuple(fact for fact in track.side_data if fact[0] not in lost),
    )


def _cover_in(item: Attachment, attachments: bool) -> Attachment:
    """Return a cover as a container keeps it: as a named file if it has attachments."""
    if not attachments:
        return replace(item, filename=None, mime_type=None, description=None)
    if not item.cover or item.filename:
        return item
    kind = "png" if item.codec == "png" else "jpeg"
    filename = "cover.png" if kind == "png" else "cover.jpg"
    return replace(item, filename=filename, mime_type=f"image/{kind}")
