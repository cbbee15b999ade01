"""``titles``: titles of tracks and of the container, made from what they contain."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from vpo.media.codecs import display_name
from vpo.media.containers import holds_tag
from vpo.media.languages import english_name
from vpo.media.model import Track
from vpo.media.units import resolution_of
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.operation import Note, Operation, PolicyConfig
from vpo.policy.templates import checked_template
from vpo.policy.track_classes import Kind

_KIND_NAMES: Mapping[Kind | None, str] = {
    "commentary": "Commentary",
    "descriptive": "Audio Description",
    "music": "Music",
    "sfx": "Sound Effects",
    "non_speech": "No Dialogue",
    "forced": "Forced",
    "sdh": "SDH",
    "signs": "Signs & Songs",
    "captions": "Closed Captions",
}
"""What titles call a kind, in words that are read back as that kind; others are not named."""
_LAYOUTS = {"mono": "Mono", "stereo": "Stereo"}
_PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "audio": ("language", "layout", "channels", "codec", "kind", "title"),
    "subtitle": ("language", "codec", "kind", "title"),
    "video": ("language", "codec", "kind", "resolution", "title"),
}
"""By type of track."""


def _template(text: str, info: ValidationInfo) -> str:
    known = _PLACEHOLDERS[str(info.field_name)]
    if "{title}" in checked_template(text, known) and text.strip() != "{title}":
        raise ValueError(
            f"`{text}` would make titles longer at every run; write it without `{{title}}`"
        )
    return text


def _container_template(text: str) -> str:
    return checked_template(text, ("filename",))


Template = Annotated[str, AfterValidator(_template)]


class Titles(Operation):
    """Set titles from templates; an empty template clears them.

    A title that alone says what a track is (commentary, SDH) is left where the new one would not
    say it. Tracks that ``audio_synthesis`` makes have the titles that it gives them.
    """

    key = "titles"
    step = 95
    sees_all_made = True

    audio: Template | None = Field(default=None, description="Titles of audio tracks.")
    subtitle: Template | None = Field(default=None, description="Titles of subtitle tracks.")
    video: Template | None = Field(default=None, description="Titles of video tracks.")
    container: Annotated[str, AfterValidator(_container_template)] | None = Field(
        default=None, description="Title of the file; `{filename}` is its name without extension."
    )
    only: Literal["empty", "all"] = Field(
        default="all", description="Whether to leave titles that are there (`empty`)."
    )

    @model_validator(mode="after")
    def _names_titles(self) -> Titles:
        if all(name == "only" for name, _ in self.given()):
            raise ValueError("no template is set; known: audio, subtitle, video, container")
        return self

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        context = ConditionContext.of(state, config)
        for track in state.media.tracks:
            wanted = self._wanted(track, state, context)
            if wanted is None:
                continue
            if _says_less(track, wanted, context):
                kind = context.kind(track)
                state = state.warn(
                    f"{track} keeps its title, which alone says that it is {kind}; set the flag "
                    "first (flags: {from_titles: true}), or put {kind} into the template"
                )
                continue
            state = state.set_title(track.index, wanted or None, f"{track.type} titles")
        return self._container_title(state)

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        context = ConditionContext.of(state, config)
        for track in state.media.tracks:
            wanted = self._wanted(track, state, context)
            if wanted is not None:
                yield Note(f"{track}: {wanted!r}" if wanted else f"{track}: none", (track.type,))

    def _wanted(self, track: Track, state: DesiredState, context: ConditionContext) -> str | None:
        """Return the title of a track, empty for none; ``None`` to leave it."""
        template: str | None = getattr(self, track.type, None)
        if template is None or track.index in state.made:
            return None
        if self.only == "empty" and track.title:
            return None
        values = {name: find(track, context) for name, find in _VALUES.items()}
        return " ".join(template.format_map(values).split())

    def _container_title(self, state: DesiredState) -> DesiredState:
        if self.container is None or (self.only == "empty" and dict(state.media.tags).get("title")):
            return state
        if self.container and not holds_tag(state.media.container, "title"):
            return state.warn(f"{state.media.container} cannot hold a title; left unchanged")
        name = os.path.splitext(os.path.basename(state.media.path))[0]
        title = self.container.format(filename=name)
        return state.set_tag("title", title, "container title")


def _says_less(track: Track, title: str, context: ConditionContext) -> bool:
    """Return whether a track would be of another kind with that title."""
    renamed = replace(track, title=title or None)
    return track.type != "video" and context.kind(renamed) != context.kind(track)


def _layout(track: Track, context: ConditionContext) -> str:  # noqa: ARG001
    layout = (track.layout or "").removesuffix("(side)")
    return _LAYOUTS.get(layout, layout)


_VALUES: Mapping[str, Callable[[Track, ConditionContext], str]] = {
    "language": lambda track, _: english_name(track.language),
    "layout": _layout,
    "channels": lambda track, _: str(track.channels or ""),
    "codec": lambda track, _: display_name(track),
    "kind": lambda track, context: _KIND_NAMES.get(context.kind(track), ""),
    "resolution": lambda track, _: resolution_of(track.width, track.height) or "",
    "title": lambda track, _: track.title or "",
}
