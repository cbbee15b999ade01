"""``rename``: the name of the file, from a template or with its words about the video corrected."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from vpo.media.codecs import display_name
from vpo.media.file_name import film_name, is_too_long, is_utf8, safe_stem
from vpo.media.units import resolution_of
from vpo.policy.desired_state import DesiredState
from vpo.policy.external_facts import metadata_field
from vpo.policy.field_types import as_list
from vpo.policy.name_words import NameFact, corrected
from vpo.policy.operation import Choice, Note, Operation, PolicyConfig
from vpo.policy.templates import checked_template, placeholders_in

_SERVERS = ("radarr", "sonarr")
"""The sources of metadata that name the files of their library themselves."""
_METADATA = ("title", "year", "episode_title")
_PLACEHOLDERS = (
    *_METADATA,
    "episode",
    "video_codec",
    "audio_codec",
    "resolution",
    "dynamic_range",
)
_NEEDED = (*_METADATA, "episode")
_SHORTENED = "title"
_TOO_LONG = "the new one would be too long"


def _template(text: str) -> str:
    checked_template(text, _PLACEHOLDERS)
    if "/" in text:
        raise ValueError("a template is a name, without `/`: files are not moved to other folders")
    if not text.strip(". "):
        raise ValueError("a template must not be empty")
    if not placeholders_in(text):
        raise ValueError(
            f"`{text}` has no placeholder, so all files would get the same name; "
            "write one, such as `{title} ({year})`"
        )
    return text


_Template = Annotated[str, AfterValidator(_template)]
_NameFacts = Annotated[tuple[NameFact, ...], Field(min_length=1), BeforeValidator(as_list)]


class Rename(Choice, Operation):
    """Rename the file; the extension is that of its container.

    A file that Radarr or Sonarr knows is left to their naming: once it was changed, they are asked
    to rename it.
    """

    model_config = ConfigDict(json_schema_extra={"type": ["object", "string"]})
    noun = "way to rename"
    several = "keep one of them"
    key = "rename"
    step = 97

    template: _Template | None = Field(
        default=None, description="The new name, without extension; also as a plain text."
    )
    replace: _NameFacts | None = Field(
        default=None,
        description="Correct the words of the name that say something else than the video is.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"template": data} if isinstance(data, str) else data

    @property
    def uses_metadata(self) -> bool:
        return True

    def metadata_names(self) -> Iterator[tuple[str | None, str]]:
        yield None, "title"
        for name in placeholders_in(self.template or ""):
            if name in _METADATA:
                yield None, name

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:  # noqa: ARG002
        server = _server(state)
        if server is not None:
            return replace(state, named_by=server)
        wanted, problem = self._wanted(state)
        if problem:
            return state.warn(f"it keeps its name: {problem}")
        return state.set_name(wanted, "the name says what the file is")

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        server = _server(state)
        if server is not None:
            yield Note(f"{server} names this file; it is asked to, once the file was changed")
            return
        wanted, problem = self._wanted(state)
        yield Note(f"it keeps its name: {problem}" if problem else f"{wanted!r}")

    def _wanted(self, state: DesiredState) -> tuple[str, str]:
        """Return the new name without extension, and why there is none, if so."""
        stem, extension = os.path.splitext(os.path.basename(state.media.path))
        if self.replace is not None:
            videos = state.media.of("video")
            wanted = corrected(stem, videos[0], self.replace) if videos else stem
            return wanted, _TOO_LONG if is_too_long(wanted + extension) else ""
        return self._from_template(state, stem, extension)

    def _from_template(self, state: DesiredState, stem: str, extension: str) -> tuple[str, str]:
        template = self.template or ""
        named, values = placeholders_in(template), _values(state, stem)
        missing = [name for name in named if not values.get(name) and name in _NEEDED]
        if missing:
            return stem, f"not known: the film's {' and '.join(missing)}"
        if film_name(stem).episode and not {"episode", "episode_title"} & set(named):
            return stem, "it is an episode, and the template has no {episode}"
        if not all(is_utf8(values[name] or "") for name in named):
            return stem, "it is not UTF-8"
        while True:
            wanted = safe_stem(template.format_map({k: v or "" for k, v in values.items()}))
            if not is_too_long(wanted + extension):
                return wanted, "" if wanted else "nothing is left of the new one"
            title = values[_SHORTENED] or ""
            if _SHORTENED not in named or len(title) < 2:
                return stem, _TOO_LONG
            values[_SHORTENED] = title[:-1].rstrip()


def _server(state: DesiredState) -> str | None:
    return next((name for name in _SERVERS if state.external.metadata.get(name)), None)


def _values(state: DesiredState, stem: str) -> dict[str, str | None]:
    named = film_name(stem)
    video = next(iter(state.media.of("video")), None)
    audio = next(iter(state.media.of("audio")), None)
    facts: Mapping[str, str | None] = {
        "title": named.title,
        "year": named.year,
        "episode": named.episode,
        "video_codec": display_name(video) if video else "",
        "audio_codec": display_name(audio) if audio else "",
        "resolution": resolution_of(video.width, video.height) if video else "",
        "dynamic_range": (video.dynamic_range or "SDR") if video else "",
    }
    known = {name: metadata_field(state.external, name) for name in _METADATA}
    return {**facts, **{name: str(value) for name, value in known.items() if value is not None}}
