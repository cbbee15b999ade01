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

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vpo.draft import Draft
from vpo.errors import OnError


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

    def given(self) -> Iterator[tuple[str, Any]]:
        """The keys that have a value, as a policy writes them, each with its value."""
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) is not None:
                yield field.alias or name, value


class PolicyConfig(Model):
    """The ``config`` mapping of a policy: what its phases have in common."""

    audio_languages: tuple[str, ...] = ("eng", "und")
    subtitle_languages: tuple[str, ...] = ("eng", "und")
    commentary_patterns: tuple[Annotated[str, AfterValidator(pattern)], ...] = (
        "commentary",
        "director",
        "audio description",
    )
    on_error: OnError = "continue"

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

    def parts(self) -> Iterator[Operation]:
        """The operation by its steps, where it has several."""
        yield self

    @property
    def reads_pictures(self) -> bool:
        """Whether it has to know what the first pictures of the video say (``Track.hdr``)."""
        return False

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        """The draft as this operation wants it.

        Raises ``PlanError`` where it cannot be carried out on this file.
        """
        raise NotImplementedError

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        """What it decides on this draft beyond the changes that it makes, and why."""
        yield from ()


__all__ = ["SKIPPED", "Field", "Model", "Note", "Operation", "PolicyConfig"]
