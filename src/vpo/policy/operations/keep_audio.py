"""``keep_audio``: the language filter of audio tracks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from vpo.errors import PlanError
from vpo.media.languages import ANY, ORIGINAL, UNDETERMINED, replaced_original
from vpo.media.model import Track
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import Languages
from vpo.policy.keep_tracks import KeepTracks, Verdict
from vpo.policy.language_filter import language_mismatch
from vpo.policy.operation import Model, Note, PolicyConfig
from vpo.policy.track_classes import Kind
from vpo.text import counted

_NAMES: dict[Kind | None, str] = {
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


class KeepAudio(KeepTracks):
    """Remove audio tracks: in other languages, by filters, or all but the best."""

    key = "keep_audio"
    step = 40
    track_type = "audio"

    languages: Languages | None = Field(
        default=None, min_length=1, description="Languages of the tracks to keep; unset: any."
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
        by_fallback = self.fallback.mode == "content_language"
        return ORIGINAL in self._wanted or by_fallback or super().uses_metadata

    @property
    def _wanted(self) -> Wanted:
        return self.languages or (ANY,)

    @model_validator(mode="after")
    def _states_something(self) -> KeepAudio:
        if not self.model_fields_set:
            raise ValueError("`keep_audio` needs `languages`, `drop` or `per_language`")
        return self

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        context = ConditionContext.of(state, config)
        if not state.media.of("audio"):
            return state
        languages = self._languages(context)
        if languages is None:
            languages = self._without_original(context)
            mode = f"{self.fallback.mode} applies"
            state = state.warn(f"the original language is not known: {mode}")
        removed = self._removed(context, languages)
        if not self._enough(context, removed):
            removed = self._by_fallback(context, removed)
            state = state.warn(f"too few audio tracks{self._named}: {self.fallback.mode} applies")
        return state.remove(removed, removed)

    @property
    def _named(self) -> str:
        return "" if self._wanted == (ANY,) else f" in {', '.join(self._wanted)}"

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        context = ConditionContext.of(state, config)
        languages = self._languages(context)
        with contextlib.suppress(PlanError):
            languages = languages or self._without_original(context)
        verdicts = self._verdicts(context, languages or (ANY,))
        removed = _removals(verdicts)
        if not verdicts:
            yield Note("there is no audio track")
        elif not self._enough(context, removed):
            yield Note(f"too few tracks: {self.fallback.mode}", ("fallback", "mode"))
            with contextlib.suppress(PlanError):  # reported by whoever applies the operation
                removed = self._by_fallback(context, removed)
        for track, verdict in verdicts.items():
            why = removed.get(track.index)
            kept = verdict.why if verdict.kept else f"by {self.fallback.mode}"
            text = f"removed: {why}" if why else f"kept: {kept}"
            yield Note(f"{track} {text}", verdict.path, track=track.index)

    def _languages(self, context: ConditionContext) -> Wanted | None:
        """Return the languages to keep; ``None`` if the original one matters and is not known."""
        original = context.original_language
        languages = replaced_original(self._wanted, original)
        known = original is not None or ORIGINAL not in self._wanted
        return languages if known or not self._removed(context, languages) else None

    def _without_original(self, context: ConditionContext) -> Wanted:
        """Return the languages to keep where the original one is not known, by the fallback."""
        if self.fallback.mode == "error":
            raise PlanError(
                "the original language is not known: no audio track has the original flag, and no "
                "plugin names it; set the flag, configure a metadata plugin, or choose a fallback"
            )
        first = ANY if self.fallback.mode == "keep_all" else _first_language(context)
        return replaced_original(self._wanted, first)

    def _by_fallback(self, context: ConditionContext, removed: dict[int, str]) -> dict[int, str]:
        """Apply the fallback; ``PlanError`` if it still keeps too few tracks."""
        mode = self.fallback.mode
        if mode == "keep_all":
            return {}
        if mode == "keep_first":
            removed = self._without_first(context, removed)
        elif mode == "content_language":
            language = context.original_language or _first_language(context)
            removed = self._removed(context, (*self._wanted, language))
        if not self._enough(context, removed):
            raise PlanError(self._too_few(context, removed))
        return removed

    def _removed(self, context: ConditionContext, languages: Wanted) -> dict[int, str]:
        """Return the tracks to remove, by index, with the reasons."""
        return _removals(self._verdicts(context, languages))

    def _verdicts(self, context: ConditionContext, languages: Wanted) -> dict[Track, Verdict]:
        def by_language(track: Track) -> Verdict:
            return self._by_kind(track, context.kind(track), languages)

        return self.verdicts(context.media.of("audio"), context, by_language)

    def _by_kind(self, track: Track, kind: Kind | None, languages: Wanted) -> Verdict:
        """Decide by the keys on kinds without speech, else by language."""
        if kind in _NAMES:
            if not getattr(self, f"keep_{kind}_tracks"):
                return Verdict(False, f"{_NAMES[kind]} are not kept", (f"keep_{kind}_tracks",))
            if getattr(self, f"exclude_{kind}_from_language_filter"):
                key = f"exclude_{kind}_from_language_filter"
                return Verdict(True, f"{_NAMES[kind]} are kept", (key,))
        other = language_mismatch(track, languages, self.loose_regions)
        wanted = f"{track.language or UNDETERMINED} is wanted"
        return Verdict(other is None, other or wanted, ("languages",))

    def _enough(self, context: ConditionContext, removed: dict[int, str]) -> bool:
        return len(_main(context, removed)) >= self.minimum

    def _without_first(self, context: ConditionContext, removed: dict[int, str]) -> dict[int, str]:
        """Return the removals without the first main tracks, as many as are missing."""
        missing = self.minimum - len(_main(context, removed))
        others = [track.index for track in _main(context, {}) if track.index in removed]
        return {index: why for index, why in removed.items() if index not in others[:missing]}

    def _too_few(self, context: ConditionContext, removed: dict[int, str]) -> str:
        kept = len(_main(context, removed))
        languages = ", ".join(track.language or UNDETERMINED for track in context.media.of("audio"))
        return (
            f"{counted(kept, 'audio track')} would be kept, fewer than the minimum of "
            f"{self.minimum} (wanted: {', '.join(self._wanted)}; in the file: {languages}; "
            f"commentary, audio description, music and effects do not count)"
        )


def _removals(verdicts: dict[Track, Verdict]) -> dict[int, str]:
    return {track.index: found.why for track, found in verdicts.items() if not found.kept}


def _main(context: ConditionContext, removed: dict[int, str]) -> list[Track]:
    """Return the kept tracks that count towards the minimum."""
    audio = context.media.of("audio")
    return [t for t in audio if context.kind(t) == "main" and t.index not in removed]


def _first_language(context: ConditionContext) -> str:
    """Return the language of the first main track, else of the first track."""
    first = next(iter([*_main(context, {}), *context.media.of("audio")]), None)
    return (first.language if first else None) or UNDETERMINED
