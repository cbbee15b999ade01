"""``audio_actions``, ``subtitle_actions``, ``video_actions``: clear flags and titles of a type."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vpo.media.model import Track
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Operation, PolicyConfig
from vpo.policy.track_classes import kind_of


class _Actions(Operation):
    """Clear flags and titles of all tracks of a type, before the other steps of the phase."""

    clear_all_forced: bool = Field(
        default=False, description="Clear the forced flag of all these tracks."
    )
    clear_all_default: bool = Field(
        default=False, description="Clear the default flag of all these tracks."
    )
    clear_all_titles: bool = Field(
        default=False, description="Clear the title of all these tracks."
    )

    kind: ClassVar[str]

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        for track in state.media.of(self.kind):
            if self.clear_all_forced:
                state = state.set_flag(track.index, "forced", False, "clear_all_forced")
            if self.clear_all_default:
                state = state.set_flag(track.index, "default", False, "clear_all_default")
            if self.clear_all_titles:
                state = _warned(state, track, config)
                state = state.set_title(track.index, None, "clear_all_titles")
        return state


def _warned(state: DesiredState, track: Track, config: PolicyConfig) -> DesiredState:
    """Warn of a title that alone tells what a track is: the next steps take it for a main one."""
    kind = kind_of(track, config)
    if kind is None or kind.why != "title":
        return state
    name = kind.name.replace("_", " ")
    return state.warn(f"its title alone, which is cleared, says that {track} is {name}")


class AudioActions(_Actions):
    """Clear flags and titles of all audio tracks."""

    key = "audio_actions"
    step = 10
    kind = "audio"


class SubtitleActions(_Actions):
    """Clear flags and titles of all subtitle tracks."""

    key = "subtitle_actions"
    step = 11
    kind = "subtitle"


class VideoActions(_Actions):
    """Clear flags and titles of all video tracks."""

    key = "video_actions"
    step = 12
    kind = "video"
