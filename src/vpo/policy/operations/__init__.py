"""The operations of a phase, one module a family; each module here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from vpo.policy.operation import Operation


def all_operations() -> dict[str, type[Operation]]:
    """Return every operation by its key, in the order in which they are applied."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    # Only classes of this package: one that a test defines is no part of the language.
    found = [item for item in _subclasses(Operation) if item.__module__.startswith(__name__)]
    return {item.key: item for item in sorted(found, key=lambda item: (item.step, item.key))}


def _subclasses(base: type[Operation]) -> Iterator[type[Operation]]:
    for item in base.__subclasses__():
        yield from _subclasses(item)
        if "key" in item.__dict__:
            yield item
