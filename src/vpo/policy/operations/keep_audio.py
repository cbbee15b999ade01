"""``keep_audio``: the language filter of audio tracks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from vpo.errors import PlanError
from vpo.media.languages import ANY, ORIGINAL, UNDETERMINED, replaced_original
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState
from vpo.policy.external_facts import original_language
from vpo.policy.field_types import Languages
from vpo.policy.language_filter import language_mismatch
from vpo.policy.operation import Model, Note, PolicyConfig, TrackFilter
from vpo.policy.track_classes import AudioKind, audio_kind
from vpo.text import counted

_NAMES: dict[AudioKind, str] = {
    "music": "music tracks",
    "sfx": "sound effects tracks",
    "non_speech": "tracks without speech",
}


Wanted = tuple[str, ...]


class Fallback(Model):
    """What to keep if too few tracks have one of the languages."""

    mode: Literal["error", "keep_all", "keep_first", "content_language"] = Field(
        description=(
            "Fail the phase, keep all tracks, keep as many of the first as are missing, or keep "
            "those in the original language of the content."
        )
    )


class KeepAudio(TrackFilter):
    """Remove audio tracks in other languages."""

    key = "keep_audio"
    step = 40

    languages: Languages = Field(min_length=1, description="Languages of the tracks to keep.")
    loose_regions: bool = Field(
        default=False, description="Whether `pt-BR` also keeps other Portuguese, such as `pt-PT`."
    )
    minimum: int = Field(
        default=1,
        ge=0,
        description=(
            "Minimum number of tracks to keep, not counting commentary, audio description, music "
            "and effects."
        ),
    )
    fallback: Fallback = Field(
        default=Fallback(mode="error"), description="What to do if fewer would be kept."
    )
    keep_music_tracks: bool = Field(default=True, description="Whether to keep music-only tracks.")
    exclude_music_from_language_filter: bool = Field(
        default=True, description="Whether to keep them in any language."
    )
    keep_sfx_tracks: bool = Field(
        default=True, description="Whether to keep tracks of sound effects only."
    )
    exclude_sfx_from_language_filter: bool = Field(
        default=True, description="Whether to keep them in any language."
    )
    keep_non_speech_tracks: bool = Field(
        default=True, description="Whether to keep other tracks without speech."
    )
    exclude_non_speech_from_language_filter: bool = Field(
        default=True, description="Whether to keep them in any language."
    )

    @property
    def uses_metadata(self) -> bool:
        return ORIGINAL in self.languages or self.fallback.mode == "content_language"

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        kinds = {track: audio_kind(track, config) for track in state.media.of("audio")}
        if not kinds:
            return state
        languages = self._languages(state, kinds)
        if languages is None:
            languages = self._without_original(kinds)
            mode = f"{self.fallback.mode} applies"
            state = state.warn(f"the original language is not known: {mode}")
        removed = self._removed(kinds, languages)
        if not self._enough(kinds, removed):
            removed = self._by_fallback(state, kinds, removed)
            named = ", ".join(self.languages)
            state = state.warn(f"too few audio tracks in {named}: {self.fallback.mode} applies")
        return state.remove(removed, removed)

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        kinds = {track: audio_kind(track, config) for track in state.media.of("audio")}
        languages = self._languages(state, kinds)
        with contextlib.suppress(PlanError):
            languages = languages or self._without_original(kinds)
        removed = self._removed(kinds, languages or (ANY,))
        if not kinds:
            yield Note("there is no audio track")
        elif not self._enough(kinds, removed):
            yield Note(f"too few tracks: {self.fallback.mode}", ("fallback", "mode"))
            with contextlib.suppress(PlanError):  # reported by whoever applies the operation
                removed = self._by_fallback(state, kinds, removed)
        for track, kind in kinds.items():
            why = removed.get(track.index)
            kept = self._reason_to_keep(track, kind, languages or (ANY,))
            text = f"removed: {why}" if why else f"kept: {kept}"
            yield Note(f"{track} {text}", self._deciding_key(kind), track=track.index)

    def _languages(self, state: DesiredState, kinds: dict[Track, AudioKind]) -> Wanted | None:
        """Return the languages to keep; ``None`` if the original one matters and is not known."""
        original = original_language(state.media, state.external)
        languages = replaced_original(self.languages, original)
        known = original is not None or ORIGINAL not in self.languages
        return languages if known or not self._removed(kinds, languages) else None

    def _without_original(self, kinds: dict[Track, AudioKind]) -> Wanted:
        """Return the languages to keep where the original one is not known, by the fallback."""
        if self.fallback.mode == "error":
            raise PlanError(
                "the original language is not known: no audio track has the original flag, and no "
                "plugin names it; set the flag, configure a metadata plugin, or choose a fallback"
            )
        first = ANY if self.fallback.mode == "keep_all" else _first_language(kinds)
        return replaced_original(self.languages, first)

    def _reason_to_keep(self, track: Track, kind: AudioKind, languages: Wanted) -> str:
        if language_mismatch(track, languages, self.loose_regions) is None:
            return f"{track.language or UNDETERMINED} is wanted"
        return f"{_NAMES[kind]} are kept" if kind in _NAMES else f"by {self.fallback.mode}"

    def _deciding_key(self, kind: AudioKind) -> tuple[str, ...]:
        """Return the key that decides about tracks of this kind."""
        if kind in _NAMES and not getattr(self, f"keep_{kind}_tracks"):
            return (f"keep_{kind}_tracks",)
        by_language = not getattr(self, f"exclude_{kind}_from_language_filter", False)
        return ("languages",) if by_language else (f"exclude_{kind}_from_language_filter",)

    def _by_fallback(
        self, state: DesiredState, kinds: dict[Track, AudioKind], removed: dict[int, str]
    ) -> dict[int, str]:
        """Apply the fallback; ``PlanError`` if it still keeps too few tracks."""
        mode = self.fallback.mode
        if mode == "keep_all":
            return {}
        if mode == "keep_first":
            removed = self._without_first(kinds, removed)
        elif mode == "content_language":
            language = original_language(state.media, state.external) or _first_language(kinds)
            removed = self._removed(kinds, (*self.languages, language))
        if not self._enough(kinds, removed):
            raise PlanError(self._too_few(kinds, removed))
        return removed

    def _removed(self, kinds: dict[Track, AudioKind], languages: Wanted) -> dict[int, str]:
        """Return the tracks to remove, by index, with the reasons."""
        found = ((t, self._reason_to_remove(t, kind, languages)) for t, kind in kinds.items())
        return {track.index: why for track, why in found if why}

    def _reason_to_remove(self, track: Track, kind: AudioKind, languages: Wanted) -> str | None:
        if kind in _NAMES:
            if not getattr(self, f"keep_{kind}_tracks"):
                return f"{_NAMES[kind]} are not kept"
            if getattr(self, f"exclude_{kind}_from_language_filter"):
                return None
        return language_mismatch(track, languages, self.loose_regions)

    def _enough(self, kinds: dict[Track, AudioKind], removed: dict[int, str]) -> bool:
        return len(_main(kinds, removed)) >= self.minimum

    def _without_first(
        self, kinds: dict[Track, AudioKind], removed: dict[int, str]
    ) -> dict[int, str]:
        """Return the removals without the first main tracks, as many as are missing."""
        missing = self.minimum - len(_main(kinds, removed))
        others = [track.index for track in _main(kinds, {}) if track.index in removed]
        return {index: why for index, why in removed.items() if index not in others[:missing]}

    def _too_few(self, kinds: dict[Track, AudioKind], removed: dict[int, str]) -> str:
        kept = len(_main(kinds, removed))
        languages = ", ".join(track.language or UNDETERMINED for track in kinds)
        return (
            f"{counted(kept, 'audio track')} would be kept, fewer than the minimum of "
            f"{self.minimum} (wanted: {', '.join(self.languages)}; in the file: {languages}; "
            f"commentary, audio description, music and effects do not count)"
        )


def _main(kinds: dict[Track, AudioKind], removed: dict[int, str]) -> list[Track]:
    """Return the kept tracks that count towards the minimum."""
    return [t for t, kind in kinds.items() if kind == "main" and t.index not in removed]


def _first_language(kinds: dict[Track, AudioKind]) -> str:
    """Return the language of the first main track, else of the first track."""
    first = next(iter([*_main(kinds, {}), *kinds]), None)
    return (first.language if first else None) or UNDETERMINED
