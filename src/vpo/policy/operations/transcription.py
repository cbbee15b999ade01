"""``transcription``: corrections by a speech analysis."""

from __future__ import annotations

from pydantic import Field

from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Operation, PolicyConfig


class Transcription(Operation):
    """Correct languages and titles by analysing speech.

    No plugin of this version analyses speech; if enabled, the operation is skipped with a warning.
    """

    key = "transcription"
    # Before the steps that decide by language and title.
    step = 15

    enabled: bool = Field(default=False, description="Whether to analyse speech.")
    confidence_threshold: float = Field(
        default=0.8, ge=0, le=1, description="Minimum confidence of the analysis."
    )
    update_language_from_transcription: bool = Field(
        default=False, description="Whether to correct the languages of tracks."
    )
    update_title_from_classification: bool = Field(
        default=False, description="Whether to correct the titles of tracks."
    )
    detect_commentary: bool = Field(default=False, description="Whether to detect commentary.")
    reorder_commentary: bool = Field(
        default=False, description="Whether to move commentary to the end."
    )

    @property
    def run_warnings(self) -> tuple[str, ...]:
        if not self.enabled:
            return ()
        return ("skipped: no plugin that analyses speech is installed",)

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        return state
