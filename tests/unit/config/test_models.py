"""The configuration's models: defaults, documentation, and what the loader is told of each key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, FrozenInstanceError
from pathlib import Path
from typing import Literal, get_origin

import pytest

from vpo.config.loader import check_value
from vpo.config.models import VIDEO_EXTENSIONS, Config, Processing, Seconds, Size
from vpo.config.specs import Spec, library_keys, spec, specs

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"
KEYS = [known for keys in specs().values() for known in keys.values()]
NAMES = [f"{known.section}.{known.name}" for known in KEYS]


def toml(value: object) -> str:
    """A default as one would write it in the file."""
    if value is None:
        return "unset"
    if value is MISSING:
        return "required"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower()
    return f"`{text}`"


def row(known: Spec) -> str:
    """The line of ``docs/configuration.md`` that a key needs."""
    also = ", ".join(f"`{name}`" for name in (known.key.environment, known.key.flag) if name)
    value = f"{known.expected} ({known.key.unit})" if known.key.unit else known.expected
    doc = known.key.doc
    return f"| `{known.name}` | {value} | {toml(known.default)} | {also or '–'} | {doc} |"  # noqa: RUF001


def test_config_has_documented_defaults() -> None:
    config = Config()
    assert config.processing == Processing(workers=2, max_workers=None)
    assert config.tools.ffmpeg is config.tools.mkvmerge is config.tools.mkvpropedit is None
    assert config.tools.stall_seconds == 120
    assert config.files.preserve_mtime
    assert {"mkv", "mp4", "m4v", "mov", "avi", "webm", "ts", "m2ts"} <= set(config.files.extensions)
    assert (config.logging.level, config.logging.file, config.logging.format) == (
        "warning",
        None,
        "text",
    )


def test_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().processing.workers = 3  # type: ignore[misc]


def test_video_extensions_are_normalized_and_sorted() -> None:
    assert list(VIDEO_EXTENSIONS) == sorted({s.lower().lstrip(".") for s in VIDEO_EXTENSIONS})


def test_specs_name_every_key_in_order() -> None:
    shipped = [f"plugins.{name}" for name in ("radarr", "sonarr", "jellyfin", "plex", "notify")]
    own = ["processing", "tools", "files", "originals", "logging", "cluster", "serve"]
    assert list(specs()) == [*own, *shipped]
    names = ["workers", "max_workers", "hardware_sessions", "nice", "ionice", "hours"]
    assert list(specs()["processing"]) == names
    assert spec("processing.workers") is specs()["processing"]["workers"]
    assert spec("processing.max_workers").kind is int
    assert spec("tools.ffmpeg").kind is Path


def test_max_workers_has_no_flag_or_variable() -> None:
    key = spec("processing.max_workers").key
    assert (key.environment, key.flag) == ("", "")
    workers = spec("processing.workers").key
    assert (workers.environment, workers.flag) == ("VPO_WORKERS", "--workers")


_KINDS = (int, bool, str, Path, tuple, Literal, Size, Seconds, Mapping)


@pytest.mark.parametrize("known", KEYS, ids=NAMES)
def test_key_default_passes_its_own_check(known: Spec) -> None:
    if known.default is not None:
        written = list(known.default) if isinstance(known.default, tuple) else known.default
        assert check_value(known, written, "here") == known.default


@pytest.mark.parametrize("known", KEYS, ids=NAMES)
def test_key_has_a_checked_type_and_a_description(known: Spec) -> None:
    assert (get_origin(known.kind) or known.kind) in _KINDS
    assert known.expected
    assert known.key.doc.endswith(".")


@pytest.mark.parametrize("known", KEYS, ids=NAMES)
def test_key_is_documented(known: Spec) -> None:
    section = DOCS.read_text("utf-8").split(f"## [{known.section}]")[1].split("\n## ")[0]
    assert row(known) in section.splitlines()


def test_documented_keys_exist() -> None:
    text = DOCS.read_text("utf-8")
    sections = {part.split("]")[0]: part for part in text.split("\n## [")[1:]}
    keys = {**specs(), "[libraries": library_keys()}
    assert sections.keys() == keys.keys()
    for name, part in sections.items():
        rows = [line for line in part.split("\n## ")[0].splitlines() if line.startswith("| `")]
        assert rows == [row(known) for known in keys[name].values()]


def test_variables_and_flags_are_used_once() -> None:
    for ways in (
        [known.key.environment for known in KEYS],
        [known.key.flag for known in KEYS],
    ):
        used = [way for way in ways if way]
        assert len(used) == len(set(used))
