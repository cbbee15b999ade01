"""``keep_video``: removal of further pictures: covers, second cameras, other angles."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from vpo.media.model import Attachment, Track
from vpo.policy.condition_context import ConditionContext, Item
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import error_at
from vpo.policy.operation import Note, PolicyConfig, TrackRemoval
from vpo.policy.track_classes import KINDS
from vpo.policy.track_filter import AnyOf, TrackFilter, first_match, require_fitting


class KeepVideo(TrackRemoval):
    """Remove video tracks and covers by filters; the last video track stays."""

    key = "keep_video"
    step = 39

    drop: AnyOf = Field(
        description="Video tracks and covers that match one of these filters are removed."
    )

    @model_validator(mode="after")
    def _fitting(self) -> KeepVideo:
        for number, found in enumerate(self.drop):
            path = ("drop", number)
            for key, other in _of_other_types(found):
                raise error_at((*path, key), f"no video matches that; use `{other}`")
            require_fitting(found, "video", path, besides=("cover",))
        return self

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        context = ConditionContext.of(state, config)
        dropped = self._dropped(context)
        videos = context.items["video"]
        if videos and all(item in dropped for item in videos):
            state = state.warn(f"{videos[0]} is kept: it is the only video that is left")
            del dropped[videos[0]]
        return state.remove([item.index for item in dropped], "a filter of drop matches")

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        context = ConditionContext.of(state, config)
        dropped = self._dropped(context)
        for item in _pictures(context):
            found = dropped.get(item)
            path = ("drop",) if found is None else ("drop", found)
            text = "kept: no filter matches" if found is None else "removed: a filter matches"
            yield Note(f"{item} {text}", path)

    def _dropped(self, context: ConditionContext) -> dict[Item, int]:
        """Return what matches, with the number of the filter."""
        found = ((item, first_match(self.drop, item, context)) for item in _pictures(context))
        return {item: number for item, number in found if number is not None}


def _of_other_types(found: TrackFilter) -> Iterator[tuple[str, str]]:
    """Yield the keys of a filter that no video matches, each with the operation to use."""
    kinds = [kind for _, values in found.kind.parts for kind in values] if found.kind else []
    if found.channels is not None:
        yield "channels", "keep_audio"
    if found.commentary or "commentary" in kinds:
        yield "commentary" if found.commentary else "kind", "keep_audio` or `keep_subtitles"
    for kind in kinds:
        for type_, other in (("audio", "keep_audio"), ("subtitle", "keep_subtitles")):
            if kind in KINDS[type_] and kind not in KINDS["video"]:
                yield "kind", other


def _pictures(context: ConditionContext) -> tuple[Track | Attachment, ...]:
    covers = (item for item in context.media.attachments if item.cover)
    return (*context.media.of("video"), *covers)
