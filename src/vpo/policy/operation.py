"""What an operation of a phase is.

A new operation is one module in ``vpo.policy.operations`` with a subclass of ``Operation``: its
fields are the policy's keys (and so the schema), ``apply`` is its meaning. Nothing else lists it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticKnownError

from vpo.errors import OnError
from vpo.policy.desired_state import Draft


def pattern(text: str) -> str:
    """The text, if it is a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


class Model(BaseModel):
    """A mapping of the policy: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _typed_as_written(cls, value: Any, info: ValidationInfo) -> Any:
        """``yes`` and ``"true"`` are text, ``1`` is a number: none of them stands for a truth, and
        no text or truth for a number, unless a field reads its values by itself.
        """
        field = cls.model_fields[info.field_name or ""]
        if any(isinstance(item, BeforeValidator) for item in field.metadata):
            return value
        kind = field.annotation
        if kind is bool and not isinstance(value, bool):
            raise PydanticKnownError("bool_type")
        if kind in (int, float) and isinstance(value, (bool, str)):
            raise PydanticKnownError("int_type" if kind is int else "float_type")
        return value

    def given(self) -> Iterator[tuple[str, Any]]:
        """The keys that have a value, as a policy writes them, each with its value."""
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) is not None:
                yield field.alias or name, value


class PolicyConfig(Model):
    """The ``config`` mapping of a policy: what its phases have in common."""

    audio_languages: tuple[str, ...] = Field(
        default=("eng", "und"), description="The languages of audio, best first."
    )
    subtitle_languages: tuple[str, ...] = Field(
        default=("eng", "und"), description="The languages of subtitles, best first."
    )
    commentary_patterns: tuple[Annotated[str, AfterValidator(pattern)], ...] = Field(
        default=(
            "commentary",
            "director",
            "audio description",
        ),
        description=(
            "Regular expressions: a track is commentary if its title has one, in upper or lower "
            "case, or if it has the flag."
        ),
    )
    on_error: OnError = Field(
        default="continue",
        description=(
            "What an error leads to: the other phases take effect (`continue`), the file stays as "
            "it is (`skip`), or the batch stops (`fail`)."
        ),
    )

    @cached_property
    def commentary(self) -> re.Pattern[str] | None:
        """The commentary patterns as one case-insensitive expression."""
        if not self.commentary_patterns:
            return None
        return re.compile("|".join(f"(?:{p})" for p in self.commentary_patterns), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Note:
    """What an operation decides on a file, for people.

    ``path`` leads from the operation's key to what decides; ``true`` is the outcome of a condition;
    ``depth`` is how far below another note it belongs; ``track`` is the stream index of the track
    on which the note says all that there is to say.
    """

    text: str
    path: tuple[str | int, ...] = ()
    true: bool | None = None
    depth: int = 0
    track: int | None = None


SKIPPED = Note("skipped: a rule of this phase says skip_track_filter")


class Operation(Model):
    """One key of a phase.

    ``key`` is its name in the policy, ``step`` its place in the fixed order inside a phase.
    """

    key: ClassVar[str]
    step: ClassVar[int]

    @property
    def uses_metadata(self) -> bool:
        """Whether ``apply`` looks at what metadata sources say (``Draft.known.metadata``)."""
        return False

    @property
    def remark(self) -> str | None:
        """What there is to say of it once a run, whatever the files are."""
        return None

    @property
    def reads_pictures(self) -> bool:
        """Whether it has to know what the first pictures of the video say (``Track.hdr``)."""
        return False

    @property
    def video_section(self) -> str:
        """What tells how the operation encodes video, as text; empty if it does not."""
        return ""

    def parts(self) -> Iterator[Operation]:
        """The operation by its steps, where it has several."""
        yield self

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        """The draft as this operation wants it.

        Raises ``PlanError`` where it cannot be carried out on this file.
        """
        raise NotImplementedError

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        """What it decides on this draft beyond the changes that it makes, and why."""
        yield from ()


__all__ = ["SKIPPED", "Field", "Model", "Note", "Operation", "PolicyConfig"]
