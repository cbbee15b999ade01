"""``audio_synthesis``: additional audio tracks made from those in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from vpo.media.audio_codecs import AUDIO_ENCODERS
from vpo.media.codecs import canonical, matches, must_hold
from vpo.media.containers import container
from vpo.media.encode_spec import AudioEncode
from vpo.media.languages import rank, same
from vpo.media.model import Track
from vpo.policy.classify import is_commentary
from vpo.policy.conditions import BitRate, Names
from vpo.policy.desired_state import Draft
from vpo.policy.operation import Model, Note, Operation, PolicyConfig
from vpo.policy.rules.evaluation import NO_ANALYSIS, Scene, holds
from vpo.policy.rules.tracks import Selection
from vpo.policy.rules.values import Codecs, Languages, Quantity
from vpo.policy.rules.when import When

_CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}
_MOST = max(_CHANNELS.values())
_NOT_INHERITED = frozenset({"default", "forced"})

Position = Literal["after_source", "end"] | Annotated[int, Field(ge=1)]


def _channels(value: Any) -> Any:
    """A number of channels from how people call it; YAML takes 5.1 for a number."""
    return value if isinstance(value, bool) else _CHANNELS.get(str(value).strip().lower(), value)


def _codec(value: Any) -> Any:
    return canonical(value) if isinstance(value, str) else value


def _preferred_channels(value: Any) -> Any:
    return value if value in ("max", "min") else _channels(value)


_NUMBER_OF_CHANNELS = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": _MOST},
            {"enum": [*_CHANNELS, 5.1, 7.1]},
        ]
    }
)
Channels = Annotated[
    int, Field(ge=1, le=_MOST, strict=True), BeforeValidator(_channels), _NUMBER_OF_CHANNELS
]
Codec = Annotated[Literal["eac3", "aac", "ac3", "opus", "flac"], BeforeValidator(_codec)]


class Criterion(Model):
    """What makes a track the better source; of several names, the first is the best.

    With several keys, they are compared in the order in which they stand here.
    """

    language: Names | None = Field(default=None, description="Tracks in one of these languages.")
    not_commentary: bool | None = Field(default=None, description="Tracks that are no commentary.")
    codec: Names | None = Field(default=None, description="Tracks in one of these codecs.")
    channels: (
        Annotated[Literal["max", "min"] | Channels, BeforeValidator(_preferred_channels)] | None
    ) = Field(default=None, description="Tracks with most, fewest or so many channels.")

    @model_validator(mode="after")
    def _not_empty(self) -> Criterion:
        if not any(True for _ in self.given()):
            raise ValueError(f"names no criterion; known: {', '.join(type(self).model_fields)}")
        return self

    def rank(self, track: Track, config: PolicyConfig) -> Iterator[int]:
        """The lower, the better."""
        if self.language is not None:
            place = rank(track.language, self.language)
            yield len(self.language) if place is None else place
        if self.not_commentary is not None:
            yield int(is_commentary(track, config) == self.not_commentary)
        if self.codec is not None:
            places = (n for n, name in enumerate(self.codec) if matches(track, name))
            yield next(places, len(self.codec))
        if self.channels is not None:
            count = track.channels or 0
            yield {"max": -count, "min": count}.get(str(self.channels), count != self.channels)


class Source(Model):
    """Which track is mixed; where nothing else decides, the first."""

    prefer: tuple[Criterion, ...] = Field(
        default=(), description="Criteria, the most important first."
    )

    def rank(self, track: Track, config: PolicyConfig) -> list[int]:
        """The lower, the better."""
        return [n for criterion in self.prefer for n in criterion.rank(track, config)]


class SkipIfExists(Model):
    """An audio track that fulfils all of this makes the new one needless."""

    codec: Codecs | None = Field(default=None, description="It is in one of these codecs.")
    channels: Quantity | None = Field(default=None, description="It has so many channels.")
    language: Languages | None = Field(default=None, description="It is in one of these languages.")
    not_commentary: bool | None = Field(default=None, description="It is no commentary.")

    @model_validator(mode="after")
    def _not_empty(self) -> SkipIfExists:
        if not any(True for _ in self.given()):
            raise ValueError(f"names no condition; known: {', '.join(type(self).model_fields)}")
        return self

    def holds(self, track: Track, config: PolicyConfig) -> bool:
        selection = Selection(track_type="audio", **dict(self.given()))
        return selection.failed(track, config) is None


class NewTrack(Model):
    """A track that is to be there."""

    name: str = Field(min_length=1, description="What messages call it.")
    codec: Codec = Field(description="Its codec.")
    channels: Channels = Field(description="How many channels it has; never more than its source.")
    bitrate: BitRate | None = Field(default=None, description="Its bit rate.")
    source: Source = Field(default=Source(), description="Which track it is made from.")
    create_if: When | None = Field(
        default=None, description="It is made only where this condition holds."
    )
    skip_if_exists: SkipIfExists | None = Field(
        default=None, description="It is not made where there is such a track."
    )
    title: str = Field(default="inherit", description="Its title, or `inherit` for its source's.")
    language: str = Field(
        default="inherit", description="Its language, or `inherit` for its source's."
    )
    position: Position = Field(
        default="after_source", description="Where it stands among the audio tracks."
    )

    @model_validator(mode="after")
    def _possible(self) -> NewTrack:
        encoder = AUDIO_ENCODERS[self.codec]
        most = encoder.mixed_down(self.channels)
        if most is not None:
            raise ValueError(f"{self.codec} has at most {most} channels")
        limit = encoder.bitrate_limit(self.channels)
        if self.bitrate is not None and limit is None:
            raise ValueError(f"`bitrate`: {self.codec} is lossless and takes none")
        if self.bitrate is not None and limit is not None and self.bitrate > limit:
            raise ValueError(f"`bitrate`: {self.codec} takes at most {limit // 1000}k here")
        return self

    def names(self, track: Track) -> bool:
        """Whether a track has the title that the policy gives this one, and is of its kind."""
        own = self.title != "inherit" and track.title == self.title
        return own and track.channels == self.channels and canonical(track.codec) == self.codec

    def made(
        self, draft: Draft, config: PolicyConfig, others: tuple[NewTrack, ...]
    ) -> tuple[Track | None, Track | str]:
        """The source and the new track; or, without a source, why there is no new one.

        Where nothing else decides, what was made as one of the ``others`` is no source: the next
        run would find it before what was mixed in this one.
        """
        there = draft.media.of("audio")
        if self.create_if is not None:
            scene = Scene(draft.media, draft.known, config)
            if not holds(self.create_if, scene):
                return None, "create_if does not hold"
        for track in there:
            if self.skip_if_exists is not None and self.skip_if_exists.holds(track, config):
                return None, f"{track} is there"
        enough = [track for track in there if (track.channels or 0) >= self.channels]

        def place(track: Track) -> tuple[list[int], bool]:
            return self.source.rank(track, config), any(other.names(track) for other in others)

        source = min(enough, key=place, default=None)
        if source is None:
            return None, ""
        new = self._track(draft, source)
        for track in there:
            if _alike(track, new, draft.media.container):
                return None, f"{track} is there"
        return source, new

    def _track(self, draft: Draft, source: Track) -> Track:
        kind = container(draft.media.container)
        title = source.title if self.title == "inherit" else self.title
        language = source.language if self.language == "inherit" else self.language
        return Track(
            index=draft.free_index,
            type="audio",
            codec=self.codec,
            language=language if kind.languages else None,
            title=title if kind.titles else None,
            dispositions=source.dispositions - _NOT_INHERITED,
            channels=self.channels,
            layout=AUDIO_ENCODERS[self.codec].layout(self.channels),
            duration=source.duration,
            tags=source.tags,
        )

    def encode(self, draft: Draft, source: Track) -> AudioEncode:
        """How it is made: from the file's own track, even where the source is encoded, too."""
        before = draft.encodes.get(source.index)
        origin = before.source if isinstance(before, AudioEncode) else source.index
        bitrate = self.bitrate or AUDIO_ENCODERS[self.codec].bitrate(self.channels, None)
        return AudioEncode(origin, self.codec, self.channels, bitrate)


class AudioSynthesis(Operation):
    """Add audio tracks that are mixed from those in the file; what is there is not added again."""

    key = "audio_synthesis"
    step = 80

    tracks: tuple[NewTrack, ...] = Field(min_length=1, description="The tracks to add.")

    @model_validator(mode="after")
    def _unique(self) -> AudioSynthesis:
        names = [track.name for track in self.tracks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two tracks are called {name!r}")
        return self

    def apply(self, draft: Draft, config: PolicyConfig) -> Draft:
        placed: dict[int, int] = {}
        for wanted in self.tracks:
            if wanted.create_if is not None and wanted.create_if.needs_analysis:
                draft = draft.warn(NO_ANALYSIS)
            source, new = wanted.made(draft, config, self.tracks)
            if isinstance(new, str) or source is None:
                draft = draft if new else draft.warn(_without_source(wanted))
                continue
            must_hold(draft.media.container, wanted.codec)
            if isinstance(wanted.position, int):
                placed[new.index] = wanted.position
            at = _place(draft, wanted.position, source)
            why = f"{wanted.name!r} from {source}"
            draft = draft.add(new, wanted.encode(draft, source), at, why)
        return _put(draft, placed)

    def explain(self, draft: Draft, config: PolicyConfig) -> Iterator[Note]:
        for number, wanted in enumerate(self.tracks):
            source, new = wanted.made(draft, config, self.tracks)
            path = ("tracks", number)
            if isinstance(new, str):
                yield Note(f"{wanted.name}: not made: {new or _without_source(wanted)}", path)
            else:
                yield Note(f"{wanted.name}: made from {source}", path)
                draft = draft.add(new, AudioEncode(0, wanted.codec), 0, "")


def _alike(track: Track, new: Track, name: str) -> bool:
    """Whether a track is what would be made, as far as its container can tell."""
    kind = container(name)
    return (
        canonical(track.codec) == new.codec
        and track.channels == new.channels
        and (not kind.languages or same(track.language, new.language))
        and (not kind.titles or (track.title or "") == (new.title or ""))
    )


def _without_source(wanted: NewTrack) -> str:
    return (
        f"{wanted.name!r} is not made: no audio track has {wanted.channels} channels or more, "
        "and nothing is mixed up"
    )


def _place(draft: Draft, position: Position, source: Track) -> int:
    """Where in the order of all tracks the new one goes."""
    if position == "after_source":
        return draft.media.tracks.index(source) + 1
    return draft.media.tracks.index(draft.media.of("audio")[-1]) + 1


def _put(draft: Draft, placed: dict[int, int]) -> Draft:
    """The new tracks with a number where they are to be, once all the others have their place."""
    tracks = [track for track in draft.media.tracks if track.index not in placed]
    for index, position in sorted(placed.items(), key=lambda item: item[1]):
        audio = [n for n, track in enumerate(tracks) if track.type == "audio"]
        end = audio[-1] + 1 if audio else len(tracks)
        at = audio[position - 1] if position <= len(audio) else end
        tracks.insert(at, draft.track(index))
    return replace(draft, media=replace(draft.media, tracks=tuple(tracks)))
