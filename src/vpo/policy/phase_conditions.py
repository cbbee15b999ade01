"""Whether a phase runs: ``skip_when`` depends on the file, ``run_if`` on earlier phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, model_validator

from vpo.media import units
from vpo.media.codecs import matches
from vpo.media.languages import language_fits
from vpo.media.model import MediaFile
from vpo.policy.field_types import ByteSize, Containers, Duration, Names, Resolution, Resolutions
from vpo.policy.operation import Model
from vpo.text import format_size, format_time


class RunIf(Model):
    """Run the phase only if an earlier one changed something, or completed: one of the two keys."""

    phase_modified: str | None = Field(
        default=None, description="Phase that must have changed something."
    )
    phase_completed: str | None = Field(default=None, description="Phase that must have completed.")

    @model_validator(mode="after")
    def _one(self) -> RunIf:
        if (self.phase_modified is None) == (self.phase_completed is None):
            raise ValueError("`run_if` takes one of `phase_modified` and `phase_completed`")
        return self


class SkipWhen(Model):
    """Skip the phase for files that match any (or all) of these conditions.

    A condition on an unknown fact is false. Of several values, one match is enough.
    """

    mode: Literal["any", "all"] = Field(
        default="any", description="Whether any condition is enough, or all must be true."
    )
    video_codec: Names | None = Field(
        default=None, description="The first video track has one of these codecs."
    )
    audio_codec_exists: Names | None = Field(
        default=None, description="An audio track has one of these codecs."
    )
    subtitle_language_exists: Names | None = Field(
        default=None, description="A subtitle track has one of these languages."
    )
    container: Containers | None = Field(
        default=None, description="The container, by name or file extension."
    )
    resolution: Resolutions | None = Field(
        default=None, description="The resolution class, like `1080p` or `4k`."
    )
    resolution_under: Resolution | None = Field(
        default=None, description="The resolution class is lower than this one."
    )
    file_size_under: ByteSize | None = Field(
        default=None, description="The file is smaller, like `500MB` or `1.5 GiB`."
    )
    file_size_over: ByteSize | None = Field(default=None, description="The file is larger.")
    duration_under: Duration | None = Field(
        default=None, description="The video is shorter, like `90s` or `1h30m`."
    )
    duration_over: Duration | None = Field(default=None, description="The video is longer.")

    @model_validator(mode="after")
    def _not_empty(self) -> SkipWhen:
        if not self.stated:
            raise ValueError(
                f"`skip_when` needs at least one condition; known: {', '.join(_CHECKS)}"
            )
        return self

    @property
    def stated(self) -> tuple[str, ...]:
        """The conditions that the policy sets."""
        return tuple(name for name in _CHECKS if getattr(self, name) is not None)


def skip_reason(condition: SkipWhen, media: MediaFile) -> str | None:
    """Return why the phase is skipped for this file; ``None`` if it runs."""
    found = [_CHECKS[name](media, getattr(condition, name)) for name in condition.stated]
    true = [reason for reason in found if reason]
    if condition.mode == "all":
        return " and ".join(true) if len(true) == len(found) else None
    return true[0] if true else None


def _video_codec(media: MediaFile, wanted: tuple[str, ...]) -> str | None:
    for track in media.of("video")[:1]:
        if any(matches(track, name) for name in wanted):
            return f"video codec is {track.codec}"
    return None


def _audio_codec(media: MediaFile, wanted: tuple[str, ...]) -> str | None:
    for track in media.of("audio"):
        for name in wanted:
            if matches(track, name):
                return f"there is {name} audio"
    return None


def _subtitle_language(media: MediaFile, wanted: tuple[str, ...]) -> str | None:
    for track in media.of("subtitle"):
        for name in wanted:
            if language_fits(track.language, name):
                return f"there are {name} subtitles"
    return None


def _container_is(media: MediaFile, wanted: tuple[str, ...]) -> str | None:
    return f"container is {media.container}" if media.container in wanted else None


def _class(media: MediaFile) -> str | None:
    video = media.of("video")
    return units.resolution_of(video[0].width, video[0].height) if video else None


def _resolution(media: MediaFile, wanted: tuple[str, ...]) -> str | None:
    found = _class(media)
    return f"resolution is {found}" if found in wanted else None


def _resolution_under(media: MediaFile, limit: str) -> str | None:
    found = _class(media)
    if found and units.below(found, limit):
        return f"resolution {found} is under {limit}"
    return None


def _size_under(media: MediaFile, limit: int) -> str | None:
    size, bound = format_size(media.size), format_size(limit)
    return f"size {size} is under {bound}" if media.size < limit else None


def _size_over(media: MediaFile, limit: int) -> str | None:
    size, bound = format_size(media.size), format_size(limit)
    return f"size {size} is over {bound}" if media.size > limit else None


def _duration_under(media: MediaFile, limit: float) -> str | None:
    if media.duration is None or media.duration >= limit:
        return None
    return f"duration {format_time(media.duration)} is under {format_time(limit)}"


def _duration_over(media: MediaFile, limit: float) -> str | None:
    if media.duration is None or media.duration <= limit:
        return None
    return f"duration {format_time(media.duration)} is over {format_time(limit)}"


_CHECKS: dict[str, Callable[[MediaFile, Any], str | None]] = {
    "video_codec": _video_codec,
    "audio_codec_exists": _audio_codec,
    "subtitle_language_exists": _subtitle_language,
    "container": _container_is,
    "resolution": _resolution,
    "resolution_under": _resolution_under,
    "file_size_under": _size_under,
    "file_size_over": _size_over,
    "duration_under": _duration_under,
    "duration_over": _duration_over,
}
