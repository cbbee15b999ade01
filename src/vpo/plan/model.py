"""A plan: what is to be done to one file, and every change with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from vpo.errors import FileError, OnError
from vpo.media.containers import FLAGS_KEPT, container
from vpo.media.encode_spec import AudioEncode, Encode, VideoEncode
from vpo.media.model import MediaFile, Track
from vpo.media.subtitle_source import Extract, SubtitleSource
from vpo.policy.change_kind import ChangeKind, Fact, FactValue
from vpo.policy.desired_state import Reason, Timestamp

_READ_AS = {"mov_text": "subrip", "text": "subrip"}
"""What vpo writes the text of a track as, to change it, where that is not its own codec."""
Strategy = Literal["none", "extract", "rename", "header", "remux", "transcode"]
PhaseOutcome = Literal["changed", "unchanged", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the file and what it should be.

    A ``move`` goes from the track's position in the source to the one in the result, counted from 0
    over all tracks; they can be equal, where other tracks go. A ``codec`` that stays the same is
    encoded again.
    """

    fact: Fact
    before: FactValue
    after: FactValue
    reason: Reason

    @property
    def kind(self) -> ChangeKind:
        return self.fact.kind

    @property
    def track(self) -> int | None:
        return self.fact.track

    @property
    def in_header(self) -> bool:
        """Whether an edit of a header makes the change."""
        if self.kind is ChangeKind.FLAG:
            return self.fact.name in FLAGS_KEPT
        if self.kind is ChangeKind.TAG:
            # Of a name with a language, ffmpeg and Matroska have several spellings.
            return self.track is None and "-" not in self.fact.name
        return self.kind in (ChangeKind.TITLE, ChangeKind.LANGUAGE)


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """The outcome of one phase; ``detail`` says why it was skipped or failed."""

    policy: str
    name: str
    outcome: PhaseOutcome
    on_error: OnError
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one file.

    ``after`` keeps the source's stream indexes, so that each track says where it comes from.
    ``encodes`` are the tracks that are encoded, by stream index, and how; ``sources`` what subtitle
    tracks are made from that are not copied, and ``extracts`` the files to be written beside the
    film. ``error`` is set where a phase failed; unless ``on_error`` is ``continue``, nothing
    changes. ``named_by`` is the server that is asked to rename the file once it was changed.
    ``data_required``: no data track may be left out. ``anew``: the file is written anew, as its
    header cannot be edited.
    """

    before: MediaFile
    after: MediaFile
    changes: tuple[Change, ...] = ()
    phases: tuple[PhaseReport, ...] = ()
    warnings: tuple[str, ...] = ()
    timestamp: Timestamp | None = None
    error: FileError | None = None
    on_error: OnError = "continue"
    encodes: tuple[tuple[int, Encode], ...] = ()
    named_by: str | None = None
    sources: tuple[tuple[int, SubtitleSource], ...] = ()
    extracts: tuple[Extract, ...] = ()
    data_required: bool = False
    anew: bool = False

    @property
    def video_encodes(self) -> dict[int, VideoEncode]:
        return {index: how for index, how in self.encodes if isinstance(how, VideoEncode)}

    @property
    def audio_encodes(self) -> dict[int, AudioEncode]:
        return {index: how for index, how in self.encodes if isinstance(how, AudioEncode)}

    def origin(self, index: int) -> int:
        """Return the source's stream that a stream of ``after`` is made from: mostly itself.

        A track that is made from a file beside the film has none there.
        """
        how = self.audio_encodes.get(index)
        return how.source if how is not None else index

    def read_as(self, track: Track) -> Track:
        """Return what a track of ``after`` is read as: the source's own track, mostly."""
        source = dict(self.sources).get(track.index)
        index = self.origin(track.index)
        old = next((one for one in self.before.tracks if one.index == index), None)
        if source is None or old is None:
            read = (source.codec if source else None) or "subrip"
            return old or replace(track, codec=read, tags=())
        return replace(old, codec=_READ_AS.get(old.codec, old.codec))

    @property
    def strategy(self) -> Strategy:
        """The cheapest strategy that carries out the changes."""
        if not self.changes:
            return "none"
        if self.encodes:
            return "transcode"
        changes = [change for change in self.changes if change.kind is not ChangeKind.SIDECAR]
        if not changes:
            return "extract"
        changes = [change for change in changes if change.kind is not ChangeKind.NAME]
        if not changes:
            return "rename"
        in_headers = all(change.in_header for change in changes)
        in_place = in_headers and self._editable and not self.anew
        return "header" if in_place else "remux"

    @property
    def _editable(self) -> bool:
        kind = container(self.before.container)
        if not kind.matroska:
            return kind.mp4_family
        touched = {
            change.track
            for change in self.changes
            if change.track is not None and change.kind is not ChangeKind.SIDECAR
        }
        return all(t.matroska_id is not None for t in self.before.tracks if t.index in touched)

    @property
    def expected(self) -> MediaFile:
        """The media that a probe of the result has to find: ``after`` with its own numbers."""
        return as_written(self.after)

    @property
    def removed(self) -> tuple[int, ...]:
        """The stream indexes of the tracks and attachments that the plan removes."""
        removals = (c.track for c in self.changes if c.kind is ChangeKind.REMOVE)
        return tuple(index for index in removals if index is not None)


def as_written(media: MediaFile) -> MediaFile:
    """Return the media with its streams numbered as they will be in the written file."""
    matroska = container(media.container).matroska
    tracks = tuple(
        _numbered(track, n, n if matroska else None) for n, track in enumerate(media.tracks)
    )
    attachments = tuple(
        replace(item, index=len(tracks) + n, matroska_id=n + 1)
        for n, item in enumerate(media.attachments)
    )
    return replace(media, tracks=tracks, attachments=attachments)


def _numbered(track: Track, index: int, matroska_id: int | None) -> Track:
    # Most tracks keep their numbers, and a copy costs as much as several conditions.
    if (track.index, track.matroska_id) == (index, matroska_id):
        return track
    return replace(track, index=index, matroska_id=matroska_id)


def changes_to_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return the changes as ``docs/json.md`` describes them."""
    return [
        {
            "kind": change.fact.label,
            "track": change.track,
            "from": change.before,
            "to": change.after,
            "phase": change.reason.phase,
            "operation": change.reason.operation,
            "reason": change.reason.text,
        }
        for change in changes
    ]
