"""``default_flags``: which track of each type is the default."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from vpo.media.codecs import matches
from vpo.media.languages import UNDETERMINED, rank
from vpo.media.model import MediaFile, Track
from vpo.policy.desired_state import Draft
from vpo.policy.operation import Operation, PolicyConfig
from vpo.policy.phase_conditions import Names
from vpo.policy.track_classes import audio_kind, is_commentary

Choice = tuple[Track, str]
"""A track and why it was chosen."""


class DefaultFlags(Operation):
    """Make the preferred track of each type the default one."""

    key = "default_flags"
    step = 60

    set_first_video_default: bool = Field(
        default=True, description="The first video track is default."
    )
    set_preferred_audio_default: bool = Field(
        default=True, description="The preferred audio track is default."
    )
    set_preferred_subtitle_default: bool = Field(
        default=False, description="The preferred subtitle track is default."
    )
    clear_other_defaults: bool = Field(
        default=True, description="No other track of such a type is default."
    )
    preferred_audio_codec: Names | None = Field(
        default=None,
        description="Which codec is preferred among audio tracks of one language, best first.",
    )
    set_subtitle_default_when_audio_differs: bool = Field(
        default=False,
        description=(
            "The preferred subtitle track is default if the default audio is in none of "
            "`audio_languages`."
        ),
    )
    set_subtitle_forced_when_audio_differs: bool = Field(
        default=False, description="It is forced then, too."
    )

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        video = draft.media.of("video")
        if self.set_first_video_default and video:
            draft = self._make_default(draft, (video[0], "first video track"))
        if self.set_preferred_audio_default:
            audio = self._preferred_audio(draft.media, config)
            draft = self._make_default(draft, audio) if audio else draft
        return self._subtitles(draft, config)

    def _make_default(self, draft: Draft, choice: Choice) -> Draft:
        chosen, why = choice
        draft = draft.set_flag(chosen.index, "default", True, why)
        if self.clear_other_defaults:
            for track in draft.media.of(chosen.type):
                if track.index != chosen.index:
                    another = f"another {chosen.type} track is the default"
                    draft = draft.set_flag(track.index, "default", False, another)
        return draft

    def _preferred_audio(self, media: MediaFile, config: PolicyConfig) -> Choice | None:
        audio = media.of("audio")
        usable = [track for track in audio if audio_kind(track, config) == "speech"]
        spoken = [track for track in audio if not is_commentary(track, config)]
        codecs = self.preferred_audio_codec or ()
        return _preferred(usable or spoken, config.audio_languages, codecs)

    def _subtitles(self, draft: Draft, config: PolicyConfig) -> Draft:
        subtitles = draft.media.of("subtitle")
        if not subtitles:
            return draft
        usable = [track for track in subtitles if not is_commentary(track, config)]
        preferred = _preferred(usable, config.subtitle_languages, ())
        differs = _audio_differs(draft.media, config)
        if preferred and differs and self.set_subtitle_forced_when_audio_differs:
            draft = draft.set_flag(preferred[0].index, "forced", True, differs)
        if preferred and self.set_preferred_subtitle_default:
            return self._make_default(draft, preferred)
        if preferred and differs and self.set_subtitle_default_when_audio_differs:
            return self._make_default(draft, (preferred[0], differs))
        return self._no_subtitle(draft) if self.clear_other_defaults else draft

    def _no_subtitle(self, draft: Draft) -> Draft:
        """No subtitle is to be default; a container that wants one makes it the first."""
        for track in draft.media.of("subtitle"):
            draft = draft.set_flag(track.index, "default", False, "no subtitle is to be default")
        return draft


def _preferred(
    tracks: Sequence[Track], languages: tuple[str, ...], codecs: tuple[str, ...]
) -> Choice | None:
    """The first language of the preference with a track; in it the best codec; then the first."""
    ranks = {t.index: rank(t.language, languages) for t in tracks}
    best = min((place for place in ranks.values() if place is not None), default=None)
    if best is None:
        why = f"first {tracks[0].type} track; none is in {', '.join(languages)}" if tracks else ""
        return (tracks[0], why) if tracks else None
    fitting = [track for track in tracks if ranks[track.index] == best]
    why = f"preferred {fitting[0].type}: {languages[best]}"
    for codec in codecs:
        for track in fitting:
            if matches(track, codec):
                return track, f"{why} {codec}"
    return fitting[0], why


def _audio_differs(media: MediaFile, config: PolicyConfig) -> str | None:
    """That the default audio is in no preferred language, in words.

    Where no audio track is the default, players take the first.
    """
    audio = media.of("audio")
    played = next((track for track in audio if track.default), audio[0] if audio else None)
    if played is None or rank(played.language, config.audio_languages) is not None:
        return None
    language = played.language or UNDETERMINED
    return f"default audio is {language}, not {', '.join(config.audio_languages)}"
