"""``keep_subtitles``: which subtitle tracks stay."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track
from vpo.policy.desired_state import Draft
from vpo.policy.operation import SKIPPED, Note, Operation, PolicyConfig


class KeepSubtitles(Operation):
    """Remove the subtitle tracks that are in none of the languages, or all of them."""

    key = "keep_subtitles"
    step = 41

    languages: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The languages of the tracks that stay; unset: all."
    )
    preserve_forced: bool = Field(
        default=False, description="Whether forced tracks stay in any language."
    )
    remove_all: bool = Field(default=False, description="Whether all subtitles go.")

    @model_validator(mode="after")
    def _says_what_to_keep(self) -> KeepSubtitles:
        if self.languages is None and not self.remove_all:
            raise ValueError("`keep_subtitles` needs `languages`, or `remove_all: true`")
        return self

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        if "track_filter" in draft.skips:
            return draft
        found = ((track, self._why(track)) for track in draft.media.of("subtitle"))
        removed = {track.index: why for track, why in found if why}
        return draft.remove(removed, removed)

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        if "track_filter" in draft.skips:
            yield SKIPPED
            return
        for track in draft.media.of("subtitle"):
            why = self._why(track)
            text = f"removed: {why}" if why else f"stays: {self._why_kept(track)}"
            yield Note(f"{track} {text}", self._decisive(track), track=track.index)

    def _decisive(self, track: Track) -> tuple[str, ...]:
        """The key that decides on the track."""
        if track.forced and self.preserve_forced:
            return ("preserve_forced",)
        return ("remove_all",) if self.remove_all else ("languages",)

    def _why_kept(self, track: Track) -> str:
        if track.forced and self.preserve_forced:
            return "forced tracks stay"
        return f"{track.language or UNDETERMINED} is wanted"

    def _why(self, track: Track) -> str | None:
        if track.forced and self.preserve_forced:
            return None
        if self.remove_all or self.languages is None:
            return "all subtitles are removed"
        if rank(track.language, self.languages) is not None:
            return None
        return f"language {track.language or UNDETERMINED} is not in {', '.join(self.languages)}"
