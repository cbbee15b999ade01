"""``flags``: flags that say what so far only titles say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Note, Operation, PolicyConfig
from vpo.policy.track_classes import Kind, kind_of

_FLAGS: Mapping[Kind, str] = {
    "commentary": "comment",
    "descriptive": "visual_impaired",
    "forced": "forced",
    "sdh": "hearing_impaired",
}
"""The flags of the kinds that have one."""


class Flags(Operation):
    """Set the flags of commentary, audio description, SDH and forced tracks by their titles."""

    key = "flags"
    step = 45

    from_titles: Literal[True] = Field(
        description="Set the flag of each track whose title says what it is."
    )

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        for index, flag, why in _missing(state, config):
            state = state.set_flag(index, flag, True, why)
        return state

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        for index, flag, why in _missing(state, config):
            yield Note(f"{state.track(index)} gets the {flag} flag: {why}", ("from_titles",))


def _missing(state: DesiredState, config: PolicyConfig) -> Iterator[tuple[int, str, str]]:
    """Yield stream index, flag and reason of each flag to set."""
    for track in state.media.tracks:
        kind = kind_of(track, config)
        flag = _FLAGS.get(kind.name) if kind else None
        if kind and flag and kind.why == "title" and flag not in track.dispositions:
            yield track.index, flag, f"its title says {kind.name}"
