"""``keep_data``: the data tracks of telephones, cameras and television."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import OneValue, PolicyConfig, TrackRemoval


class KeepData(OneValue, TrackRemoval):
    """Remove all data tracks, or insist on them. In the policy it is true or false.

    Without this key, a rewrite leaves out those that no tool can carry, with a warning.
    """

    key = "keep_data"
    step = 28

    keep: bool = Field(
        description=(
            "false: remove all data tracks. true: leave a file unchanged, with an error, rather "
            "than lose one. Without the key, a rewrite leaves out those that no tool can carry."
        )
    )

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        if self.keep:
            return replace(state, data_required=True)
        tracks = [track.index for track in state.media.of("data")]
        return state.remove(tracks, "data tracks are removed")
