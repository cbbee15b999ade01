"""What an operation of a phase is.

A new operation is one module in ``vpo.policy.operations`` with a subclass of ``Operation``: its
fields are the policy's keys (and so the schema), ``apply`` is its meaning. Nothing else lists it.
"""

from __future__ import annotations

import re
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

from vpo.draft import Draft
from vpo.errors import OnError


def _pattern(text: str) -> str:
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


class PolicyConfig(Model):
    """The ``config`` mapping of a policy: what its phases have in common."""

    audio_languages: tuple[str, ...] = ("eng", "und")
    subtitle_languages: tuple[str, ...] = ("eng", "und")
    commentary_patterns: tuple[Annotated[str, AfterValidator(_pattern)], ...] = (
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


class Operation(Model):
    """One key of a phase.

    ``key`` is its name in the policy, ``step`` its place in the fixed order inside a phase.
    """

    key: ClassVar[str]
    step: ClassVar[int]

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        """The draft as this operation wants it.

        Raises ``PlanError`` where it cannot be carried out on this file.
        """
        raise NotImplementedError


__all__ = ["Field", "Model", "Operation", "PolicyConfig"]
