"""Preference among tracks: filters in order, and the most or fewest of something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from vpo.media.codecs import matches
from vpo.media.languages import rank, replaced_original
from vpo.media.model import Track
from vpo.policy.comparisons import BitRateComparison, NumberComparison
from vpo.policy.condition_context import ConditionContext
from vpo.policy.track_filter import TrackFilter

CHANNEL_NAMES = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}
Extreme = Literal["max", "min"]


def number_of_channels(value: Any) -> Any:
    """Return the number of channels for a name such as 5.1, which YAML reads as a number."""
    if isinstance(value, bool | dict | list):
        return value
    return CHANNEL_NAMES.get(str(value).strip().lower(), value)


def _extreme(value: Any) -> Any:
    return next(iter(value)) if value in ({"max": True}, {"min": True}) else value


def _channels(value: Any) -> Any:
    return number_of_channels(_extreme(value))


class Criterion(TrackFilter):
    """What makes a track better: of several languages or codecs, the first is best.

    Several keys are compared in the order of the filter's keys.
    """

    noun = "criterion"

    channels: Annotated[Extreme | NumberComparison, BeforeValidator(_channels)] | None = Field(  # type: ignore[assignment]
        default=None, description="Prefer the most (`max`), the fewest (`min`) or these channels."
    )
    bitrate: Annotated[Extreme | BitRateComparison, BeforeValidator(_extreme)] | None = Field(  # type: ignore[assignment]
        default=None,
        description="Prefer the highest bit rate (`max`), the lowest (`min`), or one of this size.",
    )

    def contradicted(self, track: Track, context: ConditionContext) -> bool:
        """Return whether a track is in another language, or commentary where none is wanted."""
        wanted = _languages(self, context)
        if wanted and rank(track.language, wanted) is None:
            return True
        return self.commentary is not None and self.failed_key("commentary", track, context)

    def rank(self, track: Track, context: ConditionContext) -> Iterator[int]:
        """Yield the rank by each key; lower is better."""
        for name, value in self.filters:
            if value in ("max", "min"):
                amount = (track.channels if name == "channels" else track.bit_rate) or 0
                yield -amount if value == "max" else amount
            elif name == "language" and (wanted := _languages(self, context)):
                yield from rank(track.language, wanted, track.title) or (len(wanted), 0)
            elif name == "codec" and value.eq:
                positions = (n for n, codec in enumerate(value.eq) if matches(track, codec))
                yield next(positions, len(value.eq))
            else:
                yield int(self.failed_key(name, track, context))


def _languages(criterion: TrackFilter, context: ConditionContext) -> tuple[str, ...]:
    """Return the languages that a criterion prefers, best first."""
    language = criterion.language
    if language is None or language.eq is None:
        return ()
    if not language.names_original:
        return language.eq
    return replaced_original(language.eq, context.original_language)


def ranked(
    criteria: Sequence[Criterion], track: Track, context: ConditionContext
) -> tuple[int, ...]:
    """Return the ranks of a track by all criteria, the most important first; lower is better."""
    return tuple(n for criterion in criteria for n in criterion.rank(track, context))
