"""When a phase runs: ``skip_when`` looks at the file, ``run_if`` at the phases before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from vpo.media import units
from vpo.media.codecs import matches
from vpo.media.containers import CONTAINERS
from vpo.media.languages import same
from vpo.media.model import MediaFile
from vpo.policy.operation import Model
from vpo.text import format_size, format_time, suggestion


def listed(value: Any) -> Any:
    """One value or several, as several."""
    return value if isinstance(value, list | tuple | dict) else (value,)


def _container(value: Any) -> str:
    name = str(value).strip().lower().lstrip(".")
    for item in CONTAINERS.values():
        if name in (item.name, item.muxer) or f".{name}" in item.suffixes:
            return item.name
    raise ValueError(f"`{value}` is not a container{suggestion(name, CONTAINERS)}")


_STRING = {"type": "string"}
_ONE_OR_MORE = {"anyOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1}]}
_QUANTITY = {"type": ["string", "number"]}

Names = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema(_ONE_OR_MORE),
]
Containers = Annotated[
    tuple[Annotated[str, BeforeValidator(_container)], ...],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema(_ONE_OR_MORE),
]
Resolutions = Annotated[
    tuple[Annotated[str, BeforeValidator(units.resolution)], ...],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema(_ONE_OR_MORE),
]
Resolution = Annotated[str, BeforeValidator(units.resolution)]
Size = Annotated[int, BeforeValidator(units.size), WithJsonSchema(_QUANTITY)]
Duration = Annotated[float, BeforeValidator(units.duration), WithJsonSchema(_QUANTITY)]
BitRate = Annotated[int, BeforeValidator(units.bitrate), WithJsonSchema(_QUANTITY)]
Part = Annotated[float, BeforeValidator(units.part), WithJsonSchema(_QUANTITY)]


class RunIf(Model):
    """Run the phase only after what became of an earlier one; exactly one of the two."""

    phase_modified: str | None = Field(
        default=None, description="The phase that has to have changed something."
    )
    phase_completed: str | None = Field(
        default=None, description="The phase that has to have completed."
    )

    @model_validator(mode="after")
    def _one(self) -> RunIf:
        if (self.phase_modified is None) == (self.phase_completed is None):
            raise ValueError("`run_if` takes one of `phase_modified` and `phase_completed`")
        return self


class SkipWhen(Model):
    """Skip the phase for files of which any (or all) of this is true.

    What is not known about a file is never true. Where several values are given, one is enough.
    """

    mode: Literal["any", "all"] = Field(
        default="any",
        description="Whether one of the conditions is enough, or all have to be true.",
    )
    video_codec: Names | None = Field(default=None, description="The codec of a video track.")
    audio_codec_exists: Names | None = Field(
        default=None, description="The codec of an audio track."
    )
    subtitle_language_exists: Names | None = Field(
        default=None, description="The language of a subtitle track."
    )
    container: Containers | None = Field(
        default=None, description="The container, by its name or a suffix."
    )
    resolution: Resolutions | None = Field(
        default=None, description="The class of resolution, like `1080p` or `4k`."
    )
    resolution_under: Resolution | None = Field(
        default=None, description="The class of resolution is lower than this one."
    )
    file_size_under: Size | None = Field(
        default=None, description="The file is smaller, like `500MB` or `1.5 GiB`."
    )
    file_size_over: Size | None = Field(default=None, description="The file is larger.")
    duration_under: Duration | None = Field(
        default=None, description="It is shorter, like `90s` or `1h30m`."
    )
    duration_over: Duration | None = Field(default=None, description="It is longer.")

    @model_validator(mode="after")
    def _not_empty(self) -> SkipWhen:
        if not self.stated:
            raise ValueError(f"`skip_when` names no condition; known: {', '.join(_CHECKS)}")
        return self

    @property
    def stated(self) -> tuple[str, ...]:
        """The conditions that the policy states."""
        return tuple(name for name in _CHECKS if getattr(self, name) is not None)


def skip_reason(condition: SkipWhen, media: MediaFile) -> str | None:
    """Why the phase is skipped for this media, in words; ``None`` if it is to run."""
    found = [_CHECKS[name](media, getattr(condition, name)) for name in condition.stated]
    true = [words for words in found if words]
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
            if same(track.language, name):
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
