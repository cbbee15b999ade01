"""The actions of a rule: ``then`` if its condition is true, ``else`` if it is false."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from vpo.errors import PlanError
from vpo.media.containers import holds_tag, user_tags
from vpo.media.languages import ANY, checked, is_language, same
from vpo.media.model import Track
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState, SkippableOperation
from vpo.policy.external_facts import metadata_field, require_known_field
from vpo.policy.field_types import OneOrMore
from vpo.policy.operation import Choice, Model, Operation, PolicyConfig
from vpo.policy.rules.printer import format_model
from vpo.policy.rules.track_selection import TrackSelection
from vpo.policy.rules.when import error_inside_text
from vpo.policy.track_classes import best_of

PLACEHOLDERS = ("filename", "path", "rule_name")

_BRACES = re.compile(r"\{([^{}]*)\}")
_SKIPS: dict[str, SkippableOperation] = {
    "skip_video_transcode": "video_transcode",
    "skip_audio_transcode": "audio_transcode",
    "skip_track_filter": "track_filter",
}


def _message(text: str) -> str:
    for found in _BRACES.finditer(text):
        if found[1] not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise error_inside_text(
                found.start(), f"`{found[0]}` is not a placeholder; known: {known}"
            )
    return text


def _language(tag: str) -> str:
    if tag.strip() == ANY:
        raise ValueError(f"`{ANY}` is every language; name one")
    return checked(tag)


def _tag_field(name: str) -> str:
    if "=" in name:
        raise ValueError(f"`{name}` is not a valid tag name: it contains `=`")
    return name.lower()


def _tag_value(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Message = Annotated[str, Field(min_length=1), AfterValidator(_message)]
TrackKind = Literal["video", "audio", "subtitle"]


class TrackChange(TrackSelection):
    """The tracks of one type that match every filter, or all of the type."""

    track_type: TrackKind = Field(description="Type of the tracks.")

    def matching(self, state: DesiredState, config: PolicyConfig) -> list[Track]:
        """Return the tracks to change."""
        found = self.passing(ConditionContext.of(state, config))
        return [track for track in found if isinstance(track, Track)]


class FlagChange(TrackChange):
    """Tracks, and what to do to a flag of theirs."""

    value: bool = Field(default=True, description="Whether to set or clear the flag.")


class SetForced(FlagChange):
    """Set or clear the forced flag of these tracks."""

    def apply(self, state: DesiredState, config: PolicyConfig, rule: str) -> DesiredState:
        for track in self.matching(state, config):
            state = state.set_flag(track.index, "forced", self.value, f"{rule}: set_forced")
        return state


class SetDefault(FlagChange):
    """Make the first of these tracks the only default of its type, or clear all their flags.

    A main track comes before commentary, full subtitles before others, and of one language the
    preferred region before others.
    """

    def apply(self, state: DesiredState, config: PolicyConfig, rule: str) -> DesiredState:
        found = self.matching(state, config)
        if not self.value:
            for track in found:
                state = state.set_flag(track.index, "default", False, f"{rule}: set_default")
            return state
        why_not = f"{rule}: another {self.track_type} track is the default"
        wanted = (self.language and self.language.eq) or ()
        best = best_of(found, wanted, config)
        return state.set_default(best, f"{rule}: set_default", why_not) if best else state


class SetTitle(TrackChange):
    """Set the title of these tracks; ``""`` clears it."""

    value: str = Field(description="New title; empty: clear it.")

    def apply(self, state: DesiredState, config: PolicyConfig, rule: str) -> DesiredState:
        for track in self.matching(state, config):
            state = state.set_title(track.index, self.value or None, f"{rule}: set_title")
        return state


class MetadataField(Model):
    """A field of a metadata plugin; of any plugin if none is named."""

    field: str = Field(min_length=1, description="Name of the field.")
    plugin: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the plugin; unset: the first that has the field.",
    )

    @model_validator(mode="after")
    def _known(self) -> MetadataField:
        require_known_field(self.plugin, self.field)
        return self

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"field": data} if isinstance(data, str) else data

    @property
    def needs_metadata(self) -> bool:
        return True


class SetLanguage(TrackChange):
    """Set the language of these tracks."""

    new_language: Annotated[str, AfterValidator(_language)] | None = Field(
        default=None, description="Language to set."
    )
    from_plugin_metadata: MetadataField | None = Field(
        default=None, description="Metadata field with the language to set."
    )

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "match_language" not in data:
            return data
        if "language" in data:
            raise ValueError("`match_language` and `language` are the same; write one of them")
        return {"language" if key == "match_language" else key: data[key] for key in data}

    @model_validator(mode="after")
    def _one_source(self) -> SetLanguage:
        if (self.new_language is None) == (self.from_plugin_metadata is None):
            raise ValueError(
                "`set_language` takes one of `new_language` and `from_plugin_metadata`"
            )
        return self

    def apply(self, state: DesiredState, config: PolicyConfig, rule: str) -> DesiredState:
        language = self._wanted(state)
        if language is None:
            return state.warn(f"{rule}: no metadata plugin has the language; it is left unchanged")
        for track in self.matching(state, config):
            if not same(track.language, language):
                state = state.set_language(track.index, language, f"{rule}: set_language")
        return state

    def _wanted(self, state: DesiredState) -> str | None:
        asked = self.from_plugin_metadata
        if asked is None:
            return self.new_language
        found = metadata_field(state.external, asked.field, asked.plugin)
        return found if isinstance(found, str) and is_language(found) else None


class SetContainerMetadata(Model):
    """Set a tag of the container; ``""`` deletes it.

    A tag that the tools write with every file cannot be set; to delete it changes nothing.
    """

    field: Annotated[str, Field(min_length=1), AfterValidator(_tag_field)] = Field(
        description="Name of the tag."
    )
    value: (
        Annotated[str, BeforeValidator(_tag_value), WithJsonSchema({"type": ["string", "number"]})]
        | None
    ) = Field(default=None, description="New value; empty: delete the tag.")
    from_plugin_metadata: MetadataField | None = Field(
        default=None, description="Metadata field with the value to set."
    )

    @model_validator(mode="after")
    def _complete(self) -> SetContainerMetadata:
        if (self.value is None) == (self.from_plugin_metadata is None):
            raise ValueError(
                "`set_container_metadata` takes one of `value` and `from_plugin_metadata`"
            )
        if self.written_by_tools and self.value != "":
            raise ValueError(f"`{self.field}` is written by the tools and cannot be set")
        return self

    @property
    def written_by_tools(self) -> bool:
        """Whether every tool writes the tag again."""
        return not user_tags(((self.field, "something"),))

    def apply(
        self,
        state: DesiredState,
        config: PolicyConfig,  # noqa: ARG002
        rule: str,
    ) -> DesiredState:
        name, value = state.media.container, self._wanted(state)
        if value is None:
            problem = f"no metadata plugin has the value of {self.field!r}; it is left unchanged"
            return state.warn(f"{rule}: {problem}")
        if self.written_by_tools or dict(state.media.tags).get(self.field, "") == value:
            return state
        if value and not holds_tag(name, self.field):
            raise PlanError(f"{rule}: {name} cannot hold the tag {self.field!r}")
        return state.set_tag(self.field, value, f"{rule}: set_container_metadata")

    def _wanted(self, state: DesiredState) -> str | None:
        asked = self.from_plugin_metadata
        if asked is None:
            return self.value
        found = metadata_field(state.external, asked.field, asked.plugin)
        return None if found is None else str(found)


class Action(Choice):
    """One action: exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"type": ["object", "string"]})
    noun = "action"
    several = "make each an item of the list"

    skip_video_transcode: bool | None = Field(
        default=None, description="Do not transcode video in this phase."
    )
    skip_audio_transcode: bool | None = Field(
        default=None, description="Do not transcode audio in this phase."
    )
    skip_track_filter: bool | None = Field(
        default=None, description="Do not remove tracks or attachments in this phase."
    )
    warn: Message | None = Field(
        default=None,
        description="Warn with this text; `{filename}`, `{path}` and `{rule_name}` are replaced.",
    )
    fail: Message | None = Field(
        default=None,
        description="Fail the phase with this text; the same placeholders are replaced.",
    )
    set_forced: SetForced | None = None
    set_default: SetDefault | None = None
    set_language: SetLanguage | None = None
    set_title: SetTitle | None = None
    set_container_metadata: SetContainerMetadata | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {data: True} if isinstance(data, str) and data in _SKIPS else data

    def metadata_names(self) -> Iterator[tuple[str | None, str]]:
        """Yield the metadata that it uses: plugin and field."""
        for change in (self.set_language, self.set_container_metadata):
            if change is not None and (asked := change.from_plugin_metadata) is not None:
                yield asked.plugin, asked.field

    def __str__(self) -> str:
        key, value = self.stated
        text = format_model(value) if isinstance(value, Model) else str(value)
        return key if value is True else f"{key} {text}"

    def apply(self, state: DesiredState, config: PolicyConfig, name: str) -> DesiredState:
        """Apply the action of the rule of that name; changes of flags and tags are deferred.

        Raises ``PlanError`` for ``fail``.
        """
        key, value = self.stated
        rule = f"rule {name!r}"
        if key in _SKIPS:
            return replace(state, skips=state.skips | {_SKIPS[key]}) if value else state
        if key == "warn":
            return state.warn(format_message(value, state, name))
        if key == "fail":
            raise PlanError(format_message(value, state, name))
        if key == "set_language":
            return value.apply(state, config, rule)  # type: ignore[no-any-return]
        return replace(state, deferred=(*state.deferred, DeferredChange(rule, value)))


@dataclass(frozen=True)
class DeferredChange:
    """A change of flags or tags that a rule has decided, applied at a later step of the phase."""

    rule: str
    change: SetForced | SetDefault | SetTitle | SetContainerMetadata

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        return self.change.apply(state, config, self.rule)


def format_message(text: str, state: DesiredState, rule: str) -> str:
    """Return the text with its placeholders replaced."""
    path = state.media.path
    values = {"filename": os.path.basename(path), "path": path, "rule_name": rule}
    return _BRACES.sub(lambda found: values[found[1]], text)


def split_actions(value: Any) -> Any:
    """Return a list of actions; a mapping with several keys is split into as many."""
    if isinstance(value, dict):
        return [{key: item} for key, item in value.items()]
    return [value] if isinstance(value, str) else value


Actions = Annotated[tuple[Action, ...], BeforeValidator(split_actions), OneOrMore()]


class ApplyDeferred(Operation):
    """Apply the flags and tags that the rules of the phase have decided."""

    key = "rules"
    step = 70

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        for change in state.deferred:
            state = change.apply(state, config)
        return state
