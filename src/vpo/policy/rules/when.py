"""``when``: a condition on a file, as a mapping with one key or as an expression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from vpo.policy.comparisons import (
    ContainerComparison,
    DurationComparison,
    LanguageComparison,
    SizeComparison,
)
from vpo.policy.external_facts import MetadataValue, require_known_field
from vpo.policy.field_types import as_list
from vpo.policy.operation import Choice, Model
from vpo.policy.rules.expression import FILE_FACTS, parse_expression
from vpo.policy.rules.tokens import ExpressionError
from vpo.policy.rules.track_selection import CountCondition, ExistsCondition
from vpo.policy.text_comparisons import PathComparison

MetadataOperator = Literal["eq", "neq", "contains", "lt", "lte", "gt", "gte", "exists"]


def _value(value: Any) -> Any:
    number = isinstance(value, int | float) and math.isfinite(value)
    if not number and not isinstance(value, str | bool):
        raise ValueError("`value` must be text, a number, true or false")
    return value


_SCALAR: JsonValue = {"type": ["string", "number", "boolean"]}
Values = Annotated[
    tuple[Annotated[Any, BeforeValidator(_value), WithJsonSchema(_SCALAR)], ...],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema({"type": ["string", "number", "boolean", "array"], "items": _SCALAR}),
]


class ContainerMetadataCondition(Model):
    """Comparison of a container tag with a value; false if there is no such tag."""

    field: str = Field(min_length=1, description="Name of the field.")
    operator: MetadataOperator = Field(default="eq", description="How to compare it.")
    value: Values | None = Field(
        default=None, description="Value to compare with; of several, one match is enough."
    )

    @model_validator(mode="after")
    def _complete(self) -> ContainerMetadataCondition:
        if self.operator == "exists":
            if self.values not in ((), (True,), (False,)):
                raise ValueError("`operator: exists` takes no `value` but true or false")
        elif not self.values:
            raise ValueError(f"`operator: {self.operator}` needs a `value`")
        elif self.operator not in ("eq", "neq") and len(self.values) > 1:
            raise ValueError(f"`operator: {self.operator}` takes one `value`")
        return self

    @property
    def values(self) -> tuple[MetadataValue, ...]:
        """All values, of which one match is enough."""
        return self.value or ()


class PluginMetadataCondition(ContainerMetadataCondition):
    """Comparison of a metadata field with a value; from any plugin if none is named."""

    plugin: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the plugin; unset: the first that has the field.",
    )

    @model_validator(mode="after")
    def _known(self) -> PluginMetadataCondition:
        require_known_field(self.plugin, self.field)
        return self

    @property
    def needs_metadata(self) -> bool:
        return True


class OriginCondition(Model):
    """Whether there is original (or dubbed) audio, in a language or in any."""

    model_config = ConfigDict(json_schema_extra={"type": ["object", "boolean"]})

    value: bool = Field(default=True, description="The outcome to compare with.")
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="Minimum confidence; that of flags and metadata is 1."
    )
    language: LanguageComparison | None = Field(
        default=None, description="Language of the audio; unset: any."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"value": data} if isinstance(data, bool) else data

    @property
    def needs_metadata(self) -> bool:
        return True


class MultiLanguageCondition(Model):
    """Whether a speech analysis detected more than one language in an audio track."""

    threshold: float = Field(
        default=0.05, ge=0, le=1, description="Minimum share of the speech in other languages."
    )
    track_index: int | None = Field(
        default=None, ge=0, description="Audio track, counted from 0; unset: the first."
    )
    primary_language: str | None = Field(
        default=None, min_length=1, description="Main language; unset: the one detected most."
    )


class When(Choice):
    """A condition: exactly one of the keys.

    An expression is parsed to the same form, so that all conditions are evaluated alike.
    """

    model_config = ConfigDict(
        json_schema_extra={"type": ["object", "string"], "minProperties": 1, "maxProperties": 1}
    )

    exists: ExistsCondition | None = None
    count: CountCondition | None = None
    and_: tuple[When, ...] | None = Field(
        default=None, alias="and", min_length=1, description="True if all of these are."
    )
    or_: tuple[When, ...] | None = Field(
        default=None, alias="or", min_length=1, description="True if one of these is."
    )
    not_: When | None = Field(default=None, alias="not", description="True if this is false.")
    plugin_metadata: PluginMetadataCondition | None = None
    container_metadata: ContainerMetadataCondition | None = None
    is_original: OriginCondition | None = Field(
        default=None, description="Whether there is audio in the original language."
    )
    is_dubbed: OriginCondition | None = Field(
        default=None, description="Whether there is dubbed audio."
    )
    audio_is_multi_language: MultiLanguageCondition | None = None
    path: PathComparison | None = Field(default=None, description="The path of the file.")
    container: ContainerComparison | None = Field(default=None, description="The container.")
    file_size: SizeComparison | None = Field(default=None, description="The size of the file.")
    duration: DurationComparison | None = Field(
        default=None, description="The duration of the film."
    )
    age: DurationComparison | None = Field(
        default=None, description="The time since the file was modified, as in `30d`."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _either_form(cls, data: Any, handler: Callable[[Any], When]) -> When:
        return _plain(_expression(data, handler) if isinstance(data, str) else handler(data))

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all conditions in it."""
        return frozenset({self.stated[0]}).union(*(item.keys for item in self._inner))

    @property
    def _inner(self) -> tuple[When, ...]:
        key, value = self.stated
        return value if key in ("and", "or") else (value,) if key == "not" else ()

    def metadata_names(self) -> Iterator[tuple[str | None, str]]:
        """Yield the metadata that it names: plugin and field."""
        key, value = self.stated
        if key == "plugin_metadata":
            yield value.plugin, value.field
        for item in self._inner:
            yield from item.metadata_names()

    @property
    def ages(self) -> tuple[float, ...]:
        key, value = self.stated
        return tuple(seconds for _, seconds in value.parts) if key == "age" else ()

    @cached_property
    def needs_analysis(self) -> bool:
        """Whether the condition needs a speech analysis."""
        return "audio_is_multi_language" in self.keys


def _expression(text: str, handler: Callable[[Any], When]) -> When:
    """Parse an expression to a condition; errors have a position in it."""
    try:
        parsed = parse_expression(text)
    except ExpressionError as error:
        raise error_inside_text(error.offset, error.problem) from None
    try:
        return handler(parsed.data)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise error_inside_text(
            parsed.offset_of(_path(detail)), detail["msg"], detail=detail
        ) from None


def _path(detail: ErrorDetails) -> tuple[str | int, ...]:
    """Return the path to what an error is about; one about several keys names it itself."""
    return (*detail["loc"], *detail.get("ctx", {}).get("path", ()))


def _plain(when: When) -> When:
    """Return the condition in its canonical form, the one that it is printed in."""
    key, value = when.stated
    if key in ("and", "or") and len(value) == 1:
        return value[0]  # type: ignore[no-any-return]
    if key == "count" and len(value.parts) > 1:
        compared = {name for name, _ in value.parts}
        rest = value.model_dump(exclude=compared, exclude_none=True, by_alias=True)
        return When.model_validate(
            {"and": [{"count": {**rest, name: number}} for name, number in value.parts]}
        )
    if key in FILE_FACTS and len(value.parts) > 1:
        parts = value.model_dump(exclude_none=True).items()
        return When.model_validate({"and": [{key: {name: part}} for name, part in parts]})
    if key in ("plugin_metadata", "container_metadata") and value.operator == "exists":
        there = {key: value.model_dump(exclude={"value"}, exclude_none=True)}
        if value.values:
            return When.model_validate(there if value.values == (True,) else {"not": there})
    return when


def error_inside_text(offset: int, problem: str, **context: Any) -> PydanticCustomError:
    """Return an error at an offset of a text value; the loader finds its line and column."""
    found = {"offset": offset, "problem": problem, **context}
    return PydanticCustomError("inside_text", "{problem}", found)
