"""``keep_audio``: which audio tracks stay."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from vpo.errors import PlanError
from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track
from vpo.policy.desired_state import Draft
from vpo.policy.external_facts import original_language
from vpo.policy.operation import SKIPPED, Model, Note, Operation, PolicyConfig
from vpo.policy.track_classes import AudioKind, audio_kind
from vpo.text import counted

_NAMES: dict[AudioKind, str] = {
    "music": "music tracks",
    "sfx": "sound effects tracks",
    "non_speech": "tracks without speech",
}


class Fallback(Model):
    """What is kept where too few tracks are in the languages."""

    mode: Literal["error", "keep_all", "keep_first", "content_language"] = Field(
        description=(
            "The phase fails, all tracks stay, as many of the first stay as are lacking, or those "
            "in the language of the content."
        )
    )


class KeepAudio(Operation):
    """Remove the audio tracks that are in none of the languages."""

    key = "keep_audio"
    step = 40

    languages: tuple[str, ...] = Field(
        min_length=1, description="The languages of the tracks that stay."
    )
    minimum: int = Field(
        default=1,
        ge=0,
        description="How many tracks have to stay, without commentary, music and effects.",
    )
    fallback: Fallback = Field(
        default=Fallback(mode="error"), description="What is done if there would be fewer."
    )
    keep_music_tracks: bool = Field(default=True, description="Whether music by itself stays.")
    exclude_music_from_language_filter: bool = Field(
        default=True, description="Whether it stays in any language."
    )
    keep_sfx_tracks: bool = Field(
        default=True, description="Whether sound effects by themselves stay."
    )
    exclude_sfx_from_language_filter: bool = Field(
        default=True, description="Whether they stay in any language."
    )
    keep_non_speech_tracks: bool = Field(
        default=True, description="Whether other tracks without speech stay."
    )
    exclude_non_speech_from_language_filter: bool = Field(
        default=True, description="Whether they stay in any language."
    )

    @property
    def uses_metadata(self) -> bool:
        return self.fallback.mode == "content_language"

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        if "track_filter" in draft.skips:
            return draft
        kinds = {track: audio_kind(track, config) for track in draft.media.of("audio")}
        removed = self._removed(kinds, self.languages)
        if not self._enough(kinds, removed):
            removed = self._by_fallback(draft, kinds, removed)
            languages = ", ".join(self.languages)
            draft = draft.warn(f"too few audio tracks in {languages}: {self.fallback.mode} applies")
        return draft.remove(removed, removed)

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:
        if "track_filter" in draft.skips:
            yield SKIPPED
            return
        kinds = {track: audio_kind(track, config) for track in draft.media.of("audio")}
        removed = self._removed(kinds, self.languages)
        if not self._enough(kinds, removed):
            yield Note(f"too few tracks: {self.fallback.mode}", ("fallback", "mode"))
            with contextlib.suppress(PlanError):  # whoever applies the operation tells
                removed = self._by_fallback(draft, kinds, removed)
        for track, kind in kinds.items():
            why = removed.get(track.index)
            text = f"removed: {why}" if why else f"stays: {self._why_kept(track, kind)}"
            yield Note(f"{track} {text}", self._decisive(kind), track=track.index)

    def _why_kept(self, track: Track, kind: AudioKind) -> str:
        if rank(track.language, self.languages) is not None:
            return f"{track.language or UNDETERMINED} is wanted"
        return f"{_NAMES[kind]} stay" if kind in _NAMES else f"by {self.fallback.mode}"

    def _decisive(self, kind: AudioKind) -> tuple[str, ...]:
        """The key that decides on tracks of that kind."""
        if kind in _NAMES and not getattr(self, f"keep_{kind}_tracks"):
            return (f"keep_{kind}_tracks",)
        by_language = not getattr(self, f"exclude_{kind}_from_language_filter", False)
        return ("languages",) if by_language else (f"exclude_{kind}_from_language_filter",)

    def _by_fallback(
        self, draft: Draft, kinds: dict[Track, AudioKind], removed: dict[int, str]
    ) -> dict[int, str]:
        """What goes where too few would stay. Raises ``PlanError`` where too few stay even so."""
        mode = self.fallback.mode
        if mode == "keep_all":
            return {}
        if mode == "keep_first":
            removed = self._without_first(kinds, removed)
        elif mode == "content_language":
            language = original_language(draft.media, draft.known) or _first_language(kinds)
            removed = self._removed(kinds, (*self.languages, language))
        if not self._enough(kinds, removed):
            raise PlanError(self._too_few(kinds, removed))
        return removed

    def _removed(self, kinds: dict[Track, AudioKind], languages: tuple[str, ...]) -> dict[int, str]:
        """The tracks that go, by index, and why."""
        found = ((track, self._why(track, kind, languages)) for track, kind in kinds.items())
        return {track.index: why for track, why in found if why}

    def _why(self, track: Track, kind: AudioKind, languages: tuple[str, ...]) -> str | None:
        if kind in _NAMES:
            if not getattr(self, f"keep_{kind}_tracks"):
                return f"{_NAMES[kind]} are not kept"
            if getattr(self, f"exclude_{kind}_from_language_filter"):
                return None
        if rank(track.language, languages) is not None:
            return None
        return f"language {track.language or UNDETERMINED} is not in {', '.join(languages)}"

    def _enough(self, kinds: dict[Track, AudioKind], removed: dict[int, str]) -> bool:
        return len(_speech(kinds, removed)) >= self.minimum

    def _without_first(
        self, kinds: dict[Track, AudioKind], removed: dict[int, str]
    ) -> dict[int, str]:
        """What goes if the first others with speech stay, as many as are lacking."""
        lacking = self.minimum - len(_speech(kinds, removed))
        others = [track.index for track in _speech(kinds, {}) if track.index in removed]
        return {index: why for index, why in removed.items() if index not in others[:lacking]}

    def _too_few(self, kinds: dict[Track, AudioKind], removed: dict[int, str]) -> str:
        if not kinds:
            return (
                f"there is no audio track, and keep_audio wants {self.minimum}; "
                "minimum: 0 or fallback: {mode: keep_all} allows that"
            )
        kept = len(_speech(kinds, removed))
        languages = ", ".join(track.language or UNDETERMINED for track in kinds)
        return (
            f"{counted(kept, 'audio track')} would be kept, fewer than the minimum of "
            f"{self.minimum} (wanted: {', '.join(self.languages)}; in the file: {languages}; "
            f"commentary, music and effects do not count)"
        )


def _speech(kinds: dict[Track, AudioKind], removed: dict[int, str]) -> list[Track]:
    """The tracks that count towards the minimum, without those that are removed."""
    return [t for t, kind in kinds.items() if kind == "speech" and t.index not in removed]


def _first_language(kinds: dict[Track, AudioKind]) -> str:
    """That of the first track with speech, else of the first track."""
    first = next(iter([*_speech(kinds, {}), *kinds]), None)
    return (first.language if first else None) or UNDETERMINED
