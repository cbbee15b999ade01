"""Every key of the configuration by section and name, from the annotations of the models."""

from __future__ import annotations

import collections.abc
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from vpo.config.key import Key
from vpo.config.models import Config, ConfiguredLibrary, Seconds, Size
from vpo.config.services import SHIPPED

LIBRARIES = "libraries"
"""The tables that configure the libraries."""
PLUGINS = "plugins"
"""The section whose subsections configure the plugins."""


class Spec(NamedTuple):
    """The definition of one key.

    ``kind`` is its type, without the ``None`` of an optional one; ``section`` is the section's
    name in the file.
    """

    section: str
    name: str
    kind: Any
    default: object
    key: Key

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed values; empty if they are not a fixed set."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def expected(self) -> str:
        """The description of a valid value, for messages and documentation."""
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        if self.key.maximum is not None:
            return f"a whole number from {self.key.minimum} to {self.key.maximum}"
        if self.key.minimum is not None:
            return f"a whole number of at least {self.key.minimum}"
        return _EXPECTED[get_origin(self.kind) or self.kind]


_EXPECTED = MappingProxyType(
    {
        int: "a whole number",
        bool: "true or false",
        str: "a string in quotes",
        Size: 'a size like "10GB" or "700MiB"',
        Seconds: 'a time like "90s" or "1h30m"',
        Path: "a path in quotes",
        tuple: "a list of strings, with at least one",
        collections.abc.Mapping: 'a table like { "/theirs" = "/ours" }',
    }
)


@cache
def specs() -> Mapping[str, Mapping[str, Spec]]:
    """Return every key by section and name, in the order of the models."""
    models = get_type_hints(Config)
    del models[PLUGINS], models[LIBRARIES]
    names = {f"{PLUGINS}.{name}" if name in SHIPPED else name: name for name in models}
    return MappingProxyType({full: _section(full, models[name]) for full, name in names.items()})


@cache
def library_keys() -> Mapping[str, Spec]:
    """Return the keys of a table ``[[libraries]]``; those without a default are required."""
    return _section(f"[{LIBRARIES}]", ConfiguredLibrary)


def spec(name: str) -> Spec:
    """Return the key of a full name, as in ``processing.workers``."""
    section, _, key = name.rpartition(".")
    return specs()[section][key]


def field_of(section: str) -> str:
    """Return the field of ``Config`` that holds a section."""
    return section.removeprefix(f"{PLUGINS}.")


def _section(section: str, model: Any) -> Mapping[str, Spec]:
    hints = get_type_hints(model, include_extras=True)
    defaults = {item.name: item.default for item in fields(model)}  # MISSING: it is required
    found = {name: get_args(hint) for name, hint in hints.items()}
    return MappingProxyType(
        {
            name: Spec(section, name, _kind(hint), defaults[name], key)
            for name, (hint, key) in found.items()
        }
    )


def _kind(hint: Any) -> Any:
    """Return the type without ``None``."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) else hint
