"""``audio_actions``, ``subtitle_actions``, ``video_actions``: wipe flags and titles of one type."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vpo.policy.desired_state import Draft
from vpo.policy.operation import Operation, PolicyConfig


class _Actions(Operation):
    """What is cleared on every track of the type, before anything else of the phase looks."""

    clear_all_forced: bool = Field(default=False, description="No track of the type is forced.")
    clear_all_default: bool = Field(default=False, description="No track of the type is default.")
    clear_all_titles: bool = Field(default=False, description="No track of the type has a title.")

    kind: ClassVar[str]

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        for track in draft.media.of(self.kind):
            if self.clear_all_forced:
                draft = draft.set_flag(track.index, "forced", False, "clear_all_forced")
            if self.clear_all_default:
                draft = draft.set_flag(track.index, "default", False, "clear_all_default")
            if self.clear_all_titles:
                draft = draft.set_title(track.index, None, "clear_all_titles")
        return draft


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
