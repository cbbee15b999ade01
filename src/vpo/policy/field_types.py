"""Field types of the policy models: values that a policy may write in several forms."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError

from vpo.media import units
from vpo.media.containers import CONTAINERS
from vpo.media.languages import ANY, ORIGINAL, checked
from vpo.text import suggestion


def as_list(value: Any) -> Any:
    """Return one value or several as several."""
    return value if isinstance(value, list | tuple | dict) else (value,)


class OneOrMore:
    """Schema annotation: a list, or one of its items."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


def _container(value: Any) -> str:
    name = str(value).strip().lower().lstrip(".")
    for item in CONTAINERS.values():
        if name in (item.name, item.muxer) or f".{name}" in item.extensions:
            return item.name
    raise ValueError(f"`{value}` is not a container{suggestion(name, CONTAINERS)}")


def _crf(value: Any) -> Any:
    """Return a quality, or several by the names of resolution classes."""
    if not isinstance(value, dict):
        if isinstance(value, bool | str):
            raise PydanticKnownError("float_type")
        return _quality(value)
    if not value:
        raise ValueError("no resolution is named")
    found = {}
    for name, quality in value.items():
        try:
            found[units.resolution(name)] = _quality(quality)
        except ValueError as error:
            raise error_at((name,), str(error)) from None
    return found


def _quality(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"`{value}` is not a number from 0")
    return float(value)


def error_at(path: tuple[str | int, ...], problem: str) -> PydanticCustomError:
    """Return an error at a path below what is validated; the loader finds its line."""
    return PydanticCustomError("misplaced", "{problem}", {"path": path, "problem": problem})


def _wanted(tag: str) -> str:
    return tag if tag in (ANY, ORIGINAL) else checked(tag, (ANY, ORIGINAL))


_STRING = {"type": "string"}
_ONE_OR_MORE = {"anyOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1}]}
_QUANTITY = {"type": ["string", "number"]}

_Item = TypeVar("_Item")
_Several = Annotated[
    tuple[_Item, ...],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema(_ONE_OR_MORE),
]

Resolution = Annotated[str, BeforeValidator(units.resolution)]
Names = _Several[str]
Language = Annotated[str, AfterValidator(checked)]
_Wanted = Annotated[str, AfterValidator(_wanted)]
WantedLanguages = _Several[_Wanted]
Languages = tuple[_Wanted, ...]
"""Languages that are wanted; ``any`` is every one, ``original`` that of the work."""
Containers = _Several[Annotated[str, BeforeValidator(_container)]]
Resolutions = _Several[Resolution]
ByteSize = Annotated[int, BeforeValidator(units.size), WithJsonSchema(_QUANTITY)]
Duration = Annotated[float, BeforeValidator(units.duration), WithJsonSchema(_QUANTITY)]
BitRate = Annotated[int, BeforeValidator(units.bitrate), WithJsonSchema(_QUANTITY)]
Crf = Annotated[
    float | dict[str, float],
    BeforeValidator(_crf),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"enum": [*units.RESOLUTIONS, "4k", "8k"]},
                    "additionalProperties": {"type": "number", "minimum": 0},
                },
            ]
        }
    ),
]
"""A quality, or one for each resolution class."""
FrameRate = Annotated[str, BeforeValidator(units.frame_rate), WithJsonSchema(_QUANTITY)]
Fraction = Annotated[float, BeforeValidator(units.fraction), WithJsonSchema(_QUANTITY)]
