"""What filters and conditions are evaluated on: one file, and what is known of it besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from vpo.media.model import Attachment, MediaFile, Track
from vpo.policy.ages import age
from vpo.policy.desired_state import DesiredState
from vpo.policy.external_facts import ExternalFacts, original_language
from vpo.policy.operation import PolicyConfig
from vpo.policy.original_audio import dubbed_tracks, original_tracks
from vpo.policy.track_classes import Kind, kind_of

Item = Track | Attachment


@dataclass(frozen=True)
class ConditionContext:
    """What filters and conditions are evaluated on."""

    media: MediaFile
    external: ExternalFacts
    config: PolicyConfig

    @classmethod
    def of(cls, state: DesiredState, config: PolicyConfig) -> ConditionContext:
        """Return the context of a file in the state that the policy has given it so far."""
        return cls(state.media, state.external, config)

    @cached_property
    def items(self) -> Mapping[str, tuple[Item, ...]]:
        """Tracks and attachments by type, in order."""
        found: dict[str, list[Item]] = {"video": [], "audio": [], "subtitle": [], "data": []}
        for track in self.media.tracks:
            found[track.type].append(track)
        by_type = {kind: tuple(items) for kind, items in found.items()}
        return {**by_type, "attachment": self.media.attachments}

    @property
    def age(self) -> float | None:
        """The seconds since the file was modified, if the time is known."""
        now = self.external.now_ns
        return age(self.media.mtime_ns, now) if now is not None else None

    @cached_property
    def original_language(self) -> str | None:
        """The language that the work was made in, if that is known."""
        return original_language(self.media, self.external)

    def kind(self, item: Item) -> Kind | None:
        """Return the kind of a track or cover; ``None`` for data and other attachments.

        The first video is the film, whatever its flags, as for all operations.
        """
        known = self._kinds.get(id(item))
        if known is None:
            known = self._kinds[id(item)] = item, self._kind(item)
        return known[1]

    @cached_property
    def _kinds(self) -> dict[int, tuple[Item, Kind | None]]:
        """The kinds that were asked for, which conditions do often, each with its item.

        By identity, as an operation may ask of a track as it would be with another title.
        """
        return {}

    def _kind(self, item: Item) -> Kind | None:
        if isinstance(item, Attachment):
            return "cover" if item.cover else None
        if item.type == "video":
            return "main" if item == self.items["video"][0] else "extra"
        found = kind_of(item, self.config)
        return found.name if found else None

    def is_original(self, item: Item) -> bool:
        """Return whether a track is in the original language, as far as that is known."""
        if not isinstance(item, Track):
            return False
        if item.type != "audio":
            return "original" in item.dispositions
        return any(track.index == item.index for track in self.original_tracks or ())

    @cached_property
    def original_tracks(self) -> tuple[Track, ...] | None:
        """The audio tracks in the original language; ``None`` if that is unknown."""
        return original_tracks(self.media, self.external, self.config)

    @cached_property
    def dubbed_tracks(self) -> tuple[Track, ...] | None:
        """The dubbed audio tracks; ``None`` if that is unknown."""
        return dubbed_tracks(self.media, self.external, self.config)
