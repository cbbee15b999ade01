"""``captions``: what becomes of closed captions in the frames of a video."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from vpo.media.codecs import canonical
from vpo.media.model import TEXT_SUBTITLES
from vpo.policy.caption_tracks import captioned, with_track
from vpo.policy.desired_state import CaptionMode, DesiredState
from vpo.policy.operation import OneValue, Operation, PolicyConfig
from vpo.policy.track_classes import kind_of


class Captions(OneValue, Operation):
    """Keep closed captions (EIA-608 and 708), make a subtitle track of them, or drop them.

    In the policy it is one word. Without this key they are kept.
    """

    key = "captions"
    step = 36

    mode: CaptionMode = Field(
        description=(
            "`keep`: they stay in the video; where its encoder cannot write them, they become a "
            "subtitle track. `extract`: they become a subtitle track, unless there is one for the "
            "hard of hearing. `drop`: an encode leaves them out; a copy keeps them."
        ),
    )

    @property
    def finds_captions(self) -> bool:
        return self.mode == "extract"

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        state = replace(state, captions=self.mode)
        if self.mode != "extract" or _has_sdh(state, config):
            return state
        for track in captioned(state):
            state = with_track(state, track, "captions: extract")
        return state


def _has_sdh(state: DesiredState, config: PolicyConfig) -> bool:
    """Return whether there is what the captions would become."""
    texts = (t for t in state.media.of("subtitle") if canonical(t.codec) in TEXT_SUBTITLES)
    kinds = (kind_of(track, config) for track in texts)
    return any(kind is not None and kind.name in ("sdh", "captions") for kind in kinds)
