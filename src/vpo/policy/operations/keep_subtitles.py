"""``keep_subtitles``: the language filter of subtitle tracks."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from vpo.media.languages import ANY, ORIGINAL, UNDETERMINED, replaced_original
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState
from vpo.policy.external_facts import original_language
from vpo.policy.field_types import Languages
from vpo.policy.language_filter import language_mismatch
from vpo.policy.operation import Note, PolicyConfig, TrackFilter
from vpo.policy.track_classes import subtitle_kind


class KeepSubtitles(TrackFilter):
    """Remove subtitle tracks in other languages, or all of them."""

    key = "keep_subtitles"
    step = 41

    languages: Languages | None = Field(
        default=None, min_length=1, description="Languages of the tracks to keep."
    )
    loose_regions: bool = Field(
        default=False, description="Whether `pt-BR` also keeps other Portuguese, such as `pt-PT`."
    )
    preserve_forced: bool = Field(
        default=False, description="Whether to keep forced tracks in any language."
    )
    remove_all: bool = Field(default=False, description="Whether to remove all subtitles.")

    @property
    def uses_metadata(self) -> bool:
        return ORIGINAL in (self.languages or ())

    @model_validator(mode="after")
    def _not_empty(self) -> KeepSubtitles:
        if self.languages is None and not self.remove_all:
            raise ValueError("`keep_subtitles` needs `languages`, or `remove_all: true`")
        return self

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        subtitles = state.media.of("subtitle")
        languages = self._languages(state)
        forced = self._forced(state, config)
        found = ((t, self._reason_to_remove(t, languages, t.index in forced)) for t in subtitles)
        removed = {track.index: why for track, why in found if why}
        return state.remove(removed, removed)

    def _languages(self, state: DesiredState) -> tuple[str, ...]:
        """Return the languages to keep: all of them if the original one is not known."""
        original = original_language(state.media, state.external) or ANY
        return replaced_original(self.languages or (), original)

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        languages, preserved = self._languages(state), self._forced(state, config)
        for track in state.media.of("subtitle"):
            forced = track.index in preserved
            why = self._reason_to_remove(track, languages, forced)
            text = f"removed: {why}" if why else f"kept: {self._reason_to_keep(track, forced)}"
            yield Note(f"{track} {text}", self._deciding_key(forced), track=track.index)

    def _forced(self, state: DesiredState, config: PolicyConfig) -> frozenset[int]:
        """Return the tracks that stay because they are forced, by their flag or their title."""
        return frozenset(
            track.index
            for track in (state.media.of("subtitle") if self.preserve_forced else ())
            if track.forced or subtitle_kind(track, config) == "forced"
        )

    def _deciding_key(self, forced: bool) -> tuple[str, ...]:
        """Return the key that decides about the track."""
        if forced:
            return ("preserve_forced",)
        return ("remove_all",) if self.remove_all else ("languages",)

    def _reason_to_keep(self, track: Track, forced: bool) -> str:
        if forced:
            return "forced tracks are kept"
        return f"{track.language or UNDETERMINED} is wanted"

    def _reason_to_remove(
        self, track: Track, languages: tuple[str, ...], forced: bool
    ) -> str | None:
        if forced:
            return None
        if self.remove_all or self.languages is None:
            return "all subtitles are removed"
        return language_mismatch(track, languages, self.loose_regions)
