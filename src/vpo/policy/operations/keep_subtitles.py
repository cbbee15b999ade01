"""``keep_subtitles``: which subtitle tracks stay."""

from __future__ import annotations

from pydantic import Field, model_validator

from vpo.draft import Draft
from vpo.languages import UNDETERMINED, rank
from vpo.media import Track
from vpo.policy.operation import Operation, PolicyConfig


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
        found = ((track, self._why(track)) for track in draft.media.of("subtitle"))
        removed = {track.index: why for track, why in found if why}
        return draft.remove(removed, removed)

    def _why(self, track: Track) -> str | None:
        if track.forced and self.preserve_forced:
            return None
        if self.remove_all or self.languages is None:
            return "all subtitles are removed"
        if rank(track.language, self.languages) is not None:
            return None
        return f"language {track.language or UNDETERMINED} is not in {', '.join(self.languages)}"
