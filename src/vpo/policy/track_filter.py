"""The filter of tracks: one meaning, in every place of a policy that speaks of tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.media.codecs import is_lossless
from vpo.media.model import Attachment, Track
from vpo.policy.comparisons import (
    BitRateComparison,
    CodecComparison,
    DynamicRangeComparison,
    KindComparison,
    LanguageComparison,
    NumberComparison,
    PixelComparison,
)
from vpo.policy.condition_context import ConditionContext, Item
from vpo.policy.dynamic_range import names_of
from vpo.policy.field_types import OneOrMore, error_at
from vpo.policy.operation import Model
from vpo.policy.text_comparisons import TitleComparison
from vpo.policy.track_classes import KINDS

Matches = Callable[[Any, Any, ConditionContext], bool]
"""Returns whether the value of a key matches a track or attachment."""

ALIASES = {"is_default": "default", "is_forced": "forced"}
"""Other spellings of keys."""
OPPOSITES = {"not_commentary": "commentary"}
"""Keys that are true where another one is false."""
_TRACKS = ("video", "audio", "subtitle")
_ALL = (*_TRACKS, "attachment")


@dataclass(frozen=True)
class _Key:
    """How a key of the filter matches, and the types of tracks to which it applies."""

    matches: Matches
    types: tuple[str, ...] = _TRACKS


def _flag(flags: tuple[str, ...], value: bool, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    have = item.dispositions if isinstance(item, Track) else frozenset()
    return have.isdisjoint(flags) != value


def _number(fact: str, value: Any, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return isinstance(item, Track) and value.holds(getattr(item, fact))


def _pixels(fact: str, value: PixelComparison, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return isinstance(item, Track) and value.holds(item, getattr(item, fact))


def _language(value: LanguageComparison, item: Item, context: ConditionContext) -> bool:
    original = context.original_language if value.names_original else None
    return isinstance(item, Track) and value.holds(item.language, original)


def _codec(value: CodecComparison, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return value.holds(item)


def _kind(value: KindComparison, item: Item, context: ConditionContext) -> bool:
    return value.holds_any({str(context.kind(item))})


def _lossless(value: bool, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return isinstance(item, Track) and is_lossless(item) == value


def _title(value: TitleComparison, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    if isinstance(item, Track):
        return value.holds(item.title or "")
    return value.holds(f"{item.filename or ''} {item.description or ''}")


def _commentary(value: bool, item: Item, context: ConditionContext) -> bool:
    return (context.kind(item) == "commentary") == value


def _original(value: bool, item: Item, context: ConditionContext) -> bool:
    return context.is_original(item) == value


def _cover(value: bool, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return (isinstance(item, Attachment) and item.cover) == value


def _dynamic_range(
    value: DynamicRangeComparison,
    item: Item,
    context: ConditionContext,  # noqa: ARG001
) -> bool:
    return isinstance(item, Track) and value.holds_any(names_of(item))


def _not(value: TrackFilter, item: Item, context: ConditionContext) -> bool:
    return not value.matches(item, context)


def _is_flag(*flags: str) -> _Key:
    return _Key(partial(_flag, flags))


class TrackFilter(Model):
    """A description of tracks, all keys of which must match; one on an unknown fact does not."""

    noun: ClassVar[str] = "filter"
    may_be_empty: ClassVar[bool] = False

    language: Annotated[LanguageComparison | None, _Key(_language)] = Field(
        default=None, description="Language; `original` is that of the work."
    )
    codec: Annotated[CodecComparison | None, _Key(_codec, _ALL)] = Field(
        default=None, description="Codec, by any of its names."
    )
    kind: Annotated[KindComparison | None, _Key(_kind)] = Field(
        default=None,
        description=(
            "Kind: of video `main`, `cover`, `extra`; of audio `main`, `commentary`, "
            "`descriptive`, `music`, `sfx`, `non_speech`; of subtitles `full`, `forced`, `sdh`, "
            "`signs`, `commentary`, `captions`."
        ),
    )
    channels: Annotated[NumberComparison | None, _Key(partial(_number, "channels"), ("audio",))] = (
        Field(default=None, description="Number of channels.")
    )
    lossless: Annotated[bool | None, _Key(_lossless)] = Field(
        default=None, description="Whether the codec loses nothing."
    )
    bitrate: Annotated[BitRateComparison | None, _Key(partial(_number, "bit_rate"))] = Field(
        default=None, description="Bit rate; one that is not stated is measured."
    )
    title: Annotated[TitleComparison | None, _Key(_title, _ALL)] = Field(
        default=None, description="Title."
    )
    default: Annotated[bool | None, _is_flag("default")] = Field(
        default=None, description="Whether the default flag is set."
    )
    forced: Annotated[bool | None, _is_flag("forced")] = Field(
        default=None, description="Whether the forced flag is set."
    )
    hearing_impaired: Annotated[bool | None, _is_flag("hearing_impaired")] = Field(
        default=None, description="Whether the flag for the hearing impaired is set."
    )
    visual_impaired: Annotated[bool | None, _is_flag("visual_impaired", "descriptions")] = Field(
        default=None, description="Whether a flag for the visually impaired is set."
    )
    commentary: Annotated[bool | None, _Key(_commentary)] = Field(
        default=None, description="Whether it is commentary, by its flag or title."
    )
    original: Annotated[bool | None, _Key(_original)] = Field(
        default=None,
        description="Whether it is in the original language of the work, by flag or metadata.",
    )
    dub: Annotated[bool | None, _is_flag("dub")] = Field(
        default=None, description="Whether the flag of a dub is set."
    )
    cover: Annotated[bool | None, _Key(_cover, ("attachment",))] = Field(
        default=None, description="Whether it is a cover picture."
    )
    width: Annotated[PixelComparison | None, _Key(partial(_pixels, "width"), ("video",))] = Field(
        default=None, description="Width in pixels, or a resolution class."
    )
    height: Annotated[PixelComparison | None, _Key(partial(_pixels, "height"), ("video",))] = Field(
        default=None, description="Height in pixels, or a resolution class."
    )
    dynamic_range: Annotated[DynamicRangeComparison | None, _Key(_dynamic_range, ("video",))] = (
        Field(default=None, description="`sdr`, `hdr`, `hdr10`, `hlg` or `dolby_vision`.")
    )
    not_: Annotated[TrackFilter | None, _Key(_not, _ALL)] = Field(
        default=None, alias="not", description="A filter that must not match."
    )

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, data: Any) -> Any:
        """Return the mapping with the names of this table in place of their other spellings."""
        if not isinstance(data, dict):
            return data
        found: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        for key, value in data.items():
            name = OPPOSITES.get(key) or ALIASES.get(key) or key
            if name in found:
                pair = f"`{spelled[name]}` and `{key}`"
                raise error_at((key,), f"{pair} are about the same; write one of them")
            if name != key and not isinstance(value, bool | None):
                raise error_at((key,), f"`{key}` must be true or false, not `{value}`")
            found[name] = not value if key in OPPOSITES and value is not None else value
            spelled[name] = key
        return found

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        inner = handler.resolve_ref_schema(found)
        for spelling, name in {**ALIASES, **OPPOSITES}.items():
            opposite = "the opposite of" if spelling in OPPOSITES else "the same as"
            about = {"description": f"{opposite.capitalize()} `{name}`.", "type": "boolean"}
            inner["properties"][spelling] = about
        return found

    @model_validator(mode="after")
    def _not_empty(self) -> TrackFilter:
        if not self.filters and not self.may_be_empty:
            raise ValueError(f"no {self.noun} is set; known: {self.known()}")
        return self

    @cached_property
    def filters(self) -> tuple[tuple[str, Any], ...]:
        """The keys that are set, as a policy writes them, each with its value."""
        return tuple((name, value) for name, value in self.given() if name in FILTER_KEYS)

    @cached_property
    def tests(self) -> tuple[tuple[Matches, Any], ...]:
        """What must hold of a track: functions, each with the value to call it with."""
        return tuple((FILTER_KEYS[name].matches, value) for name, value in self.filters)

    def failed_filters(self, item: Item, context: ConditionContext) -> Iterator[str]:
        """Yield the keys that do not match."""
        for name, value in self.filters:
            if not FILTER_KEYS[name].matches(value, item, context):
                yield name

    def failed_filter(self, item: Item, context: ConditionContext) -> str | None:
        """Return the first key that does not match; ``None`` if all do."""
        return next(self.failed_filters(item, context), None)

    def failed_key(self, name: str, item: Item, context: ConditionContext) -> bool:
        """Return whether the key of that name, which must be set, does not match."""
        return not FILTER_KEYS[name].matches(dict(self.filters)[name], item, context)

    def matches(self, item: Item, context: ConditionContext) -> bool:
        """Return whether a track or attachment matches."""
        for matches, value in self.tests:  # noqa: SIM110 - half the time of all()
            if not matches(value, item, context):
                return False
        return True

    @property
    def needs_metadata(self) -> bool:
        language = self.language is not None and self.language.names_original
        return language or self.original is not None

    @property
    def needs_bit_rate(self) -> bool:
        return self.bitrate is not None


def _keys() -> Iterator[tuple[str, _Key]]:
    for name, field in TrackFilter.model_fields.items():
        yield from ((field.alias or name, key) for key in field.metadata if isinstance(key, _Key))


FILTER_KEYS: Mapping[str, _Key] = dict(_keys())
"""The keys of the filter, as a policy writes them."""


def filter_keys(*comparisons: type) -> tuple[str, ...]:
    """Return the keys whose values are of one of these types: comparisons, or ``bool``."""
    return tuple(
        field.alias or name
        for name, field in TrackFilter.model_fields.items()
        if get_args(field.annotation)[0] in comparisons
    )


def _several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


AnyOf = Annotated[
    tuple[TrackFilter, ...], Field(min_length=1), BeforeValidator(_several), OneOrMore()
]
"""Filters of which one must match."""


def require_fitting(
    found: TrackFilter, kind: str, path: tuple[str | int, ...] = (), besides: tuple[str, ...] = ()
) -> None:
    """Raise an error at a path for a key, or a kind, that no track of a type has.

    ``besides`` are further keys that fit.
    """
    for name, value in found.filters:
        at, fitting = (*path, name), FILTER_KEYS[name].types
        if kind not in fitting and name not in besides:
            kinds = ", ".join(fitting)
            raise error_at(at, f"`{name}` does not apply to {kind}, only to {kinds}")
        if name == "not":
            require_fitting(value, kind, at, besides)
        if name == "kind":
            for wanted in (item for _, values in value.parts for item in values):
                if wanted not in KINDS[kind]:
                    known = ", ".join(KINDS[kind])
                    raise error_at(at, f"`{wanted}` is no kind of {kind}; known: {known}")


def require_all_fitting(model: Model, kind: str, *keys: str) -> None:
    """Require it of the filters of some keys of a mapping."""
    for key in keys:
        for number, found in enumerate(getattr(model, key) or ()):
            require_fitting(found, kind, (key, number))


def first_match(
    filters: Sequence[TrackFilter], item: Item, context: ConditionContext
) -> int | None:
    """Return the position of the first filter that matches; ``None`` if none does."""
    found = (n for n, one in enumerate(filters) if one.matches(item, context))
    return next(found, None)
