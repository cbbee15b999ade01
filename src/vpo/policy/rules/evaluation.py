"""Evaluation of conditions on a file, and the explanation of the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vpo.media.languages import same
from vpo.policy.comparisons import satisfies
from vpo.policy.condition_context import ConditionContext
from vpo.policy.external_facts import MetadataValue, metadata_field
from vpo.policy.rules.expression import FILE_FACTS
from vpo.policy.rules.printer import format_condition
from vpo.policy.rules.track_selection import CountCondition, ExistsCondition, TrackSelection
from vpo.policy.rules.when import (
    ContainerMetadataCondition,
    MultiLanguageCondition,
    OriginCondition,
    PluginMetadataCondition,
    When,
)
from vpo.text import format_seconds, format_size, format_time

NO_LANGUAGE_ANALYSIS = "audio_is_multi_language is taken as false: no plugin analyses speech"


def holds(when: When, context: ConditionContext) -> bool:
    """Return whether the condition is true. A comparison with an unknown value is false."""
    key, value = when.stated
    return _HOLDS[key](value, context)


def _all(conditions: Sequence[When], context: ConditionContext) -> bool:
    return all(holds(condition, context) for condition in conditions)


def _any(conditions: Sequence[When], context: ConditionContext) -> bool:
    return any(holds(condition, context) for condition in conditions)


def _not(condition: When, context: ConditionContext) -> bool:
    return not holds(condition, context)


def _exists(selection: ExistsCondition, context: ConditionContext) -> bool:
    return next(selection.passing(context), None) is not None


def _count(selection: CountCondition, context: ConditionContext) -> bool:
    return selection.holds(sum(1 for _ in selection.passing(context)))


def _plugin_metadata(asked: PluginMetadataCondition, context: ConditionContext) -> bool:
    found = _from_plugins(asked, context)
    return found is not None and _compares(asked, found)


def _from_plugins(
    asked: PluginMetadataCondition, context: ConditionContext
) -> MetadataValue | None:
    """Return the field from the named plugin, else from the first that has it."""
    return metadata_field(context.external, asked.field, asked.plugin)


def _container_metadata(asked: ContainerMetadataCondition, context: ConditionContext) -> bool:
    found = dict(context.media.tags).get(asked.field.lower())
    return found is not None and _compares(asked, found)


def _compares(asked: ContainerMetadataCondition, found: MetadataValue) -> bool:
    if asked.operator == "exists":
        return True
    if asked.operator in ("eq", "neq"):
        equal = any(_equal(asked.field, found, value) for value in asked.values)
        return equal == (asked.operator == "eq")
    wanted = asked.values[0]
    if asked.operator == "contains":
        return str(wanted).casefold() in str(found).casefold()
    pair = _comparable(found, wanted)
    return pair is not None and satisfies(pair[0], ((asked.operator, pair[1]),))


def _equal(field: str, found: MetadataValue, wanted: MetadataValue) -> bool:
    """Compare languages as languages, and text case-insensitively."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return _plain(found) == _plain(wanted)
    if "language" in field.lower() and isinstance(found, str) and isinstance(wanted, str):
        return same(found, wanted)
    pair = _comparable(found, wanted)
    return pair is not None and pair[0] == pair[1]


def _plain(value: MetadataValue) -> str:
    return str(value).casefold()


def _comparable(found: MetadataValue, wanted: MetadataValue) -> tuple[Any, Any] | None:
    """Return both as numbers or both as text, to compare; ``None`` if they are neither."""
    numbers = _number(found), _number(wanted)
    if None not in numbers:
        return numbers
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold(), wanted.casefold()
    return None


def _number(value: MetadataValue) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _original(asked: OriginCondition, context: ConditionContext) -> bool:
    return _of_origin(asked, context.original_tracks)


def _dubbed(asked: OriginCondition, context: ConditionContext) -> bool:
    return _of_origin(asked, context.dubbed_tracks)


def _of_origin(asked: OriginCondition, tracks: tuple[Any, ...] | None) -> bool:
    """Evaluate a condition on origin; flags and metadata reach every ``min_confidence``."""
    if tracks is None:
        return False
    language = asked.language
    found = any(language is None or language.holds(track.language) for track in tracks)
    return found == asked.value


def _multi_language(asked: MultiLanguageCondition, context: ConditionContext) -> bool:  # noqa: ARG001
    """Return false: no plugin of this version analyses speech."""
    return False


_HOLDS: dict[str, Callable[[Any, ConditionContext], bool]] = {
    "exists": _exists,
    "count": _count,
    "and": _all,
    "or": _any,
    "not": _not,
    "plugin_metadata": _plugin_metadata,
    "container_metadata": _container_metadata,
    "is_original": _original,
    "is_dubbed": _dubbed,
    "audio_is_multi_language": _multi_language,
    "path": lambda value, context: value.holds(context.media.path),
    "container": lambda value, context: value.holds(context.media.container),
    "file_size": lambda value, context: value.holds(context.media.size),
    "duration": lambda value, context: value.holds(context.media.duration),
    "age": lambda value, context: value.holds(context.age),
}


@dataclass(frozen=True)
class ConditionResult:
    """The result of one part of a condition, with the facts it depends on.

    ``depth`` is how deeply it is nested in ``and``, ``or`` and ``not``.
    """

    text: str
    true: bool
    depth: int = 0
    details: tuple[str, ...] = ()


def condition_results(
    when: When, context: ConditionContext, depth: int = 0
) -> Iterator[ConditionResult]:
    """Yield the results of the condition and of all its parts, even if they do not matter."""
    key, value = when.stated
    parts = value if key in ("and", "or") else (value,) if key == "not" else ()
    details = tuple(_details(key, value, context)) if not parts else ()
    text = f"{key} of {len(parts)}" if len(parts) > 1 and depth else format_condition(when)
    yield ConditionResult(text, holds(when, context), depth, details)
    for part in parts:
        yield from condition_results(part, context, depth + 1)


def _details(key: str, value: Any, context: ConditionContext) -> Iterator[str]:
    """Yield the facts behind a result: which tracks match, and which filter fails for others."""
    if isinstance(value, TrackSelection):
        items = value.candidates(context)
        for item in items:
            failed = value.failed_filter(item, context)
            yield f"{item}: {'matches' if failed is None else f'{failed} does not match'}"
        if not items:
            yield f"there is no {value.track_type}"
    elif isinstance(value, PluginMetadataCondition):
        yield f"{value.field} is {_shown(_from_plugins(value, context))}"
    elif isinstance(value, ContainerMetadataCondition):
        yield f"{value.field} is {_shown(dict(context.media.tags).get(value.field.lower()))}"
    elif isinstance(value, OriginCondition):
        tracks = context.original_tracks if key == "is_original" else context.dubbed_tracks
        named = ", ".join(map(str, tracks or ())) or "no track"
        yield "unknown" if tracks is None else f"{key[3:]}: {named}"
    elif key in FILE_FACTS:
        yield f"{key} is {_file_fact(key, context)}"
    else:
        yield "no plugin analyses speech"


def _file_fact(key: str, context: ConditionContext) -> str:
    media = context.media
    if key == "age":
        return format_seconds(round(context.age)) if context.age is not None else "unknown"
    if key == "file_size":
        return format_size(media.size)
    if key == "duration":
        return format_time(media.duration) if media.duration is not None else "unknown"
    return media.container if key == "container" else media.path


def _shown(value: MetadataValue | None) -> str:
    return "unknown" if value is None else repr(value)
