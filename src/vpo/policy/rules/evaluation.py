"""Whether a condition holds for a file as it is at that point, and how that came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vpo.media.languages import same
from vpo.media.model import MediaFile
from vpo.policy.desired_state import Known, Value
from vpo.policy.external_facts import field
from vpo.policy.operation import PolicyConfig
from vpo.policy.original_audio import dubs, originals
from vpo.policy.rules.comparisons import fulfils
from vpo.policy.rules.printer import expression
from vpo.policy.rules.track_selection import Count, Exists, Item, Selection
from vpo.policy.rules.when import ContainerMetadata, MultiLanguage, Origin, PluginMetadata, When

NO_ANALYSIS = "audio_is_multi_language is taken as false: there is no language analysis"


@dataclass(frozen=True)
class Scene:
    """What conditions look at."""

    media: MediaFile
    known: Known
    config: PolicyConfig

    @cached_property
    def items(self) -> Mapping[str, tuple[Item, ...]]:
        """Tracks and attachments by type, in order."""
        found: dict[str, tuple[Item, ...]] = {
            kind: self.media.of(kind) for kind in ("video", "audio", "subtitle")
        }
        return {**found, "attachment": self.media.attachments}


def holds(when: When, scene: Scene) -> bool:
    """Whether the condition is true. What is not known about a file fulfils no comparison."""
    key, value = when.stated
    return _HOLDS[key](value, scene)


def _exists(selection: Exists, scene: Scene) -> bool:
    return any(
        selection.failed(item, scene.config) is None for item in scene.items[selection.track_type]
    )


def _count(selection: Count, scene: Scene) -> bool:
    return selection.holds(len(_passing(selection, scene)))


def _passing(selection: Selection, scene: Scene) -> list[Item]:
    items = scene.items[selection.track_type]
    return [item for item in items if selection.failed(item, scene.config) is None]


def _plugin_metadata(asked: PluginMetadata, scene: Scene) -> bool:
    found = _from_plugins(asked, scene)
    return found is not None and _compares(asked, found)


def _from_plugins(asked: PluginMetadata, scene: Scene) -> Value | None:
    """The field of the source that is named, else of the first that has it."""
    return field(scene.known, asked.field, asked.plugin)


def _container_metadata(asked: ContainerMetadata, scene: Scene) -> bool:
    found = dict(scene.media.tags).get(asked.field.lower())
    return found is not None and _compares(asked, found)


def _compares(asked: ContainerMetadata, found: Value) -> bool:
    if asked.operator == "exists":
        return True
    if asked.operator in ("eq", "neq"):
        equal = any(_equal(asked.field, found, value) for value in asked.values)
        return equal == (asked.operator == "eq")
    wanted = asked.values[0]
    if asked.operator == "contains":
        return str(wanted).casefold() in str(found).casefold()
    pair = _comparable(found, wanted)
    return pair is not None and fulfils(pair[0], ((asked.operator, pair[1]),))


def _equal(field: str, found: Value, wanted: Value) -> bool:
    """Languages are compared as languages, texts without regard to capitals."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return _plain(found) == _plain(wanted)
    if "language" in field.lower() and isinstance(found, str) and isinstance(wanted, str):
        return same(found, wanted)
    pair = _comparable(found, wanted)
    return pair is not None and pair[0] == pair[1]


def _plain(value: Value) -> str:
    return str(value).casefold()


def _comparable(found: Value, wanted: Value) -> tuple[Any, Any] | None:
    """Both as numbers where both are, or both as text; ``None`` where they are neither."""
    numbers = _number(found), _number(wanted)
    if None not in numbers:
        return numbers
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold(), wanted.casefold()
    return None


def _number(value: Value) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _original(asked: Origin, scene: Scene) -> bool:
    return _of_origin(asked, originals(scene.media, scene.known, scene.config))


def _dubbed(asked: Origin, scene: Scene) -> bool:
    return _of_origin(asked, dubs(scene.media, scene.known, scene.config))


def _of_origin(asked: Origin, tracks: tuple[Any, ...] | None) -> bool:
    """Flags and metadata are certain, so that every ``min_confidence`` is reached."""
    if tracks is None:
        return False
    language = asked.language
    found = any(language is None or language.holds(track.language) for track in tracks)
    return found == asked.value


def _multi_language(asked: MultiLanguage, scene: Scene) -> bool:  # noqa: ARG001
    """There is no analysis of what is spoken in this version."""
    return False


_HOLDS: dict[str, Callable[[Any, Scene], bool]] = {
    "exists": _exists,
    "count": _count,
    "and": lambda items, scene: all(holds(item, scene) for item in items),
    "or": lambda items, scene: any(holds(item, scene) for item in items),
    "not": lambda item, scene: not holds(item, scene),
    "plugin_metadata": _plugin_metadata,
    "container_metadata": _container_metadata,
    "is_original": _original,
    "is_dubbed": _dubbed,
    "audio_is_multi_language": _multi_language,
}


@dataclass(frozen=True)
class Finding:
    """One part of a condition: what it says, whether it is true, and what it rests on.

    ``depth`` is how deep in ``and``, ``or`` and ``not`` it stands.
    """

    text: str
    true: bool
    depth: int = 0
    details: tuple[str, ...] = ()


def findings(when: When, scene: Scene, depth: int = 0) -> Iterator[Finding]:
    """The condition and its parts, each with its outcome; all of them, needed or not."""
    key, value = when.stated
    parts = value if key in ("and", "or") else (value,) if key == "not" else ()
    details = tuple(_details(key, value, scene)) if not parts else ()
    text = f"{key} of {len(parts)}" if len(parts) > 1 and depth else expression(when)
    yield Finding(text, holds(when, scene), depth, details)
    for part in parts:
        yield from findings(part, scene, depth + 1)


def _details(key: str, value: Any, scene: Scene) -> Iterator[str]:
    """For people: which tracks pass, and which filter stops the others."""
    if isinstance(value, Selection):
        for item in scene.items[value.track_type]:
            failed = value.failed(item, scene.config)
            yield f"{item}: {'passes' if failed is None else f'{failed} does not fit'}"
        if not scene.items[value.track_type]:
            yield f"there is no {value.track_type}"
    elif isinstance(value, PluginMetadata):
        yield f"{value.field} is {_shown(_from_plugins(value, scene))}"
    elif isinstance(value, ContainerMetadata):
        yield f"{value.field} is {_shown(dict(scene.media.tags).get(value.field.lower()))}"
    elif isinstance(value, Origin):
        find = originals if key == "is_original" else dubs
        tracks = find(scene.media, scene.known, scene.config)
        named = ", ".join(map(str, tracks or ())) or "no track"
        yield "not known" if tracks is None else f"{key[3:]}: {named}"
    else:
        yield "there is no language analysis"


def _shown(value: Value | None) -> str:
    return "not known" if value is None else repr(value)
