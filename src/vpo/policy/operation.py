"""What an operation of a phase is.

A new operation is one module in ``vpo.policy.operations`` with a subclass of ``Operation``: its
fields are the policy's keys (and so the schema), ``apply`` is its meaning. Nothing else lists it.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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

    @property
    def reads_pictures(self) -> bool:
        """Whether it has to know what the first pictures of the video say (``Track.hdr``)."""
        return False

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        """The draft as this operation wants it.

        Raises ``PlanError`` where it cannot be carried out on this file.
        """
        raise NotImplementedError


__all__ = ["Field", "Model", "Operation", "PolicyConfig"]
