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

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        subtitles = state.media.of("subtitle")
        languages = self._languages(state)
        found = ((track, self._reason_to_remove(track, languages)) for track in subtitles)
        removed = {track.index: why for track, why in found if why}
        return state.remove(removed, removed)

    def _languages(self, state: DesiredState) -> tuple[str, ...]:
        """Return the languages to keep: all of them if the original one is not known."""
        original = original_language(state.media, state.external) or ANY
        return replaced_original(self.languages or (), original)

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        languages = self._languages(state)
        for track in state.media.of("subtitle"):
            why = self._reason_to_remove(track, languages)
            text = f"removed: {why}" if why else f"kept: {self._reason_to_keep(track)}"
            yield Note(f"{track} {text}", self._deciding_key(track), track=track.index)

    def _deciding_key(self, track: Track) -> tuple[str, ...]:
        """Return the key that decides about the track."""
        if track.forced and self.preserve_forced:
            return ("preserve_forced",)
        return ("remove_all",) if self.remove_all else ("languages",)

    def _reason_to_keep(self, track: Track) -> str:
        if track.forced and self.preserve_forced:
            return "forced tracks are kept"
        return f"{track.language or UNDETERMINED} is wanted"

    def _reason_to_remove(self, track: Track, languages: tuple[str, ...]) -> str | None:
        if track.forced and self.preserve_forced:
            return None
        if self.remove_all or self.languages is None:
            return "all subtitles are removed"
        return language_mismatch(track, languages, self.loose_regions)
