"""``file_timestamp``: the modification time of a file that was changed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpo.policy.desired_state import Draft
from vpo.policy.external_facts import release_time
from vpo.policy.operation import Operation, PolicyConfig


class FileTimestamp(Operation):
    """Which modification time a changed file gets.

    A release date comes from a metadata source; where none knows it, ``fallback`` is what happens.
    """

    key = "file_timestamp"
    step = 100

    mode: Literal["preserve", "release_date", "now"] = Field(
        default="preserve",
        description=(
            "The time that the file had, the day of the release (midnight, UTC), or the time at "
            "which it was changed."
        ),
    )
    fallback: Literal["preserve", "now", "skip"] = Field(
        default="preserve",
        description=(
            "What applies if no source knows the release date; `skip`: what the configuration says."
        ),
    )
    date_source: Literal["auto", "radarr", "sonarr"] = Field(
        default="auto", description="Which source is asked for it; `auto`: the first that knows it."
    )

    @property
    def uses_metadata(self) -> bool:
        return self.mode == "release_date"

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        if self.mode != "release_date":
            return draft.set_timestamp(self.mode)
        source = None if self.date_source == "auto" else self.date_source
        released = release_time(draft.known, source)
        if released is not None:
            return draft.set_timestamp(released)
        draft = draft.warn(f"no source knows the release date: {self.fallback} applies")
        return draft if self.fallback == "skip" else draft.set_timestamp(self.fallback)
