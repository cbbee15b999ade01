"""``default_flags``: the default track of each type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field, model_validator

from vpo.media.codecs import matches
from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import Track
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import Names
from vpo.policy.operation import Operation, PolicyConfig
from vpo.policy.track_classes import BEST_AUDIO, BEST_SUBTITLES, Kind
from vpo.policy.track_filter import AnyOf, TrackFilter, require_all_fitting


class PreferredTrack(NamedTuple):
    """A track and why it is preferred."""

    track: Track
    why: str


class DefaultFlags(Operation):
    """Make the preferred track of each type the default."""

    key = "default_flags"
    step = 60

    set_first_video_default: bool = Field(
        default=True, description="Make the first video track default."
    )
    set_preferred_audio_default: bool = Field(
        default=True, description="Make the preferred audio track default."
    )
    set_preferred_subtitle_default: bool = Field(
        default=False, description="Make the preferred subtitle track default."
    )
    clear_other_defaults: bool = Field(
        default=True,
        description=(
            "Clear the default flag of the other tracks of such a type; and of all subtitles, if "
            "none is to be the default and the audio is in `audio_languages`."
        ),
    )
    preferred_audio_codec: Names | None = Field(
        default=None, description="Preferred codecs among audio tracks of one language, best first."
    )
    prefer_audio: AnyOf | None = Field(
        default=None,
        description=(
            "Preferred audio: the tracks that match the first of these filters that any matches; "
            "the language decides among them."
        ),
    )
    prefer_subtitle: AnyOf | None = Field(default=None, description="The same for subtitles.")
    set_subtitle_default_when_audio_differs: bool = Field(
        default=False,
        description=(
            "Make the preferred subtitle track default if the default audio is in none of "
            "`audio_languages`."
        ),
    )
    set_subtitle_forced_when_audio_differs: bool = Field(
        default=False, description="Set its forced flag as well in that case."
    )

    @model_validator(mode="after")
    def _fitting(self) -> DefaultFlags:
        require_all_fitting(self, "audio", "prefer_audio")
        require_all_fitting(self, "subtitle", "prefer_subtitle")
        makes = (self.set_preferred_subtitle_default, self.set_subtitle_default_when_audio_differs)
        if self.prefer_subtitle is not None and not any(makes):
            raise ValueError(
                "`prefer_subtitle` needs `set_preferred_subtitle_default: true`, or "
                "`set_subtitle_default_when_audio_differs: true`"
            )
        return self

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        video = state.media.of("video")
        if self.set_first_video_default and video:
            state = self._make_default(state, PreferredTrack(video[0], "first video track"))
        if self.set_preferred_audio_default:
            audio = self._preferred_audio(_candidates(state), ConditionContext.of(state, config))
            state = self._make_default(state, audio) if audio else state
        return self._subtitles(state, config)

    def _make_default(self, state: DesiredState, preferred: PreferredTrack) -> DesiredState:
        chosen = preferred.track
        if not self.clear_other_defaults:
            return state.set_flag(chosen.index, "default", True, preferred.why)
        return state.set_default(
            chosen, preferred.why, f"another {chosen.type} track is the default"
        )

    def _preferred_audio(
        self, tracks: Sequence[Track], context: ConditionContext
    ) -> PreferredTrack | None:
        best = _of_best_kind(tracks, BEST_AUDIO, context)
        audio = _matching(self.prefer_audio, tracks, best, context) or best
        return _preferred(audio, context.config.audio_languages, self.preferred_audio_codec or ())

    def _subtitles(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        subtitles = state.media.of("subtitle")
        if not subtitles:
            return state
        preferred = self._preferred_subtitles(subtitles, ConditionContext.of(state, config))
        differs = _audio_differs(_candidates(state), config)
        if preferred and differs and self.set_subtitle_forced_when_audio_differs:
            state = state.set_flag(preferred.track.index, "forced", True, differs)
        if preferred and self.set_preferred_subtitle_default:
            return self._make_default(state, preferred)
        if preferred and differs and self.set_subtitle_default_when_audio_differs:
            return self._make_default(state, PreferredTrack(preferred.track, differs))
        if differs:
            return state  # subtitles that are on for a film in another language stay on
        return self._clear_subtitles(state) if self.clear_other_defaults else state

    def _preferred_subtitles(
        self, tracks: Sequence[Track], context: ConditionContext
    ) -> PreferredTrack | None:
        """Return the subtitles with the best language, then of the best kind; never commentary."""
        kinds = {track.index: context.kind(track) or "commentary" for track in tracks}
        usable = [track for track in tracks if kinds[track.index] != "commentary"]
        found = _matching(self.prefer_subtitle, tracks, usable, context) or usable
        in_order = sorted(found, key=lambda track: BEST_SUBTITLES.index(kinds[track.index]))
        return _preferred(in_order, context.config.subtitle_languages, ())

    def _clear_subtitles(self, state: DesiredState) -> DesiredState:
        """Clear all defaults; a container that needs a default track makes it the first."""
        for track in state.media.of("subtitle"):
            state = state.set_flag(track.index, "default", False, "no subtitle is to be default")
        return state


def _candidates(state: DesiredState) -> Sequence[Track]:
    """Return the audio tracks without those that a later operation makes."""
    audio = state.media.of("audio")
    return [track for track in audio if track.index not in state.made] or audio


def _preferred(
    tracks: Sequence[Track], languages: tuple[str, ...], codecs: tuple[str, ...]
) -> PreferredTrack | None:
    """Return the track with the best language, then the best codec, then the first."""
    ranks = {t.index: rank(t.language, languages, t.title) for t in tracks}
    best = min((found for found in ranks.values() if found is not None), default=None)
    if best is None:
        why = f"first {tracks[0].type} track; none is in {', '.join(languages)}" if tracks else ""
        return PreferredTrack(tracks[0], why) if tracks else None
    candidates = [track for track in tracks if ranks[track.index] == best]
    why = f"preferred {candidates[0].type}: {languages[best.position]}"
    for codec in codecs:
        for track in candidates:
            if matches(track, codec):
                return PreferredTrack(track, f"{why} {codec}")
    return PreferredTrack(candidates[0], why)


def _matching(
    filters: Sequence[TrackFilter] | None,
    tracks: Sequence[Track],
    best: Sequence[Track],
    context: ConditionContext,
) -> list[Track]:
    """Return the tracks that match the first filter that any matches.

    Only a filter that names kinds makes others than those of the ``best`` kind default.
    """
    for one in filters or ():
        every = tracks if one.kind is not None or one.commentary is not None else best
        found = [track for track in every if one.matches(track, context)]
        if found:
            return found
    return []


def _of_best_kind(
    tracks: Sequence[Track], best: Sequence[Kind], context: ConditionContext
) -> list[Track]:
    """Return the tracks of the best kind that there is; never commentary."""
    kinds = {track.index: context.kind(track) or "commentary" for track in tracks}
    kind = min(kinds.values(), key=best.index, default=None)
    return [track for track in tracks if kinds[track.index] == kind and kind != "commentary"]


def _audio_differs(audio: Sequence[Track], config: PolicyConfig) -> str | None:
    """Return a message if the default audio is in no preferred language.

    Without a default audio track, players use the first.
    """
    played = next((track for track in audio if track.default), audio[0] if audio else None)
    if played is None or rank(played.language, config.understood_languages) is not None:
        return None
    language = played.language or UNDETERMINED
    return f"default audio is {language}, not {', '.join(config.understood_languages)}"
