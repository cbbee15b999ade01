"""Policies in the current version of the schema, merged with those that they extend.

Works on plain data. Each part remembers in which file it is written, for errors and explanations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vpo.errors import PolicyError, Position
from vpo.policy.document import FullPhase, Policy
from vpo.policy.migration import (
    CURRENT_VERSION,
    OLD_PHASE_KEYS,
    OLDEST_VERSION,
    Migration,
    migrate_data,
)
from vpo.policy.policy_text import PolicyText
from vpo.policy.problems import policy_error
from vpo.policy.yaml_source import KeyPath, YamlSource, parse_yaml
from vpo.text import suggestion


class CurrentText(NamedTuple):
    """A parsed policy file, and its data in the current version of the schema."""

    source: YamlSource
    migration: Migration

    @classmethod
    def of(cls, text: str, name: str) -> CurrentText:
        """Parse a text and migrate it. Raises ``PolicyError``."""
        source = parse_yaml(text, name)
        _check_version(source)
        _check_phases(source)
        migration = migrate_data(source.data)
        if migration.conflicts:
            raise policy_error(
                [
                    (
                        source.position(path, key=True),
                        f"`{path[-1]}` is the old name of `{new}`, which is also set; remove one",
                    )
                    for path, new in migration.conflicts
                ]
            )
        return cls(source, migration)

    @property
    def is_current(self) -> bool:
        """Whether the text is in the current version, with no key of an older one."""
        version = self.source.data["schema_version"]
        return version == CURRENT_VERSION and not self.migration.old_keys

    @property
    def warning(self) -> str | None:
        """What to say of keys of older versions in a text that says that it is current."""
        if self.source.data["schema_version"] != CURRENT_VERSION or self.is_current:
            return None
        keys = ", ".join(f"`{key}`" for key in self.migration.old_keys)
        name = self.source.name
        return f"{name}: is version {CURRENT_VERSION} but has keys of older versions: {keys}"


class _Origin(NamedTuple):
    """Where something is written: a path in the current form of a file."""

    text: CurrentText
    path: KeyPath

    @property
    def written(self) -> KeyPath:
        return self.text.migration.origin(self.path)

    def position(self) -> Position:
        return self.text.source.position(self.written)


class MergedPolicy:
    """The data of a policy and those that it extends, with the position of each part."""

    noun = "policy"

    def __init__(self, data: dict[str, Any], origins: dict[KeyPath, _Origin]) -> None:
        self.data = data
        self._origins = origins

    @classmethod
    def of(cls, text: PolicyText) -> MergedPolicy:
        """Merge a policy with those that it extends. Raises ``PolicyError``."""
        own = CurrentText.of(text.text, text.name)
        base = cls.of(text.base) if text.base is not None else cls({}, {})
        return _Merge(base, own).result()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to say of the texts, each once."""
        texts = {id(origin.text): origin.text for origin in self._origins.values()}
        return tuple(text.warning for text in texts.values() if text.warning)

    def position(self, path: KeyPath, key: bool = False) -> Position:
        """See ``YamlSource``."""
        origin = self.origin(path)
        return origin.text.source.position(origin.written, key)

    def inside(self, path: KeyPath, offset: int) -> Position:
        """See ``YamlSource``."""
        origin = self.origin(path)
        return origin.text.source.inside(origin.written, offset)

    def existing(self, path: KeyPath) -> KeyPath:
        """See ``YamlSource``."""
        origin = self.origin(path)
        return origin.text.source.existing(origin.written)

    def origin(self, path: KeyPath) -> _Origin:
        """Return where the part at a path is written, or would be if it were there."""
        length = next(n for n in range(len(path), -1, -1) if path[:n] in self._origins)
        text, start = self._origins[path[:length]]
        return _Origin(text, (*start, *path[length:]))

    def parts(self, under: KeyPath) -> dict[KeyPath, _Origin]:
        """Return the origins of what is at a path or below."""
        length = len(under)
        return {path: found for path, found in self._origins.items() if path[:length] == under}


class _Merge:
    """The merging of one text into its base."""

    def __init__(self, base: MergedPolicy, own: CurrentText) -> None:
        self._base, self._own = base, own
        self._data: dict[str, Any] = {**base.data}
        self._origins: dict[KeyPath, _Origin] = {**base.parts(()), (): _Origin(own, ())}

    def result(self) -> MergedPolicy:
        for key, value in self._own.migration.data.items():
            if key == "extends":
                continue
            earlier = self._base.data.get(key)
            if key == "config" and isinstance(value, dict) and isinstance(earlier, dict):
                self._data[key] = {**earlier, **value}
                for inner in value:
                    self._take((key, inner), (key, inner))
            elif key == "phases" and isinstance(value, list):
                self._phases(value, earlier if isinstance(earlier, list) else [])
            else:
                self._data[key] = value
                self._take((key,), (key,))
        return MergedPolicy(self._data, self._origins)

    def _take(self, path: KeyPath, source: KeyPath) -> None:
        """Note that what is at a path comes from this text."""
        for inner in [known for known in self._origins if known[: len(path)] == path]:
            del self._origins[inner]
        self._origins[path] = _Origin(self._own, source)

    def _phases(self, own: list[Any], earlier: list[Any]) -> None:
        """Replace phases of the base by those with the same name, add to them, add others."""
        phases = list(earlier)
        numbers = {_name(phase): number for number, phase in enumerate(earlier)}
        numbers.pop(None, None)
        self._data["phases"] = phases
        if not earlier:
            self._take(("phases",), ("phases",))
        for position, phase in enumerate(own):
            number = numbers.pop(_name(phase), None)  # a second one of that name is an error later
            source: KeyPath = ("phases", position)
            phase, adds = _without_append(phase)
            if adds:
                self._require_base(number, source, _name(phase), earlier)
            if adds and number is not None:
                phases[number] = self._added(phases[number], phase, number, source)
                continue
            at = len(phases) if number is None else number
            phases[at : at + 1] = [phase]
            self._take(("phases", at), source)

    def _require_base(
        self, number: int | None, source: KeyPath, name: str | None, earlier: list[Any]
    ) -> None:
        if number is not None:
            return
        names = [found for found in map(_name, earlier) if found]
        problem = f"there is no phase `{name}` to append to{suggestion(name, names)}"
        if not names:
            problem = "`append` needs a policy that this one extends, with a phase of that name"
        raise PolicyError(problem, _Origin(self._own, (*source, "append")).position())

    def _added(
        self, before: Mapping[str, Any], phase: Mapping[str, Any], number: int, source: KeyPath
    ) -> dict[str, Any]:
        """Return a phase of the base with what the phase of this text adds to it."""
        found = dict(before)
        for key, value in phase.items():
            at: KeyPath = ("phases", number, key)
            if key == "rules" and (rules := self._rules(before.get(key), value, at, source)):
                found[key] = rules
            else:
                found[key] = value
                self._take(at, (*source, key))
        return found

    def _rules(
        self, before: Any, added: Any, at: KeyPath, source: KeyPath
    ) -> dict[str, Any] | None:
        """Return the rules of the base, then those of this text; ``None`` if not both have some."""
        first, then = _items(before), _items(added)
        if first is None or then is None:
            return None
        match = added.get("match", before.get("match"))
        if match != before.get("match"):
            problem = f"the rules that these are appended to have `match: {before.get('match')}`"
            if "match" not in before:
                problem = "the rules that these are appended to have no `match`"
            path = (*source, "rules", "match")
            raise PolicyError(f"{problem}; leave it out", _Origin(self._own, path).position())
        for number in range(len(then)):
            place = (*at, "items", len(first) + number)
            self._origins[place] = _Origin(self._own, (*source, "rules", "items", number))
        for key in set(added) - {"items", "match"}:
            self._take((*at, key), (*source, "rules", key))
        return {**before, **added, "items": [*first, *then]}


def _name(phase: Any) -> str | None:
    name = phase.get("name") if isinstance(phase, dict) else None
    return name if isinstance(name, str) else None


def _without_append(phase: Any) -> tuple[Any, bool]:
    """Return a phase without the key ``append``, and whether that was true."""
    if not isinstance(phase, dict) or not isinstance(phase.get("append"), bool):
        return phase, False
    return {key: value for key, value in phase.items() if key != "append"}, phase["append"]


def _items(rules: Any) -> list[Any] | None:
    items = rules.get("items") if isinstance(rules, dict) else None
    return items if isinstance(items, list) else None


def _check_version(source: YamlSource) -> None:
    """Refuse a policy without a schema version that this vpo can read."""
    if not isinstance(source.data, dict):
        raise PolicyError("a policy must be a mapping", source.position(()))
    if "schema_version" not in source.data:
        near = next((key for key in source.data if "version" in key), None)
        problem = "`schema_version` is missing"
        if near is not None:
            problem = f"unknown key `{near}`; did you mean `schema_version`?"
        raise PolicyError(problem, source.position((near,) if near else (), key=True))
    version, position = source.data["schema_version"], source.position(("schema_version",))
    if isinstance(version, bool) or not isinstance(version, int):
        raise PolicyError(f"`schema_version` must be a number, like {CURRENT_VERSION}", position)
    if version > CURRENT_VERSION:
        problem = (
            f"schema version {version} is newer than this vpo, which reads up to {CURRENT_VERSION}"
        )
        raise PolicyError(problem, position)
    if version < OLDEST_VERSION:
        supported = f"{OLDEST_VERSION} to {CURRENT_VERSION}"
        problem = f"schema version {version} is too old; this vpo reads {supported}"
        raise PolicyError(problem, position)


def _check_phases(source: YamlSource) -> None:
    """Refuse a policy whose operations are not in phases."""
    operations = {*FullPhase.model_fields, *OLD_PHASE_KEYS}
    flat = [key for key in source.data if key in operations and key not in Policy.model_fields]
    if flat and "phases" not in source.data:
        keys = ", ".join(f"`{key}`" for key in flat)
        problem = f"put the keys under `phases`, in a phase with a `name`: {keys}"
        raise PolicyError(problem, source.position((flat[0],), key=True))
