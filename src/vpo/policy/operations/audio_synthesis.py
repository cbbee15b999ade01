"""``audio_synthesis``: new audio tracks, downmixed from those in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from vpo.media.audio_encoders import AUDIO_ENCODERS
from vpo.media.codecs import canonical, require_container_holds
from vpo.media.containers import container
from vpo.media.encode_spec import AudioEncode, Loudness
from vpo.media.languages import same
from vpo.media.model import Track
from vpo.policy.audio_encoding import encode_of, fit
from vpo.policy.condition_context import ConditionContext
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import BitRate
from vpo.policy.loudness import LoudnessTarget, with_stated_loudness
from vpo.policy.operation import Model, Note, Operation, PolicyConfig
from vpo.policy.rules.evaluation import NO_LANGUAGE_ANALYSIS, holds
from vpo.policy.rules.when import When
from vpo.policy.track_filter import AnyOf, first_match, require_all_fitting
from vpo.policy.track_preference import CHANNEL_NAMES, Criterion, number_of_channels, ranked

_MOST = max(CHANNEL_NAMES.values())
_NOT_INHERITED = frozenset({"default", "forced"})

TrackPosition = Literal["after_source", "end"] | Annotated[int, Field(ge=1)]


def _codec(value: Any) -> Any:
    return canonical(value) if isinstance(value, str) else value


_NUMBER_OF_CHANNELS = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": _MOST},
            {"enum": [*CHANNEL_NAMES, 5.1, 7.1]},
        ]
    }
)
Channels = Annotated[
    int,
    Field(ge=1, le=_MOST, strict=True),
    BeforeValidator(number_of_channels),
    _NUMBER_OF_CHANNELS,
]
SynthesisCodec = Annotated[Literal["eac3", "aac", "ac3", "opus", "flac"], BeforeValidator(_codec)]


class SourcePreference(Model):
    """Which track is the source; the first one if no criterion decides."""

    prefer: tuple[Criterion, ...] = Field(default=(), description="Criteria, most important first.")

    @model_validator(mode="after")
    def _fitting(self) -> SourcePreference:
        require_all_fitting(self, "audio", "prefer")
        return self

    def allowed(self, tracks: Sequence[Track], context: ConditionContext) -> list[Track]:
        """Return the tracks that may be the source, whatever their channels.

        Where there are tracks of the preferred languages, no other is one; nor is commentary,
        music or description where there is main audio.
        """
        allowed = list(tracks)
        if all(item.commentary is not True and item.kind is None for item in self.prefer):
            allowed = [t for t in tracks if context.kind(t) == "main"] or allowed
        for criterion in self.prefer:
            fitting = [track for track in allowed if not criterion.contradicted(track, context)]
            allowed = fitting or allowed
        return allowed


class NewTrack(Model):
    """An audio track to create."""

    name: str = Field(min_length=1, description="Name of the track in messages.")
    codec: SynthesisCodec = Field(description="Codec of the track.")
    channels: Channels = Field(description="Number of channels; never more than the source has.")
    bitrate: BitRate | None = Field(default=None, description="Bit rate of the track.")
    source: SourcePreference = Field(
        default=SourcePreference(), description="Which track to make it from."
    )
    create_if: When | None = Field(
        default=None, description="Create it only if this condition is true."
    )
    skip_if_exists: AnyOf | None = Field(
        default=None, description="Do not create it if an audio track matches one of these filters."
    )
    title: str = Field(default="inherit", description="Title, or `inherit` for that of the source.")
    language: str = Field(
        default="inherit", description="Language, or `inherit` for that of the source."
    )
    position: TrackPosition = Field(
        default="after_source", description="Position among the audio tracks."
    )
    loudness: LoudnessTarget | None = Field(
        default=None, description="Loudness of the track; unset: that of the source."
    )
    night_mode: bool = Field(
        default=False,
        description=(
            "Whether to raise dialogue and compress the dynamic range; the track needs a `title` "
            "of its own."
        ),
    )

    @model_validator(mode="after")
    def _possible(self) -> NewTrack:
        require_all_fitting(self, "audio", "skip_if_exists")
        encoder = AUDIO_ENCODERS[self.codec]
        most = encoder.downmix_channels(self.channels)
        if most is not None:
            raise ValueError(f"{self.codec} has at most {most} channels")
        limit = encoder.bitrate_limit(self.channels)
        if self.bitrate is not None and limit is None:
            raise ValueError(f"`bitrate`: {self.codec} is lossless and takes none")
        if self.bitrate is not None and limit is not None and self.bitrate > limit:
            raise ValueError(f"`bitrate`: {self.codec} takes at most {limit // 1000}k here")
        if self.night_mode and self.title in ("inherit", ""):
            raise ValueError("`night_mode` needs a `title`, by which the track is told from others")
        return self

    @property
    def extras(self) -> str:
        """What is done to the audio besides mixing it down, for messages."""
        night = ", in night mode" if self.night_mode else ""
        return night + (f", at {self._loudness}" if self._loudness is not None else "")

    def names(self, track: Track) -> bool:
        """Return whether a track has this one's own title, channels and codec."""
        own = self.title != "inherit" and track.title == self.title
        return own and track.channels == self.channels and canonical(track.codec) == self.codec

    def made(
        self, state: DesiredState, config: PolicyConfig, others: tuple[NewTrack, ...]
    ) -> tuple[Track | None, Track | str]:
        """Return the source and the new track, or no source and the reason not to create one.

        If no criterion decides, tracks created as one of the ``others`` are the last choice: else
        the next run would find one of them first, and make something else.
        """
        existing = state.media.of("audio")
        context = ConditionContext.of(state, config)
        if self.create_if is not None and not holds(self.create_if, context):
            return None, "create_if is false"
        for track in existing:
            if self._replaced_by(track, context):
                return None, f"{track} exists"
        allowed = self.source.allowed(existing, context)
        candidates = [track for track in allowed if (track.channels or 0) >= self.channels]

        def preference(track: Track) -> tuple[tuple[int, ...], bool]:
            made_before = any(other.names(track) for other in others)
            return ranked(self.source.prefer, track, context), made_before

        source = min(candidates, key=preference, default=None)
        if source is None:
            return None, ""
        new = self._track(state, source)
        for track in existing:
            if _alike(track, new, state):
                return None, f"{track} exists"
        return source, new

    def _replaced_by(self, track: Track, context: ConditionContext) -> bool:
        """Return whether a track makes this one needless; no commentary means main audio."""
        found = first_match(self.skip_if_exists or (), track, context)
        if found is None or self.skip_if_exists is None:
            return False
        one = self.skip_if_exists[found]
        return one.commentary is not False or one.kind is not None or context.kind(track) == "main"

    def _track(self, state: DesiredState, source: Track) -> Track:
        kind = container(state.media.container)
        title = source.title if self.title == "inherit" else self.title
        language = source.language if self.language == "inherit" else self.language
        made = Track(
            index=state.unused_index,
            type="audio",
            codec=self.codec,
            language=language if kind.languages else None,
            title=title if kind.titles else None,
            dispositions=source.dispositions - _NOT_INHERITED,
            channels=self.channels,
            layout=fit(state, source, self.codec, self.channels).layout,
            duration=source.duration,
            tags=source.tags,
        )
        return with_stated_loudness(made, self._loudness, state.media.container)

    @property
    def _loudness(self) -> Loudness | None:
        return self.loudness.loudness if self.loudness is not None else None

    def encode(self, state: DesiredState, source: Track) -> AudioEncode:
        """Return how to encode it: from the track in the file, even if that is encoded as well."""
        bitrate = self.bitrate or AUDIO_ENCODERS[self.codec].bitrate(self.channels, None)
        found = fit(state, source, self.codec, self.channels)
        how = encode_of(state, source, self.codec, found, bitrate)
        return replace(how, loudness=self._loudness, night=how.night or self.night_mode)


class AudioSynthesis(Operation):
    """Create audio tracks from those in the file; a track that exists is not created again."""

    key = "audio_synthesis"
    step = 80

    tracks: tuple[NewTrack, ...] = Field(min_length=1, description="The tracks to create.")

    @model_validator(mode="after")
    def _unique(self) -> AudioSynthesis:
        names = [track.name for track in self.tracks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two tracks have the name {name!r}")
        return self

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        placed: dict[int, int] = {}
        for wanted in self.tracks:
            if wanted.create_if is not None and wanted.create_if.needs_analysis:
                state = state.warn(NO_LANGUAGE_ANALYSIS)
            source, new = wanted.made(state, config, self.tracks)
            if isinstance(new, str) or source is None:
                state = state if new else state.warn(_without_source(wanted))
                continue
            require_container_holds(state.media.container, wanted.codec)
            if isinstance(wanted.position, int):
                placed[new.index] = wanted.position
            at = _position(state, wanted.position, source)
            why = f"{wanted.name!r} from {source}{wanted.extras}"
            state = state.add_track(new, wanted.encode(state, source), at, why)
        return _move_to_positions(state, placed)

    def made_tracks(self, state: DesiredState, config: PolicyConfig) -> frozenset[int]:
        audio = state.media.of("audio")
        pairs = ((track, wanted) for track in audio for wanted in self.tracks)
        return frozenset(
            track.index
            for track, wanted in pairs
            if self._would_make(_without(state, track), config, track, wanted)
        )

    def _would_make(
        self, state: DesiredState, config: PolicyConfig, track: Track, wanted: NewTrack
    ) -> bool:
        """Return whether the state without a track would get it from an entry of the list."""
        if canonical(track.codec) != wanted.codec:
            return False
        source, new = wanted.made(state, config, self.tracks)
        return source is not None and isinstance(new, Track) and _alike(track, new, state)

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        for number, wanted in enumerate(self.tracks):
            source, new = wanted.made(state, config, self.tracks)
            path = ("tracks", number)
            if isinstance(new, str):
                yield Note(f"{wanted.name}: not created: {new or _without_source(wanted)}", path)
            else:
                yield Note(f"{wanted.name}: created from {source}", path)
                state = state.add_track(new, AudioEncode(0, wanted.codec), 0, "")


def _without(state: DesiredState, gone: Track) -> DesiredState:
    tracks = tuple(track for track in state.media.tracks if track is not gone)
    return replace(state, media=replace(state.media, tracks=tracks))


def _alike(track: Track, new: Track, state: DesiredState) -> bool:
    """Return whether a track equals the one to create, in what its container can store."""
    kind = container(state.media.container)
    return (
        canonical(track.codec) == new.codec
        and track.channels == new.channels
        and (not kind.languages or same(track.language, new.language))
        and (not kind.titles or (track.title or "") == (new.title or ""))
    )


def _without_source(wanted: NewTrack) -> str:
    return (
        f"{wanted.name!r} is not created: no suitable audio track has {wanted.channels} channels "
        "or more, and vpo does not upmix"
    )


def _position(state: DesiredState, position: TrackPosition, source: Track) -> int:
    """Return the position of the new track among all tracks."""
    if position == "after_source":
        return state.media.tracks.index(source) + 1
    return state.media.tracks.index(state.media.of("audio")[-1]) + 1


def _move_to_positions(state: DesiredState, placed: dict[int, int]) -> DesiredState:
    """Move new tracks with a numbered position there, once all others have theirs."""
    tracks = [track for track in state.media.tracks if track.index not in placed]
    for index, position in sorted(placed.items(), key=lambda item: item[1]):
        audio = [n for n, track in enumerate(tracks) if track.type == "audio"]
        end = audio[-1] + 1 if audio else len(tracks)
        at = audio[position - 1] if position <= len(audio) else end
        tracks.insert(at, state.track(index))
    return replace(state, media=replace(state.media, tracks=tuple(tracks)))
