"""``file_timestamp``: the modification time of a changed file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpo.policy.desired_state import DesiredState
from vpo.policy.external_facts import release_time
from vpo.policy.operation import Operation, PolicyConfig


class FileTimestamp(Operation):
    """Set the modification time of a changed file.

    The release date comes from a metadata plugin; ``fallback`` applies if none has it.
    """

    key = "file_timestamp"
    step = 100

    mode: Literal["preserve", "release_date", "now"] = Field(
        default="preserve",
        description=(
            "The old modification time, midnight UTC of the release date, or the time of the "
            "change."
        ),
    )
    fallback: Literal["preserve", "now", "skip"] = Field(
        default="preserve",
        description=(
            "What to do without a release date; `skip`: use the setting in the configuration."
        ),
    )
    date_source: Literal["auto", "radarr", "sonarr"] = Field(
        default="auto",
        description="Metadata plugin for the release date; `auto`: the first that has it.",
    )

    @property
    def uses_metadata(self) -> bool:
        return self.mode == "release_date"

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        if self.mode != "release_date":
            return state.set_timestamp(self.mode)
        plugin = None if self.date_source == "auto" else self.date_source
        released = release_time(state.external, plugin)
        if released is not None:
            return state.set_timestamp(released)
        state = state.warn(f"no metadata plugin has the release date: {self.fallback} applies")
        return state if self.fallback == "skip" else state.set_timestamp(self.fallback)
