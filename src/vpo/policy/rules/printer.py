"""A condition as an expression, which reads back as the same condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vpo.policy.operation import Model
from vpo.policy.rules.comparisons import OPERATORS, Comparison
from vpo.policy.rules.tokens import quoted, written
from vpo.policy.rules.track_selection import FILTERS, Count, Exists, Selection
from vpo.policy.rules.when import (
    ContainerMetadata,
    MultiLanguage,
    Origin,
    PluginMetadata,
    When,
)


def expression(when: When) -> str:
    """The condition in one line."""
    key, value = when.stated
    if key in ("and", "or"):
        return f" {key} ".join(_operand(item, key) for item in value)
    if key == "not":
        return f"not {_operand(value, key)}"
    return _PRINTED[key](value)


def _operand(when: When, outside: str) -> str:
    """In parentheses where it would else be read otherwise."""
    loose = {"not": ("and", "or"), "and": ("and", "or"), "or": ("or",)}[outside]
    text = expression(when)
    return f"({text})" if when.stated[0] in loose else text


def described(model: Model) -> str:
    """A mapping of the policy in one line, as far as it says something."""
    parts: list[str] = []
    for name, value in model.given():
        if isinstance(value, Comparison):
            parts += _compared(name, value)
        elif isinstance(value, Model):
            parts.append(f"{name} {described(value)}")
        else:
            parts.append(f"{name} {str(value).lower() if isinstance(value, bool) else value}")
    return ", ".join(parts)


def _selected(selection: Selection) -> str:
    parts: list[str] = [selection.track_type]
    for name in FILTERS:
        value = getattr(selection, name)
        if isinstance(value, Comparison):
            parts += _compared(name, value)
        elif value is not None:
            parts.append(name if value else f"not {name}")
    return ", ".join(parts)


def _compared(name: str, comparison: Comparison) -> Iterator[str]:
    for key, value in comparison.parts:
        if key == "regex":
            yield f"{name} == regex({quoted(value)})"
        else:
            yield _comparison(name, "eq" if key == "contains" else key, value)


def _comparison(subject: str, key: str, value: Any) -> str:
    if not isinstance(value, tuple):
        return f"{subject} {OPERATORS[key]} {written(value)}"
    if len(value) == 1:
        return f"{subject} {OPERATORS[key]} {written(value[0])}"
    return f"{subject} {'not in' if key == 'neq' else 'in'} [{', '.join(map(written, value))}]"


def _exists(exists: Exists) -> str:
    return f"exists({_selected(exists)})"


def _count(count: Count) -> str:
    ((key, value),) = count.parts
    return _comparison(f"count({_selected(count)})", key, value)


def _metadata(metadata: ContainerMetadata) -> str:
    names = [metadata.field]
    if isinstance(metadata, PluginMetadata):
        names = [*filter(None, [metadata.plugin]), metadata.field]
    function = "plugin" if isinstance(metadata, PluginMetadata) else "container_meta"
    subject = f"{function}({', '.join(map(written, names))})"
    if metadata.operator == "exists":
        return subject
    if metadata.operator == "contains":
        value = metadata.values[0]
        return f"{quoted(value) if isinstance(value, str) else written(value)} in {subject}"
    return _comparison(subject, metadata.operator, metadata.values)


def _origin(name: str) -> Callable[[Origin], str]:
    def printed(origin: Origin) -> str:
        parts = [] if origin.value else ["value == false"]
        if origin.min_confidence:
            parts.append(f"min_confidence == {written(origin.min_confidence)}")
        if origin.language is not None:
            parts += _compared("language", origin.language)
        return f"{name}({', '.join(parts)})"

    return printed


def _multi_language(asked: MultiLanguage) -> str:
    parts = (f"{name} == {written(value)}" for name, value in asked.given())
    return f"multi_language({', '.join(parts)})"


_PRINTED: dict[str, Callable[[Any], str]] = {
    "exists": _exists,
    "count": _count,
    "plugin_metadata": _metadata,
    "container_metadata": _metadata,
    "is_original": _origin("is_original"),
    "is_dubbed": _origin("is_dubbed"),
    "audio_is_multi_language": _multi_language,
}
