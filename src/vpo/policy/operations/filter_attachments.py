"""``filter_attachments``: removal of attached files."""

from __future__ import annotations

from pydantic import Field

from vpo.media.codecs import canonical
from vpo.media.model import Attachment
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import PolicyConfig, TrackRemoval

_FONTS = (".ttf", ".otf", ".ttc", ".woff", ".woff2")


class FilterAttachments(TrackRemoval):
    """Remove all attachments: fonts, cover images, text files."""

    key = "filter_attachments"
    step = 42

    remove_all: bool = Field(default=False, description="Whether to remove all attachments.")

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        attachments = state.media.attachments
        if not self.remove_all or not attachments:
            return state
        styled = any(canonical(track.codec) == "ass" for track in state.media.of("subtitle"))
        if styled and any(_is_font(item) for item in attachments):
            state = state.warn("removed fonts may be needed by the styled subtitles")
        return state.remove([item.index for item in attachments], "all attachments are removed")


def _is_font(item: Attachment) -> bool:
    mime = (item.mime_type or "").lower()
    named = (item.filename or "").lower().endswith(_FONTS)
    return named or "font" in mime or mime == "application/vnd.ms-opentype"
