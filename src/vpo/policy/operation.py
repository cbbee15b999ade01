"""The base class of the operations of a phase, and what all of them use.

A new operation is one module in ``vpo.policy.operations`` with a subclass of ``Operation``: its
fields are the policy's keys (and so the schema), ``apply`` is its meaning. No list names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError

from vpo.errors import OnError
from vpo.media.languages import ORIGINAL, replaced_original
from vpo.media.model import MediaFile
from vpo.policy.desired_state import DesiredState
from vpo.policy.field_types import Languages
from vpo.policy.title_words import KNOWN_WORDS, Patterns, TitlePatterns

_RATED = ("video", "audio")


class Model(BaseModel):
    """A mapping in a policy: frozen, and an unknown key is an error."""

    # Built with the policy that is read: building each class at import takes 0.2 s of every start.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _typed_as_written(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse conversions: ``yes``, ``"true"`` and ``1`` are not booleans, text is not a number.

        Fields with a validator of their own are exempt.
        """
        field = cls.model_fields[info.field_name or ""]
        if any(isinstance(item, BeforeValidator) for item in field.metadata):
            return value
        kind = _without_none(field.annotation)
        if value is None and kind is not field.annotation:
            return value
        if kind is bool and not isinstance(value, bool):
            raise PydanticKnownError("bool_type")
        if kind in (int, float) and isinstance(value, (bool, str)):
            raise PydanticKnownError("int_type" if kind is int else "float_type")
        return value

    def given(self) -> Iterator[tuple[str, Any]]:
        """Yield the keys that have a value, spelled as in a policy, each with its value."""
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) is not None:
                yield field.alias or name, value

    def models(self) -> Iterator[Model]:
        """Yield the mappings in this one, and those in them."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Model):
                    yield item
                    yield from item.models()

    @property
    def needs_metadata(self) -> bool:
        """Whether it uses metadata from plugins itself."""
        return False

    @property
    def needs_bit_rate(self) -> bool:
        """Whether it compares the bit rates of tracks itself."""
        return False

    @property
    def ages(self) -> tuple[float, ...]:
        """The ages with which it compares that of the file itself, in seconds."""
        return ()

    @classmethod
    def known(cls) -> str:
        """Return all keys, spelled as in a policy, for messages."""
        return ", ".join(field.alias or name for name, field in cls.model_fields.items())


def unrated(media: MediaFile) -> Iterator[int]:
    """Yield the video and audio tracks whose bit rate is not known, by stream index."""
    yield from (t.index for t in media.tracks if t.bit_rate is None and t.type in _RATED)


def _without_none(annotation: Any) -> Any:
    """Return ``int`` for ``int | None``."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0] if len(kinds) == 1 and NoneType in get_args(annotation) else annotation


class Filled(Model):
    """A mapping with at least one key; ``noun`` is what a key is called in messages."""

    noun: ClassVar[str] = "condition"

    @model_validator(mode="after")
    def _not_empty(self) -> Filled:
        if next(self.given(), None) is None:
            raise ValueError(f"no {self.noun} is set; known: {self.known()}")
        return self


class Choice(Model):
    """A mapping with exactly one key.

    In messages, ``noun`` is what a key is called, and ``several`` what to do with more than one.
    """

    noun: ClassVar[str] = "condition"
    several: ClassVar[str] = "put them into a list: `and: [...]`, or `or: [...]`"

    @model_validator(mode="after")
    def _one(self) -> Choice:
        stated = [name for name, _ in self.given()]
        if not stated:
            raise ValueError(f"no {self.noun} is set; known: {self.known()}")
        if len(stated) > 1:
            names = " and ".join(f"`{name}`" for name in stated)
            raise ValueError(f"{names} cannot be in one mapping; {self.several}")
        return self

    @cached_property
    def stated(self) -> tuple[str, Any]:
        """The key that is set, as a policy writes it, and its value."""
        return next(self.given())


class OneValue(Model):
    """A model with one field, whose value stands alone in the policy, without its name."""

    @model_validator(mode="before")
    @classmethod
    def _from_value(cls, data: Any) -> Any:
        return dict.fromkeys(cls.model_fields, data)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner: JsonSchemaValue
        (inner,) = handler.resolve_ref_schema(handler(schema))["properties"].values()
        return inner


def _title_patterns(what: str) -> Any:
    return Field(
        default=(KNOWN_WORDS,),
        description=(
            f"Regular expressions, case-insensitive: a track without a flag that says more is "
            f"{what} if its title matches one. `{KNOWN_WORDS}` stands for the words that vpo knows."
        ),
    )


class PolicyConfig(Model):
    """The ``config`` mapping of a policy: settings shared by all phases."""

    audio_languages: Languages = Field(
        default=("eng", "und"), description="Preferred audio languages, best first."
    )
    subtitle_languages: Languages = Field(
        default=("eng", "und"), description="Preferred subtitle languages, best first."
    )
    commentary_patterns: Patterns = _title_patterns("commentary")
    descriptive_patterns: Patterns = _title_patterns("audio description")
    music_patterns: Patterns = _title_patterns("music only")
    sfx_patterns: Patterns = _title_patterns("sound effects only")
    non_speech_patterns: Patterns = _title_patterns("audio without speech")
    sdh_patterns: Patterns = _title_patterns("subtitles for the hard of hearing")
    signs_patterns: Patterns = _title_patterns("subtitles of signs and songs")
    forced_patterns: Patterns = _title_patterns("forced subtitles")
    on_error: OnError = Field(
        default="continue",
        description=(
            "What to do on error: apply the other phases (`continue`), leave the file unchanged "
            "(`skip`), or stop the batch (`fail`)."
        ),
    )

    _understood: tuple[str, ...] = PrivateAttr(())

    @cached_property
    def title_patterns(self) -> TitlePatterns:
        """The kinds of tracks that titles can say, each with its patterns."""
        ending = "_patterns"
        names = [name for name in type(self).model_fields if name.endswith(ending)]
        return TitlePatterns({name.removesuffix(ending): getattr(self, name) for name in names})

    @property
    def names_original(self) -> bool:
        """Whether a list of languages names the original language of the work."""
        return ORIGINAL in (*self.audio_languages, *self.subtitle_languages)

    def with_original(self, language: str | None) -> PolicyConfig:
        """Return the settings with the original language in place of its name.

        Where it is not known, the lists are without it.
        """
        if not self.names_original:
            return self
        lists = {
            name: replaced_original(getattr(self, name), language)
            for name in ("audio_languages", "subtitle_languages")
        }
        config = self.model_copy(update=lists)
        config._understood = replaced_original(self.audio_languages, None)
        return config

    @property
    def understood_languages(self) -> tuple[str, ...]:
        """The languages of audio that need no subtitles: those that are named themselves.

        Who wants the original language first does not understand every one.
        """
        return self._understood or self.audio_languages


@dataclass(frozen=True, slots=True)
class Note:
    """One line of ``vpo policy explain``: what an operation decides about a file, and why.

    ``path`` leads from the operation's key to the key that decides; ``true`` is the outcome of a
    condition; ``depth`` is the indentation below another note; ``track`` is the stream index of a
    track whose change the note explains completely.
    """

    text: str
    path: tuple[str | int, ...] = ()
    true: bool | None = None
    depth: int = 0
    track: int | None = None


class Operation(Model):
    """One key of a phase.

    ``key`` is its name in the policy, ``step`` its position in the fixed order inside a phase.
    """

    key: ClassVar[str]
    step: ClassVar[int]
    sees_all_made: ClassVar[bool] = False
    """Whether ``DesiredState.made`` are the tracks of earlier operations, too."""

    @property
    def uses_metadata(self) -> bool:
        """Whether ``apply`` uses metadata from plugins (``DesiredState.external.metadata``)."""
        return any(item.needs_metadata for item in self.models())

    @property
    def run_warnings(self) -> tuple[str, ...]:
        """Warnings to show once a run, whatever the files are."""
        return ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it will fail, or never do anything, whatever the files are; for the check."""
        return ()

    def metadata_names(self) -> Iterator[tuple[str | None, str]]:
        """Yield the metadata that the policy names: plugin (``None``: any) and field."""
        yield from ()

    @property
    def reads_frames(self) -> bool:
        """Whether it needs the HDR metadata of the first video frames (``Track.hdr``)."""
        return False

    @property
    def crops(self) -> bool:
        """Whether it needs to know where black bars are (``Track.picture``)."""
        return False

    @property
    def detelecines(self) -> bool:
        """Whether it needs to know which videos are telecined film (``Track.telecined``)."""
        return False

    @property
    def uses_sidecars(self) -> bool:
        """Whether it depends on the subtitle files beside the film (``ExternalFacts.sidecars``)."""
        return False

    @property
    def finds_captions(self) -> bool:
        """Whether it needs to know which videos have captions (``Track.captions``)."""
        return False

    def unknown_bit_rates(self, media: MediaFile, encoded: bool) -> Iterator[int]:  # noqa: ARG002
        """Yield the tracks whose unknown bit rate decides something, by stream index.

        ``encoded``: see ``ExternalFacts``.
        """
        if any(item.needs_bit_rate for item in self.models()):
            yield from unrated(media)

    @property
    def video_encode_settings(self) -> str:
        """The settings by which the operation encodes video, as text; empty if it does not."""
        return ""

    def made_tracks(
        self,
        state: DesiredState,  # noqa: ARG002
        config: PolicyConfig,  # noqa: ARG002
    ) -> frozenset[int]:
        """Return the tracks that this operation would add if they were not there."""
        return frozenset()

    def steps(self) -> Iterator[Operation]:
        """Yield the steps of the operation: itself, unless it has several."""
        yield self

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        """Return the state with the changes of this operation.

        Raises ``PlanError`` if this file does not allow them.
        """
        raise NotImplementedError

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        """Yield the decisions on this state, and their reasons, beyond the changes themselves."""
        yield from ()


class TrackRemoval(Operation):
    """An operation that removes tracks or attachments, unless a rule of the phase skips that."""

    def apply(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        return state if "track_filter" in state.skips else self.filtered(state, config)

    def explain(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:
        if "track_filter" in state.skips:
            yield Note("skipped: a rule of this phase says skip_track_filter")
        else:
            yield from self.decisions(state, config)

    def filtered(self, state: DesiredState, config: PolicyConfig) -> DesiredState:
        """Return the state without what the operation removes."""
        raise NotImplementedError

    def decisions(self, state: DesiredState, config: PolicyConfig) -> Iterator[Note]:  # noqa: ARG002
        """Yield why each track is kept or removed."""
        yield from ()
