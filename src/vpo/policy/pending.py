"""Keys of the language that this version cannot carry out.

They are refused when a policy is loaded: ignored, they would let a user believe that they work.
"""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.policy.operation import Operation

NEVER: JsonSchemaValue = {"not": {}, "description": "This version of vpo cannot do it yet."}


def refusal(key: str) -> ValueError:
    """What is said about such a key."""
    return ValueError(f"`{key}`: this version of vpo cannot do it yet; take it out of the policy")


class Pending(Operation):
    """An operation that is refused, whatever stands behind its key."""

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, data: Any) -> Any:  # noqa: ARG003
        raise refusal(cls.key)

    @classmethod
    def __get_pydantic_json_schema__(
        cls,
        schema: CoreSchema,
        handler: GetJsonSchemaHandler,
    ) -> JsonSchemaValue:
        return NEVER
