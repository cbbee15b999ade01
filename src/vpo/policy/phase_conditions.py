"""Whether a phase runs: ``skip_when`` depends on the file, ``run_if`` on earlier phases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from vpo.media import units
from vpo.media.model import MediaFile
from vpo.policy.condition_context import ConditionContext
from vpo.policy.field_types import (
    ByteSize,
    Containers,
    Duration,
    Names,
    Resolution,
    Resolutions,
    WantedLanguages,
)
from vpo.policy.operation import Model
from vpo.policy.rules.evaluation import holds
from vpo.policy.rules.printer import format_condition
from vpo.policy.rules.when import When
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


def _values(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


class SkipWhen(Model):
    """Skip the phase for files that match any (or all) of these conditions.

    A condition on an unknown fact is false. Of several values, one match is enough.
    """

    model_config = ConfigDict(json_schema_extra={"type": ["object", "string"]})

    mode: Literal["any", "all"] = Field(
        default="any", description="Whether any condition is enough, or all must be true."
    )
    video_codec: Names | None = Field(
        default=None, description="The first video track has one of these codecs."
    )
    audio_codec_exists: Names | None = Field(
        default=None, description="An audio track has one of these codecs."
    )
    subtitle_language_exists: WantedLanguages | None = Field(
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
    when: When | None = Field(
        default=None,
        description="This condition is true; an expression may also stand alone in `skip_when`.",
    )

    @model_validator(mode="after")
    def _not_empty(self) -> SkipWhen:
        if not any(getattr(self, name) is not None for name in _CONDITIONS):
            raise ValueError(
                f"`skip_when` needs at least one condition; known: {', '.join(_CONDITIONS)}"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _expression(cls, data: Any) -> Any:
        return {"when": data} if isinstance(data, str) else data

    @cached_property
    def conditions(self) -> tuple[tuple[str, tuple[tuple[Any, When], ...]], ...]:
        """The keys that are set, each with its values and the conditions that these stand for."""
        return tuple(
            (
                name,
                tuple((value, When.model_validate(condition(value))) for value in _values(found)),
            )
            for name, condition in _CONDITIONS.items()
            if (found := getattr(self, name)) is not None
        )


def skip_reason(condition: SkipWhen, context: ConditionContext) -> str | None:
    """Return why the phase is skipped for this file; ``None`` if it runs."""
    found = [_reason(name, conditions, context) for name, conditions in condition.conditions]
    true = [reason for reason in found if reason]
    if condition.mode == "all":
        return " and ".join(true) if len(true) == len(found) else None
    return true[0] if true else None


def _reason(
    name: str, conditions: Sequence[tuple[Any, When]], context: ConditionContext
) -> str | None:
    """Return the message on the first value of a key whose condition is true."""
    for value, when in conditions:
        if holds(when, context):
            return _REASONS[name](context.media, value)
    return None


def _film(**filters: Any) -> dict[str, Any]:
    return {"exists": {"track_type": "video", "kind": "main", **filters}}


_CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "when": lambda value: value,
    "video_codec": lambda value: _film(codec=value),
    "audio_codec_exists": lambda value: {"exists": {"track_type": "audio", "codec": value}},
    "subtitle_language_exists": lambda value: {
        "exists": {"track_type": "subtitle", "language": value}
    },
    "container": lambda value: {"container": value},
    "resolution": lambda value: _film(height=value),
    "resolution_under": lambda value: _film(height={"lt": value}),
    "file_size_under": lambda value: {"file_size": {"lt": value}},
    "file_size_over": lambda value: {"file_size": {"gt": value}},
    "duration_under": lambda value: {"duration": {"lt": value}},
    "duration_over": lambda value: {"duration": {"gt": value}},
}
"""The condition that each value of a key stands for."""


def _class(media: MediaFile) -> str | None:
    film = media.of("video")[0]
    return units.resolution_of(film.width, film.height)


def _size(media: MediaFile, word: str, limit: int) -> str:
    return f"size {format_size(media.size)} is {word} {format_size(limit)}"


def _duration(media: MediaFile, word: str, limit: float) -> str:
    return f"duration {format_time(media.duration or 0)} is {word} {format_time(limit)}"


_REASONS: dict[str, Callable[[MediaFile, Any], str]] = {
    "when": lambda _, value: format_condition(value),
    "video_codec": lambda media, _: f"video codec is {media.of('video')[0].codec}",
    "audio_codec_exists": lambda _, value: f"there is {value} audio",
    "subtitle_language_exists": lambda _, value: f"there are {value} subtitles",
    "container": lambda media, _: f"container is {media.container}",
    "resolution": lambda media, _: f"resolution is {_class(media)}",
    "resolution_under": lambda media, value: f"resolution {_class(media)} is under {value}",
    "file_size_under": lambda media, value: _size(media, "under", value),
    "file_size_over": lambda media, value: _size(media, "over", value),
    "duration_under": lambda media, value: _duration(media, "under", value),
    "duration_over": lambda media, value: _duration(media, "over", value),
}
