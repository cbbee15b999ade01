"""``when``: a condition on a file, written as a mapping with one key or as an expression."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from vpo.policy.desired_state import Value
from vpo.policy.operation import Model
from vpo.policy.phase_conditions import listed
from vpo.policy.rules.comparisons import Languages
from vpo.policy.rules.expression import parse
from vpo.policy.rules.tokens import ExpressionError
from vpo.policy.rules.track_selection import Count, Exists

MetadataOperator = Literal["eq", "neq", "contains", "lt", "lte", "gt", "gte", "exists"]


def _value(value: Any) -> Any:
    number = isinstance(value, int | float) and math.isfinite(value)
    if not number and not isinstance(value, str | bool):
        raise ValueError("`value` must be text, a number, true or false")
    return value


_SCALAR: JsonSchemaValue = {"type": ["string", "number", "boolean"]}
Values = Annotated[
    tuple[Annotated[Any, BeforeValidator(_value), WithJsonSchema(_SCALAR)], ...],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema({"type": ["string", "number", "boolean", "array"], "items": _SCALAR}),
]


class ContainerMetadata(Model):
    """A tag of the container, compared with a value; one that is not there fulfils nothing."""

    field: str = Field(min_length=1, description="The name of the field.")
    operator: MetadataOperator = Field(default="eq", description="How it is compared.")
    value: Values | None = Field(
        default=None, description="What it is compared with; of several values, one is enough."
    )

    @model_validator(mode="after")
    def _complete(self) -> ContainerMetadata:
        if self.operator == "exists":
            if self.values not in ((), (True,), (False,)):
                raise ValueError("`operator: exists` takes no `value` but true or false")
        elif not self.values:
            raise ValueError(f"`operator: {self.operator}` needs a `value`")
        elif self.operator not in ("eq", "neq") and len(self.values) > 1:
            raise ValueError(f"`operator: {self.operator}` takes one `value`")
        return self

    @property
    def values(self) -> tuple[Value, ...]:
        """All values, of which one is enough."""
        return self.value or ()


class PluginMetadata(ContainerMetadata):
    """A field of a metadata source, compared with a value; of any source if none is named."""

    plugin: str | None = Field(
        default=None,
        min_length=1,
        description="Which source is asked; unset: the first that knows the field.",
    )


class Origin(Model):
    """Whether audio is what was spoken originally (or a dub), in a language or in any."""

    value: bool = Field(
        default=True, description="What it is compared with; of several values, one is enough."
    )
    min_confidence: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="How certain it has to be; flags and metadata are certain.",
    )
    language: Languages | None = Field(
        default=None, description="In which language; unset: in any."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"value": data} if isinstance(data, bool) else data

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        handler.resolve_ref_schema(found)["type"] = ["object", "boolean"]
        return found


class MultiLanguage(Model):
    """Whether more than one language is spoken in an audio track, by an analysis of it."""

    threshold: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Which part of what is spoken has to be in another language.",
    )
    track_index: int | None = Field(
        default=None, ge=0, description="Which audio track, counted from 0; unset: the first."
    )
    primary_language: str | None = Field(
        default=None,
        min_length=1,
        description=(
            "The language that the others are other than; unset: the one that is spoken most."
        ),
    )


class When(Model):
    """A condition; exactly one of the keys.

    An expression is read into the same form: there is one kind of condition, and one evaluation.
    """

    exists: Exists | None = None
    count: Count | None = None
    and_: tuple[When, ...] | None = Field(
        default=None, alias="and", min_length=1, description="True if all of them are."
    )
    or_: tuple[When, ...] | None = Field(
        default=None, alias="or", min_length=1, description="True if one of them is."
    )
    not_: When | None = Field(default=None, alias="not", description="True if it is not.")
    plugin_metadata: PluginMetadata | None = None
    container_metadata: ContainerMetadata | None = None
    is_original: Origin | None = Field(
        default=None, description="Whether there is audio as it was spoken originally."
    )
    is_dubbed: Origin | None = Field(default=None, description="Whether there is dubbed audio.")
    audio_is_multi_language: MultiLanguage | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _either_form(cls, data: Any, handler: Callable[[Any], When]) -> When:
        found = _expression(data, handler) if isinstance(data, str) else handler(data)
        number = len(list(found.given()))
        if number != 1:
            known = ", ".join(field.alias or name for name, field in cls.model_fields.items())
            raise ValueError(f"{number} conditions where there must be one; known: {known}")
        return _plain(found)

    @cached_property
    def stated(self) -> tuple[str, Any]:
        """The key (as it is written) and what stands behind it."""
        return next(self.given())

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all conditions in it."""
        key, value = self.stated
        inner = value if key in ("and", "or") else (value,) if key == "not" else ()
        return frozenset({key}).union(*(item.keys for item in inner))

    @property
    def needs_analysis(self) -> bool:
        """Whether the condition asks which languages are spoken."""
        return "audio_is_multi_language" in self.keys

    @property
    def uses_metadata(self) -> bool:
        """Whether the condition asks what metadata sources know."""
        return not self.keys.isdisjoint({"plugin_metadata", "is_original", "is_dubbed"})

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        exactly_one = {"type": ["object", "string"], "minProperties": 1, "maxProperties": 1}
        handler.resolve_ref_schema(found).update(exactly_one)
        return found


def _expression(text: str, handler: Callable[[Any], When]) -> When:
    """The condition that an expression means; what is wrong with it knows where in it."""
    try:
        parsed = parse(text)
    except ExpressionError as error:
        raise within(error.offset, error.problem) from None
    try:
        return handler(parsed.data)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise within(parsed.offset_of(detail["loc"]), detail["msg"], detail=detail) from None


def _plain(when: When) -> When:
    """The same condition in the one form that it is printed in."""
    key, value = when.stated
    if key in ("and", "or") and len(value) == 1:
        return value[0]  # type: ignore[no-any-return]
    if key == "count" and len(value.parts) > 1:
        rest = value.model_dump(exclude={name for name, _ in value.parts}, exclude_none=True)
        return When.model_validate(
            {"and": [{"count": {**rest, name: number}} for name, number in value.parts]}
        )
    if key in ("plugin_metadata", "container_metadata") and value.operator == "exists":
        there = {key: value.model_dump(exclude={"value"}, exclude_none=True)}
        if value.values:
            return When.model_validate(there if value.values == (True,) else {"not": there})
    return when


def within(offset: int, problem: str, **context: Any) -> PydanticCustomError:
    """An error inside a text of the policy; the loader finds its line and column."""
    found = {"offset": offset, "problem": problem, **context}
    return PydanticCustomError("within", "{problem}", found)
