"""Conditions printed as expressions, which parse to the same condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from vpo.media import units
from vpo.policy.comparisons import OPERATORS, BitRateComparison, Comparison
from vpo.policy.operation import Model
from vpo.policy.rules.expression import FILE_FACTS
from vpo.policy.rules.tokens import format_value, quote
from vpo.policy.rules.track_selection import CountCondition, ExistsCondition, TrackSelection
from vpo.policy.rules.when import (
    ContainerMetadataCondition,
    MultiLanguageCondition,
    OriginCondition,
    PluginMetadataCondition,
    When,
)
from vpo.policy.track_filter import TrackFilter


def format_condition(when: When) -> str:
    """Return the condition as an expression."""
    key, value = when.stated
    if key in ("and", "or"):
        return f" {key} ".join(_operand(item, key) for item in value)
    if key == "not":
        return f"not {_operand(value, key)}"
    return _PRINTED[key](value)


def _operand(when: When, outside: str) -> str:
    """Return an operand, in parentheses if precedence requires them."""
    loose = {"not": ("and", "or"), "and": ("and", "or"), "or": ("or",)}[outside]
    text = format_condition(when)
    return f"({text})" if when.stated[0] in loose else text


def format_model(model: Model) -> str:
    """Return the keys of a mapping that are set, in one line."""
    parts: list[str] = []
    for name, value in sorted(model.given(), key=lambda item: item[0] != "track_type"):
        if isinstance(value, Comparison):
            parts += _compared(name, value)
        elif isinstance(value, Model):
            parts.append(f"{name} {format_model(value)}")
        else:
            parts.append(f"{name} {str(value).lower() if isinstance(value, bool) else value}")
    return ", ".join(parts)


def _selected(selection: TrackSelection) -> str:
    return ", ".join([selection.track_type, *_filters(selection)])


def _filters(found: TrackFilter) -> Iterator[str]:
    for name, value in found.filters:
        if isinstance(value, Comparison):
            yield from _compared(name, value)
        elif isinstance(value, TrackFilter):
            yield f"not ({', '.join(_filters(value))})"
        else:
            yield name if value else f"not {name}"


def _compared(name: str, comparison: Comparison) -> Iterator[str]:
    for key, value in comparison.parts:
        if key == "regex":
            yield f"{name} == regex({quote(value)})"
        elif isinstance(comparison, BitRateComparison):
            yield _rate(name, key, value)
        elif key == "word":
            words = ", ".join(map(format_value, value))
            yield f"{name} == word({words})"
        else:
            yield _comparison(name, "eq" if key == "contains" else key, value)


def _file_fact(name: str, comparison: Comparison) -> str:
    ((key, value),) = comparison.parts
    if name == "age":
        return f"{name} {OPERATORS[key]} {units.format_duration(value)}"
    if key in ("contains", "glob"):
        return f"{name} == {key}({', '.join(map(quote, value))})"
    return next(iter(_compared(name, comparison)))


def _rate(name: str, key: str, value: Any) -> str:
    """Return a comparison of a bit rate; a bare number would be taken for a slip if it is low."""
    several = value if isinstance(value, tuple) else (value,)
    rates = [f"{rate // 1000}k" if rate % 1000 == 0 else quote(f"{rate} bps") for rate in several]
    if len(rates) == 1:
        return f"{name} {OPERATORS[key]} {rates[0]}"
    return f"{name} {'not in' if key == 'neq' else 'in'} [{', '.join(rates)}]"


def _comparison(subject: str, key: str, value: Any) -> str:
    if not isinstance(value, tuple):
        return f"{subject} {OPERATORS[key]} {format_value(value)}"
    if len(value) == 1:
        return f"{subject} {OPERATORS[key]} {format_value(value[0])}"
    return f"{subject} {'not in' if key == 'neq' else 'in'} [{', '.join(map(format_value, value))}]"


def _exists(exists: ExistsCondition) -> str:
    return f"exists({_selected(exists)})"


def _count(count: CountCondition) -> str:
    ((key, value),) = count.parts
    return _comparison(f"count({_selected(count)})", key, value)


def _metadata(metadata: ContainerMetadataCondition) -> str:
    names = [metadata.field]
    if isinstance(metadata, PluginMetadataCondition):
        names = [*filter(None, [metadata.plugin]), metadata.field]
    function = "plugin" if isinstance(metadata, PluginMetadataCondition) else "container_meta"
    subject = f"{function}({', '.join(map(format_value, names))})"
    if metadata.operator == "exists":
        return subject
    if metadata.operator == "contains":
        value = metadata.values[0]
        return f"{quote(value) if isinstance(value, str) else format_value(value)} in {subject}"
    return _comparison(subject, metadata.operator, metadata.values)


def _origin(name: str, origin: OriginCondition) -> str:
    parts = [] if origin.value else ["value == false"]
    if origin.min_confidence:
        parts.append(f"min_confidence == {format_value(origin.min_confidence)}")
    if origin.language is not None:
        parts += _compared("language", origin.language)
    return f"{name}({', '.join(parts)})"


def _multi_language(asked: MultiLanguageCondition) -> str:
    parts = (f"{name} == {format_value(value)}" for name, value in asked.given())
    return f"multi_language({', '.join(parts)})"


_PRINTED: dict[str, Callable[[Any], str]] = {
    "exists": _exists,
    "count": _count,
    "plugin_metadata": _metadata,
    "container_metadata": _metadata,
    "is_original": partial(_origin, "is_original"),
    "is_dubbed": partial(_origin, "is_dubbed"),
    "audio_is_multi_language": _multi_language,
    **{name: partial(_file_fact, name) for name in FILE_FACTS},
}
