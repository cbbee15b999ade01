"""Which audio tracks are original and which are dubbed: from flags, else from metadata."""

from __future__ import annotations

from vpo.media.languages import UNDETERMINED, primary, same
from vpo.media.model import MediaFile, Track
from vpo.policy.external_facts import ExternalFacts, original_language
from vpo.policy.operation import PolicyConfig
from vpo.policy.track_classes import audio_kind


def original_tracks(
    media: MediaFile, external: ExternalFacts, config: PolicyConfig
) -> tuple[Track, ...] | None:
    """Return the audio tracks in the original language; ``None`` if that is unknown.

    Without a flag, these are the main tracks in that language that are not flagged as dubs.
    """
    flagged = _flagged(media, "original")
    if flagged:
        return flagged
    language = original_language(media, external)
    if language is None:
        return () if _flagged(media, "dub") else None
    return tuple(
        track
        for track in _main(media, config)
        if "dub" not in track.dispositions and same(track.language, language)
    )


def dubbed_tracks(
    media: MediaFile, external: ExternalFacts, config: PolicyConfig
) -> tuple[Track, ...] | None:
    """Return the dubbed audio tracks; ``None`` if that is unknown.

    Without a flag, these are the main tracks in another language than the original one.
    """
    flagged = _flagged(media, "dub")
    if flagged:
        return flagged
    language = original_language(media, external)
    if language is None:
        return () if _flagged(media, "original") else None
    return tuple(
        track
        for track in _main(media, config)
        if "original" not in track.dispositions
        and primary(track.language) not in (UNDETERMINED, primary(language))
    )


def _flagged(media: MediaFile, flag: str) -> tuple[Track, ...]:
    return tuple(track for track in media.of("audio") if flag in track.dispositions)


def _main(media: MediaFile, config: PolicyConfig) -> list[Track]:
    return [track for track in media.of("audio") if audio_kind(track, config) == "main"]
