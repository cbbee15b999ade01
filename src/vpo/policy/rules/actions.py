"""What a rule does when it holds (``then``) or does not (``else``)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vpo.errors import PlanError
from vpo.media.containers import holds_tag, users_tags
from vpo.media.languages import is_language, same
from vpo.media.model import Track
from vpo.policy.desired_state import Draft, Skip
from vpo.policy.external_facts import field
from vpo.policy.operation import Model, Operation, PolicyConfig
from vpo.policy.rules.comparisons import Languages
from vpo.policy.rules.printer import described
from vpo.policy.rules.when import within

PLACEHOLDERS = ("filename", "path", "rule_name")

_BRACES = re.compile(r"\{([^{}]*)\}")
_SKIPS: dict[str, Skip] = {
    "skip_video_transcode": "video_transcode",
    "skip_audio_transcode": "audio_transcode",
    "skip_track_filter": "track_filter",
}


def _message(text: str) -> str:
    for found in _BRACES.finditer(text):
        if found[1] not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise within(found.start(), f"`{found[0]}` is no placeholder; known: {known}")
    return text


def _language(tag: str) -> str:
    if not is_language(tag):
        raise ValueError(f"`{tag}` is no language; write it like eng, en or pt-BR")
    return tag


def _tag_field(name: str) -> str:
    if not users_tags(((name.lower(), "something"),)):
        raise ValueError(f"`{name}` is written by the tools themselves")
    if "=" in name:
        raise ValueError(f"`{name}` is no name of a tag: it has a `=`")
    return name.lower()


def _tag_value(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Message = Annotated[str, Field(min_length=1), AfterValidator(_message)]
TrackKind = Literal["video", "audio", "subtitle"]


class TrackChange(Model):
    """Tracks of one type, in a language or in any."""

    track_type: TrackKind = Field(description="Which tracks are meant.")
    language: Languages | None = Field(
        default=None, description="In which language; unset: in any."
    )
    value: bool = Field(default=True, description="Whether the flag is set or cleared.")

    def matching(self, draft: Draft) -> Iterator[Track]:
        for track in draft.media.of(self.track_type):
            if self.language is None or self.language.holds(track.language):
                yield track


class SetForced(TrackChange):
    """Set or clear the forced flag of every such track."""

    def apply(self, draft: Draft, rule: str) -> Draft:
        for track in self.matching(draft):
            draft = draft.set_flag(track.index, "forced", self.value, f"{rule}: set_forced")
        return draft


class SetDefault(TrackChange):
    """Make the first such track the default and no other of its type, or none of them."""

    def apply(self, draft: Draft, rule: str) -> Draft:
        found = list(self.matching(draft))
        if not self.value:
            for track in found:
                draft = draft.set_flag(track.index, "default", False, f"{rule}: set_default")
            return draft
        for track in found[:1]:
            draft = draft.set_flag(track.index, "default", True, f"{rule}: set_default")
            for other in draft.media.of(self.track_type):
                if other.index != track.index:
                    why = f"{rule}: another {self.track_type} track is the default"
                    draft = draft.set_flag(other.index, "default", False, why)
        return draft


class MetadataField(Model):
    """A field of a metadata source; of any source if none is named."""

    field: str = Field(min_length=1, description="The name of the field.")
    plugin: str | None = Field(
        default=None,
        min_length=1,
        description="Which source is asked; unset: the first that knows the field.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"field": data} if isinstance(data, str) else data


class SetLanguage(Model):
    """Say in which language tracks are; those of ``match_language``, else all of the type."""

    track_type: TrackKind = Field(description="Which tracks are meant.")
    new_language: Annotated[str, AfterValidator(_language)] | None = Field(
        default=None, description="The language that they are in."
    )
    from_plugin_metadata: MetadataField | None = Field(
        default=None,
        description="The field of a metadata source that says in which language they are.",
    )
    match_language: Languages | None = Field(
        default=None, description="Only tracks that are said to be in this language."
    )

    @model_validator(mode="after")
    def _one_source(self) -> SetLanguage:
        if (self.new_language is None) == (self.from_plugin_metadata is None):
            raise ValueError(
                "`set_language` takes one of `new_language` and `from_plugin_metadata`"
            )
        return self

    def apply(self, draft: Draft, rule: str) -> Draft:
        language = self._wanted(draft)
        if language is None:
            return draft.warn(f"{rule}: no source knows the language; the tracks keep theirs")
        for track in draft.media.of(self.track_type):
            matching = self.match_language is None or self.match_language.holds(track.language)
            if matching and not same(track.language, language):
                draft = draft.set_language(track.index, language, f"{rule}: set_language")
        return draft

    def _wanted(self, draft: Draft) -> str | None:
        source = self.from_plugin_metadata
        if source is None:
            return self.new_language
        found = field(draft.known, source.field, source.plugin)
        return found if isinstance(found, str) and is_language(found) else None


class SetContainerMetadata(Model):
    """Set a tag of the container; ``""`` deletes it."""

    field: Annotated[str, Field(min_length=1), AfterValidator(_tag_field)] = Field(
        description="The name of the field."
    )
    value: Annotated[
        str, BeforeValidator(_tag_value), WithJsonSchema({"type": ["string", "number"]})
    ] = Field(description="Its new value; empty: it is deleted.")

    def apply(self, draft: Draft, rule: str) -> Draft:
        name = draft.media.container
        if dict(draft.media.tags).get(self.field, "") == self.value:
            return draft
        if self.value and not holds_tag(name, self.field):
            raise PlanError(f"{rule}: {name} cannot hold the tag {self.field!r}")
        return draft.set_tag(self.field, self.value, f"{rule}: set_container_metadata")


class Action(Model):
    """One thing to do; exactly one of the keys."""

    skip_video_transcode: bool | None = Field(
        default=None, description="The video is not transcoded in this phase."
    )
    skip_audio_transcode: bool | None = Field(
        default=None, description="The audio is not transcoded in this phase."
    )
    skip_track_filter: bool | None = Field(
        default=None, description="No track and no attachment is removed in this phase."
    )
    warn: Message | None = Field(
        default=None, description="Warn; `{filename}`, `{path}` and `{rule_name}` are replaced."
    )
    fail: Message | None = Field(
        default=None, description="Fail the phase with this text; the same are replaced."
    )
    set_forced: SetForced | None = None
    set_default: SetDefault | None = None
    set_language: SetLanguage | None = None
    set_container_metadata: SetContainerMetadata | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {data: True} if isinstance(data, str) and data in _SKIPS else data

    @model_validator(mode="after")
    def _one(self) -> Action:
        number = len(list(self.given()))
        if number != 1:
            known = ", ".join(Action.model_fields)
            raise ValueError(f"{number} actions where there must be one; known: {known}")
        return self

    @cached_property
    def stated(self) -> tuple[str, Any]:
        """The key and what stands behind it."""
        return next(self.given())

    @property
    def uses_metadata(self) -> bool:
        """Whether it takes something from metadata sources."""
        change = self.set_language
        return change is not None and change.from_plugin_metadata is not None

    def __str__(self) -> str:
        key, value = self.stated
        text = described(value) if isinstance(value, Model) else str(value)
        return key if value is True else f"{key} {text}"

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        handler.resolve_ref_schema(found)["type"] = ["object", "string"]
        return found

    def apply(self, draft: Draft, name: str) -> Draft:
        """The draft after this action of the rule of that name; flags and tags wait in it.

        Raises ``PlanError`` for ``fail``.
        """
        key, value = self.stated
        rule = f"rule {name!r}"
        if key in _SKIPS:
            return replace(draft, skips=draft.skips | {_SKIPS[key]}) if value else draft
        if key == "warn":
            return draft.warn(message(value, draft, name))
        if key == "fail":
            raise PlanError(message(value, draft, name))
        if key == "set_language":
            return value.apply(draft, rule)  # type: ignore[no-any-return]
        return replace(draft, deferred=(*draft.deferred, Decided(rule, value)))


@dataclass(frozen=True)
class Decided:
    """A flag or tag that a rule has decided on, to be set when its turn has come."""

    rule: str
    change: SetForced | SetDefault | SetContainerMetadata

    def carry_out(self, draft: Draft) -> Draft:
        return self.change.apply(draft, self.rule)


def message(text: str, draft: Draft, rule: str) -> str:
    """The text with what its placeholders stand for."""
    path = draft.media.path
    values = {"filename": os.path.basename(path), "path": path, "rule_name": rule}
    return _BRACES.sub(lambda found: values[found[1]], text)


def split(value: Any) -> Any:
    """A list of actions; one mapping of several is as many, in its order."""
    if isinstance(value, dict):
        return [{key: item} for key, item in value.items()]
    return [value] if isinstance(value, str) else value


class _OrOne:
    """In the schema: a list, or one of its items."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Actions = Annotated[tuple[Action, ...], BeforeValidator(split), _OrOne()]


class CarryOut(Operation):
    """Set the flags and tags that the rules of the phase have decided on."""

    key = "rules"
    step = 70

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:  # noqa: ARG002
        for decided in draft.deferred:
            draft = decided.carry_out(draft)
        return draft
