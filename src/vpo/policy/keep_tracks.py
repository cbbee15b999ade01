"""What ``keep_audio`` and ``keep_subtitles`` share: filters, and the best tracks of a language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from pydantic import Field, model_validator

from vpo.media.languages import UNDETERMINED, primary
from vpo.media.model import Track
from vpo.policy.condition_context import ConditionContext
from vpo.policy.operation import Model, TrackRemoval
from vpo.policy.track_filter import AnyOf, first_match, require_all_fitting, require_fitting
from vpo.policy.track_preference import Criterion, ranked
from vpo.text import counted


class Verdict(NamedTuple):
    """Whether a track is kept, why, and the path of the key that decides."""

    kept: bool
    why: str
    path: tuple[str | int, ...]


class PerLanguage(Model):
    """How many tracks of one language, and of one kind, to keep."""

    max: int = Field(default=1, ge=1, description="The most tracks of one language and kind.")
    prefer: tuple[Criterion, ...] = Field(
        default=(), description="Which of them, most important criterion first; else the first."
    )


class KeepTracks(TrackRemoval):
    """Removal of tracks by filters, by language, and of all but the best of each language."""

    track_type: ClassVar[str]

    keep: AnyOf | None = Field(
        default=None, description="Tracks that match one of these filters are always kept."
    )
    drop: AnyOf | None = Field(
        default=None, description="Others that match one of these filters are removed."
    )
    per_language: PerLanguage | None = Field(
        default=None, description="Of the others, keep only the best of each language and kind."
    )
    loose_regions: bool = Field(
        default=False, description="Whether `pt-BR` also keeps other Portuguese, such as `pt-PT`."
    )

    @model_validator(mode="after")
    def _fitting(self) -> KeepTracks:
        require_all_fitting(self, self.track_type, "keep", "drop")
        for number, criterion in enumerate(self.per_language.prefer if self.per_language else ()):
            require_fitting(criterion, self.track_type, ("per_language", "prefer", number))
        return self

    def verdicts(
        self,
        tracks: Iterable[Track],
        context: ConditionContext,
        by_language: Callable[[Track], Verdict],
    ) -> dict[Track, Verdict]:
        """Return what is decided about each track; ``by_language`` where no filter matches."""
        found = {track: self._by_filter(track, context) or by_language(track) for track in tracks}
        return found | self._surplus(found, context)

    def _by_filter(self, track: Track, context: ConditionContext) -> Verdict | None:
        for key, filters in (("keep", self.keep), ("drop", self.drop)):
            number = first_match(filters or (), track, context)
            if number is not None:
                return Verdict(key == "keep", f"a filter of {key} matches", (key, number))
        return None

    def _surplus(
        self, found: dict[Track, Verdict], context: ConditionContext
    ) -> dict[Track, Verdict]:
        """Return the verdicts on tracks that are not among the best of their language and kind."""
        if self.per_language is None:
            return {}
        groups: dict[tuple[str, str | None], list[Track]] = {}
        for track, verdict in found.items():
            if verdict.kept and verdict.path[0] != "keep":
                key = primary(track.language), context.kind(track)
                groups.setdefault(key, []).append(track)
        return {
            track: Verdict(False, _surplus_reason(best, self.per_language.max), ("per_language",))
            for group in groups.values()
            for best in [self._best(group, context)]
            for track in group
            if track not in best
        }

    def _best(self, tracks: list[Track], context: ConditionContext) -> list[Track]:
        wanted = self.per_language
        if wanted is None:
            return tracks
        ordered = sorted(tracks, key=lambda track: ranked(wanted.prefer, track, context))
        return ordered[: wanted.max]


def _surplus_reason(best: list[Track], most: int) -> str:
    language = best[0].language or UNDETERMINED
    named = str(best[0]) if most == 1 else counted(most, "track")
    return f"{named} in {language} {'is' if most == 1 else 'are'} preferred"
