"""The libraries of the configuration: choosing some, their order, and their settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from vpo.config.builder import Settings
from vpo.config.hours import next_start, span
from vpo.config.models import ConfiguredLibrary
from vpo.errors import UsageError
from vpo.text import suggestion


def choose_libraries(settings: Settings, names: Sequence[str]) -> list[ConfiguredLibrary]:
    """Return the libraries with these names, without names all, by priority.

    Raises ``UsageError`` for an unknown name, and if no library is configured.
    """
    known = {library.name: library for library in settings.config.libraries}
    if not known:
        raise UsageError(
            f"no paths are given, and {settings.config_path} has no [[libraries]]; "
            "name files or folders, or configure a library"
        )
    for name in names:
        if name not in known:
            raise UsageError(f"there is no library {name}{suggestion(name, known)}")
    chosen = [library for name, library in known.items() if name in names or not names]
    return sorted(chosen, key=lambda library: -library.priority)


def settings_of(settings: Settings, library: ConfiguredLibrary) -> Settings:
    """Return the settings with those of a library in place of the general ones."""
    config = settings.config
    processing = replace(config.processing, hours=library.hours or config.processing.hours)
    own = settings._replace(config=replace(config, processing=processing))
    return excluding(own, library.exclude or ())


def excluding(settings: Settings, patterns: Sequence[str]) -> Settings:
    """Return settings that exclude files by these patterns, too."""
    if not patterns:
        return settings
    files = settings.config.files
    files = replace(files, exclude=(*(files.exclude or ()), *patterns))
    return settings._replace(config=replace(settings.config, files=files))


def is_open(settings: Settings, now: datetime) -> bool:
    """Return whether files may start now, by ``[processing] hours``; ``now`` is local time."""
    return opening(settings, now) is None


def opening(settings: Settings, now: datetime) -> datetime | None:
    """Return when files may start by ``[processing] hours``, ``None`` if they may now."""
    hours = settings.config.processing.hours or ()
    return next_start([span(text) for text in hours], now)


def open_first(
    chosen: Sequence[ConfiguredLibrary], settings: Settings
) -> Iterator[ConfiguredLibrary]:
    """Yield each library once; those whose hours have not come yet wait for the others."""
    waiting = list(chosen)
    while waiting:
        now = datetime.now()
        ready = (item for item in waiting if is_open(settings_of(settings, item), now))
        library = next(ready, waiting[0])
        waiting.remove(library)
        yield library
