"""``subtitles``: text subtitles in another codec, and subtitle files beside the film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from pydantic import Field, model_validator

from vpo.errors import PlanError
from vpo.media.codecs import canonical
from vpo.media.containers import container
from vpo.media.model import TEXT_SUBTITLES, Track
from vpo.media.muxers import can_mux
from vpo.media.sidecar_names import EXTENSIONS, second_name, sidecar_name
from vpo.media.subtitle_source import Extract, Sidecar, SubtitleSource
from vpo.policy.codec_conversion import convert_track, is_unreadable
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import error_at
from vpo.policy.operation import Filled, Note, Operation, PolicyConfig
from vpo.policy.sidecar_tracks import (
    is_in_container,
    marked_flags,
    needs_matroska,
    same_text,
    track_of,
    without_sdh,
)
from vpo.policy.track_filter import AnyOf, first_match, require_all_fitting
from vpo.text import suggestion

TextCodec = Literal["ass", "mov_text", "subrip", "webvtt"]
_TEXT_CODECS = get_args(TextCodec)


class Subtitles(Filled, Operation):
    """Convert text subtitles, and write or add the subtitle files beside the film.

    Its keys act in this order, whatever their order in the file: ``add``,
    ``remove_hearing_impaired``, ``convert``, ``extract``.
    """

    noun = "key"
    key = "subtitles"
    step = 35

    convert: Mapping[str, str] | None = Field(
        default=None,
        min_length=1,
        description=(
            "Text subtitles of each of these codecs become those of another: `ass`, `srt`, "
            "`webvtt`, `mov_text`."
        ),
    )
    extract: AnyOf | None = Field(
        default=None,
        description=(
            "Tracks that match one of these filters are written into files beside the film, "
            "unless they are there; in the film they stay."
        ),
    )
    add: Literal["sidecar"] | None = Field(
        default=None,
        description=(
            "`sidecar`: the subtitle files beside the film become tracks of it, unless they are; "
            "the files stay."
        ),
    )
    remove_hearing_impaired: Literal[True] | None = Field(
        default=None,
        description=(
            "Text subtitles for the hard of hearing become plain ones: without sounds in brackets "
            "and names of speakers."
        ),
    )

    @model_validator(mode="after")
    def _fitting(self) -> Subtitles:
        require_all_fitting(self, "subtitle", "extract")
        codecs: dict[str, str] = {}
        for source, target in (self.convert or {}).items():
            codec = _checked_codec(source, source, "converted")
            if codec in codecs:
                raise error_at(("convert", source), f"`{source}` is there twice")
            codecs[codec] = _checked_codec(source, target, "made")
        for source, target in (self.convert or {}).items():
            if codecs[canonical(source)] in codecs:
                problem = f"`{target}` is itself converted; write what `{source}` becomes at last"
                raise error_at(("convert", source), problem)
        return self

    @property
    def uses_sidecars(self) -> bool:
        return self.add is not None or self.extract is not None

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        if self.add is not None:
            for sidecar in state.external.sidecars or ():
                state = self._added(state, sidecar)
        if self.remove_hearing_impaired:
            for track in state.media.of("subtitle"):
                state = without_sdh(state, track, config)
        for track in state.media.of("subtitle"):
            state = self._converted(state, track)
        if self.extract is not None and state.external.sidecars is not None:
            for track in state.media.of("subtitle"):
                state = self._extracted(state, track, config)
        return state

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        context = ConditionContext.of(state, config)
        for sidecar in state.external.sidecars or () if self.add is not None else ():
            there = is_in_container(sidecar, state, bool(self.remove_hearing_impaired))
            text = sidecar.problem or ("is in the film" if there else "is not in the film")
            yield Note(f"{sidecar.name}: {text}", ("add",))
        for track in state.media.of("subtitle"):
            number = first_match(self.extract or (), track, context)
            if number is not None:
                yield Note(f"{track}: a filter of extract matches", ("extract", number))

    def _added(self, state: DesiredState, sidecar: Sidecar) -> DesiredState:
        """Return the state with a sidecar as a track, unless it is one."""
        if sidecar.problem is not None:
            return state.warn(f"{sidecar.name} is not added: {sidecar.problem}")
        if is_in_container(sidecar, state, bool(self.remove_hearing_impaired)):
            return state
        kind = container(state.media.container)
        track = track_of(sidecar, state.unused_index, kind)
        if not kind.languages or not _takes(kind.name, track.codec):
            return state.warn(f"{sidecar.name} is not added: {kind.name} cannot hold it")
        if sidecar.charset not in (None, "utf-8"):
            state = state.warn(f"{sidecar.name} is not UTF-8: it is read as {sidecar.charset}")
        if sidecar.parsed.codec == "ass" and track.codec != "ass":
            state = state.warn(f"styled subtitles lose their styling in {kind.name}")
        source = SubtitleSource(sidecar.name, sidecar.parsed.codec)
        return state.add_subtitle(track, source, f"{sidecar.name} is beside the film")

    def _converted(self, state: DesiredState, track: Track) -> DesiredState:
        for source, target in (self.convert or {}).items():
            if canonical(track.codec) != canonical(source):
                continue
            name = state.media.container
            wanted = canonical(target)
            codec = dict(container(name).text_codecs).get(wanted, wanted)
            if codec != wanted or not _takes(name, codec):
                return state.warn(f"{name} cannot hold {target} subtitles: {track} stays")
            return convert_track(state, track, codec, None, f"convert: {source} to {target}")
        return state

    def _extracted(self, state: DesiredState, track: Track, config: PolicyConfig) -> DesiredState:
        """Return the state with a track as a sidecar, unless it is one."""
        context = ConditionContext.of(state, config)
        number = first_match(self.extract or (), track, context)
        source = state.sources.get(track.index)
        from_beside = source is not None and source.sidecar is not None and not source.plain
        if number is None or from_beside or _is_beside(track, source, state):
            return state
        codec = canonical(track.codec)
        if codec not in EXTENSIONS or is_unreadable(track) or track.encrypted:
            raise PlanError(f"{track} cannot be written as a file; leave it out of extract")
        if needs_matroska(codec) and not container(state.media.container).matroska:
            raise PlanError(
                f"{track} can be written as a file only from Matroska; leave it out of extract"
            )
        name = _free_name(state, track, marked_flags(track, context.kind(track)))
        found = Extract(name, track.index, codec, source)
        return state.extract(found, f"a filter of extract matches it ({number + 1})")


def _checked_codec(key: str, value: str, what: str) -> str:
    codec = canonical(str(value))
    if codec not in _TEXT_CODECS:
        near = suggestion(codec, ("srt", *_TEXT_CODECS))
        known = near or "; known: ass, srt, webvtt, mov_text"
        problem = f"`{value}` is no codec of text subtitles that can be {what}{known}"
        raise error_at(("convert", key), problem)
    return codec


def _takes(name: str, codec: str) -> bool:
    """Return whether a container takes subtitles of this codec from vpo."""
    kind = container(name)
    text = codec in TEXT_SUBTITLES and codec == dict(kind.text_codecs).get(codec, codec)
    taken = kind.codecs is None or codec in kind.codecs
    return taken and can_mux(name, codec) and (text or codec not in TEXT_SUBTITLES)


def _is_beside(track: Track, source: SubtitleSource | None, state: DesiredState) -> bool:
    """Return whether a file beside the film says what a track does, or will."""
    if any(one.track == track.index and one.source == source for one in state.extracts):
        return True
    return any(same_text(one, track.index, source) for one in state.external.sidecars or ())


def _free_name(state: DesiredState, track: Track, flags: frozenset[str]) -> str:
    """Return the name of a track's file that nothing has."""
    beside = state.external.sidecars or ()
    taken = {name for one in beside for name in (one.name, one.parsed.further)}
    taken |= {one.name for one in state.extracts}
    number = 1
    while True:
        try:
            codec = canonical(track.codec)
            name = sidecar_name(state.media.path, codec, track.language, flags, number)
        except ValueError as error:
            raise PlanError(f"{track} cannot be extracted: {error}") from None
        if taken.isdisjoint({name, second_name(name) or name}):
            return name
        number += 1
