"""The filter of tracks: one meaning, in every place of a policy that speaks of tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

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
    TitleComparison,
)
from vpo.policy.condition_context import ConditionContext, Item
from vpo.policy.dynamic_range import names_of
from vpo.policy.field_types import OneOrMore
from vpo.policy.operation import Model, error_at
from vpo.policy.track_classes import KINDS

ALIASES = {"is_default": "default", "is_forced": "forced"}
"""Other spellings of keys."""
OPPOSITES = {"not_commentary": "commentary"}
"""Keys that are true where another one is false."""
_TRACKS = ("video", "audio", "subtitle")
_TYPES: Mapping[str, tuple[str, ...]] = {
    "codec": (*_TRACKS, "attachment"),
    "title": (*_TRACKS, "attachment"),
    "not": (*_TRACKS, "attachment"),
    "cover": ("attachment",),
    "channels": ("audio",),
    "width": ("video",),
    "height": ("video",),
    "dynamic_range": ("video",),
}
"""The types to which keys apply, if not to all tracks."""


class TrackFilter(Model):
    """A description of tracks, all keys of which must match; one on an unknown fact does not."""

    noun: ClassVar[str] = "filter"
    may_be_empty: ClassVar[bool] = False

    language: LanguageComparison | None = Field(
        default=None, description="Language; `original` is that of the work."
    )
    codec: CodecComparison | None = Field(default=None, description="Codec, by any of its names.")
    kind: KindComparison | None = Field(
        default=None,
        description=(
            "Kind: of video `main`, `cover`, `extra`; of audio `main`, `commentary`, "
            "`descriptive`, `music`, `sfx`, `non_speech`; of subtitles `full`, `forced`, `sdh`, "
            "`signs`, `commentary`, `captions`."
        ),
    )
    channels: NumberComparison | None = Field(default=None, description="Number of channels.")
    lossless: bool | None = Field(default=None, description="Whether the codec loses nothing.")
    bitrate: BitRateComparison | None = Field(
        default=None, description="Bit rate; one that is not stated is measured."
    )
    title: TitleComparison | None = Field(default=None, description="Title.")
    default: bool | None = Field(default=None, description="Whether the default flag is set.")
    forced: bool | None = Field(default=None, description="Whether the forced flag is set.")
    hearing_impaired: bool | None = Field(
        default=None, description="Whether the flag for the hearing impaired is set."
    )
    visual_impaired: bool | None = Field(
        default=None, description="Whether a flag for the visually impaired is set."
    )
    commentary: bool | None = Field(
        default=None, description="Whether it is commentary, by its flag or title."
    )
    original: bool | None = Field(
        default=None,
        description="Whether it is in the original language of the work, by flag or metadata.",
    )
    dub: bool | None = Field(default=None, description="Whether the flag of a dub is set.")
    cover: bool | None = Field(default=None, description="Whether it is a cover picture.")
    width: PixelComparison | None = Field(
        default=None, description="Width in pixels, or a resolution class."
    )
    height: PixelComparison | None = Field(
        default=None, description="Height in pixels, or a resolution class."
    )
    dynamic_range: DynamicRangeComparison | None = Field(
        default=None, description="`sdr`, `hdr`, `hdr10`, `hlg` or `dolby_vision`."
    )
    not_: TrackFilter | None = Field(
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
        return tuple((name, value) for name, value in self.given() if name in FILTERS)

    def failed_filters(self, item: Item, context: ConditionContext) -> Iterator[str]:
        """Yield the keys that do not match."""
        for name, value in self.filters:
            if not _MATCHES[name](value, item, context):
                yield name

    def failed_filter(self, item: Item, context: ConditionContext) -> str | None:
        """Return the first key that does not match; ``None`` if all do."""
        return next(self.failed_filters(item, context), None)

    def failed_key(self, name: str, item: Item, context: ConditionContext) -> bool:
        """Return whether the key of that name, which must be set, does not match."""
        return not _MATCHES[name](dict(self.filters)[name], item, context)

    def matches(self, item: Item, context: ConditionContext) -> bool:
        """Return whether a track or attachment matches."""
        for name, value in self.filters:  # noqa: SIM110 - half the time of all()
            if not _MATCHES[name](value, item, context):
                return False
        return True

    @property
    def needs_metadata(self) -> bool:
        language = self.language is not None and self.language.names_original
        return language or self.original is not None

    @property
    def needs_bit_rate(self) -> bool:
        return self.bitrate is not None


def _several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


AnyOf = Annotated[
    tuple[TrackFilter, ...], Field(min_length=1), BeforeValidator(_several), OneOrMore()
]
"""Filters of which one must match."""


def require_fitting(found: TrackFilter, kind: str, path: tuple[str | int, ...] = ()) -> None:
    """Raise an error at a path for a key, or a kind, that no track of a type has."""
    for name, value in found.filters:
        at, fitting = (*path, name), _TYPES.get(name, _TRACKS)
        if kind not in fitting:
            kinds = ", ".join(fitting)
            raise error_at(at, f"`{name}` does not apply to {kind}, only to {kinds}")
        if name == "not":
            require_fitting(value, kind, at)
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


def _flag(*flags: str) -> Callable[[bool, Item, ConditionContext], bool]:
    def is_set(value: bool, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
        have = item.dispositions if isinstance(item, Track) else frozenset()
        return have.isdisjoint(flags) != value

    return is_set


def _title(item: Item) -> str:
    if isinstance(item, Track):
        return item.title or ""
    return f"{item.filename or ''} {item.description or ''}"


def _language(value: LanguageComparison, item: Item, context: ConditionContext) -> bool:
    original = context.original_language if value.names_original else None
    return isinstance(item, Track) and value.holds(item.language, original)


def _codec(value: CodecComparison, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return value.holds(item)


def _kind(value: KindComparison, item: Item, context: ConditionContext) -> bool:
    return value.holds_any({str(context.kind(item))})


def _of_track(test: Callable[[Any, Track], bool]) -> Callable[[Any, Item, ConditionContext], bool]:
    def holds(value: Any, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
        return not isinstance(item, Attachment) and test(value, item)

    return holds


def _commentary(value: bool, item: Item, context: ConditionContext) -> bool:
    return (context.kind(item) == "commentary") == value


def _original(value: bool, item: Item, context: ConditionContext) -> bool:
    return context.is_original(item) == value


def _titled(value: TitleComparison, item: Item, context: ConditionContext) -> bool:  # noqa: ARG001
    return value.holds(_title(item))


def _not(value: TrackFilter, item: Item, context: ConditionContext) -> bool:
    return not value.matches(item, context)


_MATCHES: dict[str, Callable[[Any, Any, ConditionContext], bool]] = {
    "language": _language,
    "codec": _codec,
    "kind": _kind,
    "channels": _of_track(lambda value, track: value.holds(track.channels)),
    "lossless": _of_track(lambda value, track: is_lossless(track) == value),
    "bitrate": _of_track(lambda value, track: value.holds(track.bit_rate)),
    "title": _titled,
    "default": _flag("default"),
    "forced": _flag("forced"),
    "hearing_impaired": _flag("hearing_impaired"),
    "visual_impaired": _flag("visual_impaired", "descriptions"),
    "commentary": _commentary,
    "original": _original,
    "dub": _flag("dub"),
    "cover": lambda value, item, _: (isinstance(item, Attachment) and item.cover) == value,
    "width": _of_track(lambda value, track: value.holds(track, track.width)),
    "height": _of_track(lambda value, track: value.holds(track, track.height)),
    "dynamic_range": _of_track(lambda value, track: value.holds_any(names_of(track))),
    "not": _not,
}
FILTERS = tuple(_MATCHES)
