"""What was spoken originally: by the container's flags, else by what metadata sources know."""

from __future__ import annotations

from vpo.media.languages import UNDETERMINED, primary, same
from vpo.media.model import MediaFile, Track
from vpo.policy.desired_state import Known
from vpo.policy.external_facts import original_language
from vpo.policy.operation import PolicyConfig
from vpo.policy.track_classes import audio_kind


def originals(media: MediaFile, known: Known, config: PolicyConfig) -> tuple[Track, ...] | None:
    """The audio tracks with what was spoken originally; ``None`` if that is not known.

    Without a flag they are those with speech in the original language that are not called dubs.
    """
    flagged = _flagged(media, "original")
    if flagged:
        return flagged
    language = original_language(media, known)
    if language is None:
        return () if _flagged(media, "dub") else None
    return tuple(
        track
        for track in _speech(media, config)
        if "dub" not in track.dispositions and same(track.language, language)
    )


def dubs(media: MediaFile, known: Known, config: PolicyConfig) -> tuple[Track, ...] | None:
    """The dubbed audio tracks; ``None`` if that is not known.

    Without a flag they are those with speech in another language than the original one.
    """
    flagged = _flagged(media, "dub")
    if flagged:
        return flagged
    language = original_language(media, known)
    if language is None:
        return () if _flagged(media, "original") else None
    return tuple(
        track
        for track in _speech(media, config)
        if "original" not in track.dispositions
        and primary(track.language) not in (UNDETERMINED, primary(language))
    )


def _flagged(media: MediaFile, flag: str) -> tuple[Track, ...]:
    return tuple(track for track in media.of("audio") if flag in track.dispositions)


def _speech(media: MediaFile, config: PolicyConfig) -> list[Track]:
    return [track for track in media.of("audio") if audio_kind(track, config) == "speech"]
