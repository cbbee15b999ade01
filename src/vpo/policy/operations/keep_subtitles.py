"""``keep_subtitles``: the language filter of subtitle tracks."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from vpo.media.languages import UNDETERMINED
from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState
from vpo.policy.language_filter import language_mismatch
from vpo.policy.operation import Note, PolicyConfig, TrackFilter


class KeepSubtitles(TrackFilter):
    """Remove subtitle tracks in other languages, or all of them."""

    key = "keep_subtitles"
    step = 41

    languages: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="Languages of the tracks to keep."
    )
    preserve_forced: bool = Field(
        default=False, description="Whether to keep forced tracks in any language."
    )
    remove_all: bool = Field(default=False, description="Whether to remove all subtitles.")

    @model_validator(mode="after")
    def _not_empty(self) -> KeepSubtitles:
        if self.languages is None and not self.remove_all:
            raise ValueError("`keep_subtitles` needs `languages`, or `remove_all: true`")
        return self

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        found = ((track, self._reason_to_remove(track)) for track in state.media.of("subtitle"))
        removed = {track.index: why for track, why in found if why}
        return state.remove(removed, removed)

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        for track in state.media.of("subtitle"):
            why = self._reason_to_remove(track)
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

    def _reason_to_remove(self, track: Track) -> str | None:
        if track.forced and self.preserve_forced:
            return None
        if self.remove_all or self.languages is None:
            return "all subtitles are removed"
        return language_mismatch(track, self.languages)
