"""``keep_subtitles``: the language filter of subtitle tracks."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from vpo.media.languages import ANY, ORIGINAL, UNDETERMINED, replaced_original
from vpo.media.model import Track
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import Languages
from vpo.policy.keep_tracks import KeepTracks, Verdict
from vpo.policy.language_filter import language_mismatch
from vpo.policy.operation import Note, PolicyConfig
from vpo.policy.track_classes import Kind


class KeepSubtitles(KeepTracks):
    """Remove subtitle tracks: in other languages, by filters, all but the best, or all of them."""

    key = "keep_subtitles"
    step = 41
    track_type = "subtitle"

    languages: Languages | None = Field(
        default=None, min_length=1, description="Languages of the tracks to keep; unset: any."
    )
    preserve_forced: bool = Field(
        default=False, description="Whether to keep forced tracks in any language."
    )
    remove_all: bool = Field(
        default=False, description="Whether to remove all subtitles that no filter keeps."
    )

    @property
    def uses_metadata(self) -> bool:
        return ORIGINAL in (self.languages or ()) or super().uses_metadata

    @model_validator(mode="after")
    def _states_something(self) -> KeepSubtitles:
        if not (self.languages or self.drop or self.per_language or self.remove_all):
            raise ValueError(
                "`keep_subtitles` needs `languages`, `drop`, `per_language`, or `remove_all: true`"
            )
        return self

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        found = self._verdicts(ConditionContext.of(state, config))
        removed = {track.index: verdict.why for track, verdict in found.items() if not verdict.kept}
        return state.remove(removed, removed)

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        for track, found in self._verdicts(ConditionContext.of(state, config)).items():
            text = f"{'kept' if found.kept else 'removed'}: {found.why}"
            yield Note(f"{track} {text}", found.path, track=track.index)

    def _verdicts(self, context: ConditionContext) -> dict[Track, Verdict]:
        languages = self._languages(context)

        def by_language(track: Track) -> Verdict:
            return self._decide(track, context.kind(track), languages)

        return self.verdicts(context.media.of("subtitle"), context, by_language)

    def _languages(self, context: ConditionContext) -> tuple[str, ...]:
        """Return the languages to keep: all of them if the original one is not known."""
        return replaced_original(self.languages or (ANY,), context.original_language or ANY)

    def _decide(self, track: Track, kind: Kind | None, languages: tuple[str, ...]) -> Verdict:
        if self.preserve_forced and (track.forced or kind == "forced"):
            return Verdict(True, "forced tracks are kept", ("preserve_forced",))
        if self.remove_all:
            return Verdict(False, "all subtitles are removed", ("remove_all",))
        other = language_mismatch(track, languages, self.loose_regions)
        wanted = f"{track.language or UNDETERMINED} is wanted"
        return Verdict(other is None, other or wanted, ("languages",))
