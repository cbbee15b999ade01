"""``transcription``: what a spoken-language analysis may correct."""

from __future__ import annotations

from pydantic import Field

from vpo.policy.desired_state import Draft
from vpo.policy.operation import Operation, PolicyConfig


class Transcription(Operation):
    """Let a plugin that analyses speech correct languages and titles.

    There is no such plugin in this version, so an enabled one is skipped with a warning.
    """

    key = "transcription"
    # Before the steps that decide by language and title.
    step = 15

    enabled: bool = Field(default=False, description="Whether speech is analysed.")
    confidence_threshold: float = Field(
        default=0.8, ge=0, le=1, description="How certain the analysis has to be."
    )
    update_language_from_transcription: bool = Field(
        default=False, description="Whether it corrects the languages of tracks."
    )
    update_title_from_classification: bool = Field(
        default=False, description="Whether it corrects their titles."
    )
    detect_commentary: bool = Field(default=False, description="Whether it finds commentary.")
    reorder_commentary: bool = Field(
        default=False, description="Whether commentary goes to the end."
    )

    @property
    def remark(self) -> str | None:
        if not self.enabled:
            return None
        return "transcription is skipped: no plugin that analyses speech is installed"

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        return draft
