"""``filter_attachments``: whether the files inside the container stay."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from vpo.media.codecs import canonical
from vpo.media.model import Attachment
from vpo.policy.desired_state import Draft
from vpo.policy.operation import SKIPPED, Note, Operation, PolicyConfig

_FONTS = (".ttf", ".otf", ".ttc", ".woff", ".woff2")


class FilterAttachments(Operation):
    """Remove all attachments: fonts, cover pictures, texts."""

    key = "filter_attachments"
    step = 42

    remove_all: bool = Field(default=False, description="Whether all attachments go.")

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        if "track_filter" in draft.skips:
            return draft
        attachments = draft.media.attachments
        if not self.remove_all or not attachments:
            return draft
        styled = any(canonical(track.codec) == "ass" for track in draft.media.of("subtitle"))
        if styled and any(_is_font(item) for item in attachments):
            draft = draft.warn("fonts are removed that the styled subtitles may need")
        return draft.remove([item.index for item in attachments], "all attachments are removed")

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        if "track_filter" in draft.skips:
            yield SKIPPED


def _is_font(item: Attachment) -> bool:
    mime = (item.mime_type or "").lower()
    named = (item.filename or "").lower().endswith(_FONTS)
    return named or "font" in mime or mime == "application/vnd.ms-opentype"
