"""The JSON Schema of a policy, for editors that complete and check while a policy is written."""

from __future__ import annotations

from typing import Any

from vpo.policy.document import Policy


def json_schema() -> dict[str, Any]:
    """Return the schema of version 13, without the keys of older versions."""
    schema = Policy.model_json_schema()
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "vpo policy"}
    # A policy that extends another need not have phases of its own.
    required = [key for key in schema["required"] if key != "phases"]
    either = [{"required": ["phases"]}, {"required": ["extends"]}]
    return {**_plain(schema), **title, "required": required, "anyOf": either}


def _plain(value: Any) -> Any:
    """Remove what only pydantic needs: titles made from names, and defaults of ``null``."""
    if isinstance(value, list):
        return [_plain(item) for item in value if item != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    return {
        key: _plain(item)
        for key, item in value.items()
        if not (key == "title" and isinstance(item, str))
        and not (key == "default" and item is None)
    }
