"""``keep_data``: the data tracks of telephones, cameras and television."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import PolicyConfig, TrackRemoval


class KeepData(TrackRemoval):
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

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, data: Any) -> Any:
        return {"keep": data}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner: JsonSchemaValue = handler.resolve_ref_schema(handler(schema))["properties"]["keep"]
        return inner

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        if self.keep:
            return replace(state, data_required=True)
        tracks = [track.index for track in state.media.of("data")]
        return state.remove(tracks, "data tracks are removed")
